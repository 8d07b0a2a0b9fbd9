"""What stands between the network and the application, in the order in which a request meets it."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from inference.service.access import AccessControl
from inference.service.hosts import HostGuard
from inference.service.keyring import Keyring
from inference.service.origins import OriginGuard
from inference.service.rate_limit import RateLimit
from inference.service.record import HEADER
from inference.settings import ServiceSettings

_CORS_HEADERS: Final = ("Authorization", "X-API-Key", "Content-Type", HEADER)
_CORS_ANSWER_HEADERS: Final = (HEADER, "Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate")


def add_guards(app: Starlette, settings: ServiceSettings) -> None:
    """Add the guards that the settings ask for.

    The last one added is met first: whether the name is right, whether a page of another site asks, whose key it is,
    how often it was used.
    """
    if settings.client_rate is not None or settings.needs_keys:
        app.add_middleware(RateLimit, key_rate=settings.key_rate, client_rate=settings.client_rate)
    if settings.needs_keys:
        app.add_middleware(AccessControl, keys=Keyring(settings.keys_file))
    app.add_middleware(OriginGuard, trusted=settings.cors_origins)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_ANSWER_HEADERS,
        )
    if settings.hosts is not None:
        app.add_middleware(HostGuard, names=settings.hosts)
