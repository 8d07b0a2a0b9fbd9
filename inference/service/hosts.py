"""Refuses requests that call the service by a name it does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.service.options import shortened
from inference.service.problems import Kind, Problem

UNKNOWN_HOST: Final = Kind("unknown-host", 421, "The service does not go by this name")

_PROBES: Final = frozenset({"/livez", "/readyz"})  # asked for by address, and worth nothing to anybody else


class HostGuard:
    """Compares the Host header with the service's names, against DNS rebinding.

    Args:
        app: What it guards.
        names: Names and addresses, IPv6 without brackets; `*.domain` stands for every name below the domain.
    """

    def __init__(self, app: ASGIApp, *, names: Sequence[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._domains = tuple(name[1:] for name in self._names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _PROBES or self._is_known(host_of(scope)):
            await self._app(scope, receive, send)
            return
        named = shortened(Headers(scope=scope).get("host", ""))
        detail = (
            f"The request calls the service {named!r}; use one of {', '.join(sorted(self._names))}, or have the "
            "operator add the name to allowed_hosts."
        )
        await Problem(UNKNOWN_HOST, detail).response(scope)(scope, receive, send)

    def _is_known(self, host: str) -> bool:
        return host in self._names or (bool(self._domains) and host.endswith(self._domains))


def host_of(scope: Scope) -> str:
    """The Host header of a request in lower case, without port and brackets."""
    host = Headers(scope=scope).get("host", "").lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
