from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from inference.service.lingering import LingeringClose

LIMIT, CHUNK = 1000, 100


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", 413)(scope, receive, send)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


class Connection:
    """What a server would do with one request whose body has so many bytes."""

    def __init__(self, size: int, *, stalls: bool = False) -> None:
        self.left = size
        self.sent: list[Message] = []
        self.scope: Scope = {"type": "http", "method": "POST", "headers": [(b"content-length", str(size).encode())]}
        self._stalls = stalls

    async def receive(self) -> Message:
        if self._stalls:
            await asyncio.Event().wait()
        self.left -= CHUNK
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": self.left > 0}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@pytest.mark.parametrize(
    ("size", "left"), [(CHUNK, 0), (5 * CHUNK, 0), (1_000_000, 1_000_000 - LIMIT)], ids=["one chunk", "small", "large"]
)
def test_a_refused_body_is_read_in_part(size: int, left: int) -> None:
    connection = Connection(size)
    asyncio.run(LingeringClose(refusing, max_bytes=LIMIT)(connection.scope, connection.receive, connection.send))
    assert connection.left == left
    assert connection.headers()[b"connection"] == b"close"
    assert connection.body() == b"no"
    assert [message.get("more_body", False) for message in connection.sent] == [False, True, False]


def test_a_body_that_stalls_is_not_waited_for() -> None:
    connection = Connection(1000, stalls=True)
    asyncio.run(LingeringClose(refusing, timeout=0.05)(connection.scope, connection.receive, connection.send))
    assert connection.body() == b"no"
    assert not connection.sent[-1].get("more_body", False)


@pytest.mark.parametrize("size", [0, 300])
def test_the_connection_is_kept_where_the_body_was_read(size: int) -> None:
    connection = Connection(size)
    app = reading if size else refusing
    asyncio.run(LingeringClose(app)(connection.scope, connection.receive, connection.send))
    assert b"connection" not in connection.headers()
    assert connection.body() == (b"300" if size else b"no")
