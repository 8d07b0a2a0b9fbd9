"""Closes connections whose request was answered before its body was read, without losing the answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES: Final = 8 * 1024 * 1024
"""Of a refused body that are still taken in, and thrown away."""
LINGER_SECONDS: Final = 2.0
"""That the client has to read its answer."""


class LingeringClose:
    """Bounds what is read of a body that nobody asked for.

    A server would read such a body to its end to keep the connection, be it gigabytes; closing at once resets the
    connection, and the client may lose its answer. So the answer is sent whole, a little of the body is thrown away
    meanwhile, and then the connection is closed.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int = LINGER_BYTES, timeout: float = LINGER_SECONDS) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        is_read = False

        async def receive_noting() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def send_lingering(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_read:
                MutableHeaders(scope=message)["Connection"] = "close"
            if message["type"] == "http.response.body" and not message.get("more_body", False) and not is_read:
                await send({**message, "more_body": True})  # the client has its whole answer by Content-Length
                await self._discard(receive_noting)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, receive_noting, send_lingering)

    async def _discard(self, receive: Receive) -> None:
        left = self._max_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return


def _has_body(scope: Scope) -> bool:
    """Whether the head announces a body."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False
