"""Refuses what web pages of other sites send without their reader knowing (CSRF)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.service.options import shortened
from inference.service.problems import Kind, Problem

CROSS_SITE: Final = Kind("cross-site", 403, "A web page of another site sent this")

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN: Final = frozenset({"same-origin", "none"})  # none: the reader asked for it, not a page


class OriginGuard:
    """Lets browsers change something only from the service's own pages; programs, which say no origin, may.

    A page of another site can post to 127.0.0.1 of whoever reads it; where no key is needed, that would be obeyed.

    Args:
        app: What it guards.
        trusted: Further origins that may.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str]) -> None:
        self._app = app
        self._trusted = frozenset(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in _HARMLESS or self._is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        origin = shortened(Headers(scope=scope).get("origin", "another site"))
        detail = f"A page of {origin} sent the request; the operator can allow that origin in cors_origins."
        await Problem(CROSS_SITE, detail).response(scope)(scope, receive, send)

    def _is_own(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is not None and origin in self._trusted:
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in _OWN
        return origin is None or _host(origin) == headers.get("host", "").lower()


def _host(origin: str) -> str | None:
    """Host and port of an origin as a Host header gives them; None for `null`."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
