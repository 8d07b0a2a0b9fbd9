"""What is noted about one request, and the log line that is made of it."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

log = logging.getLogger("street-patrol.request")

HEADER: Final = "X-Request-ID"
CLIENT_GONE: Final = 499
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_KEY: Final = "record"


@dataclass(slots=True)
class RequestRecord:
    """Facts about a request; never a picture, a place or a file name.

    Attributes:
        request_id: As the client asked in X-Request-ID, if that was sane, else a new one.
        method: HTTP method.
        path: Without the query.
        status: Sent, or None.
        photos: How many there were.
        seconds: Stage -> time spent; stages of several photos run at once and are added up.
        problem: Slug of the problem that ended it, or None.
        key: Name of the API key it came with, or None.
    """

    request_id: str
    method: str
    path: str
    status: int | None = None
    photos: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str | None = None
    key: str | None = None
    _receive: Receive | None = None
    _answered: float | None = None
    _started: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(cls, scope: Scope, receive: Receive | None = None) -> RequestRecord:
        """Open the record of a request and keep it in its scope.

        Args:
            scope: Of the request.
            receive: What the server gives of it; lets `until_gone` notice that the client is gone.
        """
        asked = Headers(scope=scope).get(HEADER, "")
        request_id = asked if _SANE_ID.fullmatch(asked) else uuid.uuid4().hex
        record = cls(request_id, scope["method"], scope["path"], _receive=receive)
        scope.setdefault("state", {})[_KEY] = record
        return record

    def add(self, stage: str, seconds: float) -> None:
        """Count time spent in a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @property
    def elapsed(self) -> float:
        """Seconds from when the request began to arrive to the last byte of its answer, or until now."""
        return (self._answered or time.perf_counter()) - self._started

    async def until_gone(self) -> None:
        """Return when the client has gone away; only to be called once the body was read."""
        if self._receive is None:
            await asyncio.Event().wait()
            return
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def watch(self, send: Send) -> Send:
        """A `send` that notes the status and tells the client the request's id."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = self.request_id
            await send(message)
            if message.get("body"):  # what comes after it is a lingering connection
                self._answered = time.perf_counter()

        return watched

    def write(self) -> None:
        """Log it in one line; probes only at level debug."""
        stages = {f"{stage}_ms": _milliseconds(seconds) for stage, seconds in self.seconds.items()}
        fields = {
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": _milliseconds(self.elapsed),
            "photos": self.photos,
            **stages,
        }
        if self.problem:
            fields["problem"] = self.problem
        if self.key:
            fields["key"] = self.key
        level = logging.DEBUG if self.path in _PROBES else logging.INFO
        log.log(level, "request", extra={"fields": fields})


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def record_of(scope: Scope) -> RequestRecord:
    """The record that `begin` opened."""
    record = scope["state"][_KEY]
    if not isinstance(record, RequestRecord):
        raise TypeError(f"scope state must hold a RequestRecord, but holds {type(record).__name__}")
    return record
