"""What is done around every request, whatever it asks for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.service.problems import BODY_TIMEOUT, BODY_TOO_LARGE, INTERNAL_ERROR, Problem
from inference.service.record import CLIENT_GONE, RequestRecord

log = logging.getLogger(__name__)

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class SecurityHeaders:
    """Adds headers to every response that does not set them itself."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str] = SECURITY_HEADERS) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class RequestLog:
    """Gives every request an id and a log line, and turns what nobody caught into a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord.begin(scope)
        watched = record.watch(send)
        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            record.status = CLIENT_GONE
        except Exception:
            log.exception("unexpected error", extra={"fields": {"request_id": record.request_id}})
            if record.status is not None:
                raise  # the answer is half sent: the server must cut the connection
            detail = f"This is a bug. Please report it with request id {record.request_id}."
            await Problem(INTERNAL_ERROR, detail).response(scope)(scope, receive, watched)
        finally:
            record.write()


class BodyGuard:
    """Ends a request whose body is too large or stalls, while it arrives.

    Args:
        app: What it guards.
        max_bytes: Of the body.
        timeout: Seconds without a byte.
        total_timeout: Seconds for the whole body, which a byte now and then does not prolong.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout: float, total_timeout: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._total_timeout = total_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            await self._too_large().response(scope)(scope, receive, send)
            return
        await self._app(scope, self._guarded(receive), send)

    def _guarded(self, receive: Receive) -> Receive:
        """A `receive` that counts and watches the clock until the body is complete."""
        received = 0
        is_complete = False
        spent = 0.0

        async def guarded() -> Message:
            nonlocal received, is_complete, spent
            if is_complete:
                return await receive()
            started = time.monotonic()
            message = await self._in_time(receive, self._total_timeout - spent)
            spent += time.monotonic() - started
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise self._too_large()
            return message

        return guarded

    async def _in_time(self, receive: Receive, left: float) -> Message:
        """What is received next, within the time for a byte and within what is left of the time for the body."""
        try:
            async with asyncio.timeout(min(self._timeout, left)):
                return await receive()
        except TimeoutError:
            is_stalled = self._timeout < left
            what = f"Nothing arrived for {self._timeout:g}" if is_stalled else f"It took over {self._total_timeout:g}"
            detail = f"{what} seconds; send the request again."
            raise Problem(BODY_TIMEOUT, detail, headers={"Connection": "close"}) from None

    def _too_large(self) -> Problem:
        detail = (
            f"The request is over the {self._max_bytes:,} bytes allowed, all photos together; send fewer "
            "photos per request, or smaller ones."
        )
        # Not "Connection: close": closing while bytes arrive resets the connection, and the answer is lost.
        return Problem(BODY_TOO_LARGE, detail, max_bytes=self._max_bytes)
