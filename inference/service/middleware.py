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

from inference.service.admission import BodyBudget, Held
from inference.service.metrics import Metrics
from inference.service.problems import BODY_TIMEOUT, BODY_TOO_LARGE, INTERNAL_ERROR, OVERLOADED, Problem
from inference.service.record import CLIENT_GONE, RequestRecord, record_of

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
    """Gives every request an id and a log line, counts it, and turns what nobody caught into a problem document.

    Args:
        app: What it watches.
        metrics: Where to count.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord.begin(scope, receive)
        watched = record.watch(send)
        self._metrics.in_flight.inc()
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
            self._metrics.in_flight.dec()
            self._metrics.observe_request(record, scope)
            record.write()


class BodyGuard:
    """Ends a request whose body is too large or stalls, while it arrives, and one there is no memory for, before.

    Args:
        app: What it guards.
        max_bytes: Of the body.
        timeout: Seconds without a byte.
        total_timeout: Seconds for the whole body, which a byte now and then does not prolong.
        budget: Room for all bodies together.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, timeout: float, total_timeout: float, budget: BodyBudget
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._total_timeout = total_timeout
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared, is_chunked = headers.get("content-length", ""), "transfer-encoding" in headers
        if not is_chunked and (not declared.isdecimal() or int(declared) == 0):
            await self._app(scope, receive, send)  # no body
            return
        size = self._max_bytes if is_chunked else int(declared)
        if size > self._max_bytes:
            await self._too_large().response(scope)(scope, receive, send)
            return
        try:
            with self._budget.hold(size) as held:
                scope["state"]["held"] = held
                await self._app(scope, self._guarded(receive, held, record_of(scope)), send)
        except Problem as problem:
            if problem.kind is not OVERLOADED:
                raise
            await problem.response(scope)(scope, receive, send)

    def _guarded(self, receive: Receive, held: Held, record: RequestRecord) -> Receive:
        """A `receive` that counts and watches the clock until the body is complete."""
        received = 0
        is_complete = False
        spent = 0.0

        async def guarded() -> Message:
            nonlocal received, is_complete, spent
            if is_complete:
                return await receive()
            started = time.perf_counter()
            message = await self._in_time(receive, self._total_timeout - spent)
            spent += time.perf_counter() - started
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise self._too_large()
            if is_complete:
                held.settle(received)
                record.add("receive", spent)
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
            raise Problem(BODY_TIMEOUT, f"{what} seconds; send the request again.") from None

    def _too_large(self) -> Problem:
        detail = (
            f"The request is over the {self._max_bytes:,} bytes allowed, all photos together; send fewer "
            "photos per request, or smaller ones."
        )
        return Problem(BODY_TOO_LARGE, detail, max_bytes=self._max_bytes)
