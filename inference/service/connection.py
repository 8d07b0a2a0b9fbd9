"""One HTTP connection with bounds on what a client may keep the service waiting for."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from inference.service.dialects import PROBLEM
from inference.service.problems import HEADER_TIMEOUT, HEADERS_TOO_LARGE, MALFORMED_REQUEST, TOO_MANY_CONNECTIONS, Kind

log = logging.getLogger(__name__)


_RETRY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may take.

    Attributes:
        connections: Open at the same time.
        header_timeout: Seconds from the first byte of a request, or from connecting, to the end of its headers.
        idle_timeout: Seconds that a client may take to send the rest of a body nobody wants any more, or to take in
            an answer that waits for it.
    """

    connections: int
    header_timeout: float
    idle_timeout: float


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol, which waits for headers for ever, with timers; its errors are problem documents."""

    limits: ConnectionLimits
    _timer: asyncio.TimerHandle | None = None
    _awaited: str | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, or refuse the connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            detail = f"There are {self.limits.connections} connections already; try again in {_RETRY_SECONDS} second."
            self._end_with(TOO_MANY_CONNECTIONS, detail, f"Retry-After: {_RETRY_SECONDS}\r\n")
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in what the client sent."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not take in its answer."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.idle_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that what was sent is no HTTP, unless an answer is on its way already."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else None
        if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            self._end_with(HEADERS_TOO_LARGE, "Send fewer or shorter headers.")
        else:
            self._end_with(MALFORMED_REQUEST, f"{error or msg}; send an HTTP/1.1 request.")

    def _watch(self) -> None:
        """Have a timer run for as long as the client owes something, from when it began to owe it."""
        awaited = self._what_is_awaited()
        if awaited == self._awaited:
            return
        self._awaited = awaited
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if awaited == "headers":
            self._timer = self.loop.call_later(self.limits.header_timeout, self._headers_late)
        elif awaited == "rest":
            self._timer = self.loop.call_later(self.limits.idle_timeout, self.transport.abort)

    def _what_is_awaited(self) -> str | None:
        if self.transport.is_closing():
            return None
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
            return "headers"
        is_answered = self.cycle is not None and self.cycle.response_complete
        return "rest" if is_answered and self.conn.their_state is h11.SEND_BODY else None

    def _headers_late(self) -> None:
        if not self.conn.trailing_data[0]:  # it only connected, as browsers do in advance
            self.transport.close()
            return
        detail = f"The headers were not complete after {self.limits.header_timeout:g} seconds; send the request again."
        self._end_with(HEADER_TIMEOUT, detail)

    def _end_with(self, kind: Kind, detail: str, extra_head: str = "") -> None:
        """Write a whole answer and close, past the application, which knows nothing of this request."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(kind, detail, extra_head))
        log.info("connection ended", extra={"fields": {"problem": kind.slug, "client": self.client}})
        self.transport.close()


def protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The protocol class of a service with these limits."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})


def _answer(kind: Kind, detail: str, extra_head: str) -> bytes:
    request_id = uuid.uuid4().hex
    document: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail}
    body = json.dumps({**document, "instance": request_id}).encode()
    head = (
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n"
        f"Content-Type: {PROBLEM.media_type}\r\nContent-Length: {len(body)}\r\nX-Request-ID: {request_id}\r\n"
        f"X-Content-Type-Options: nosniff\r\n{extra_head}Connection: close\r\n\r\n"
    )
    return head.encode() + body
