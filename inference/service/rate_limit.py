"""Answers 429 to whoever asks more often than agreed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.api_key import KeyRecord
from inference.rates import read_rate
from inference.service.permissions import scopes_for
from inference.service.problems import Kind, Problem

RATE_LIMITED: Final = Kind("rate-limited", 429, "Too many requests")

_IPV6_OWNER: Final = 64  # bits of an IPv6 address that belong to one customer


class RateLimit:
    """Counts requests per key, or per client address where there is no key; probes and pages are not counted.

    Args:
        app: What it guards.
        key_rate: For a key without a rate of its own, such as 60/minute; None: no limit.
        client_rate: For a client without a key; None: no limit.
    """

    def __init__(self, app: ASGIApp, *, key_rate: str | None, client_rate: str | None) -> None:
        self._app = app
        self._key_rate = key_rate
        self._client_rate = client_rate
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scopes_for(scope["path"]):
            await self._app(scope, receive, send)
            return
        key: KeyRecord | None = scope["state"].get("key")
        text = self._client_rate if key is None else key.rate or self._key_rate
        if text is None:
            await self._app(scope, receive, send)
            return
        who = _client(scope) if key is None else f"key {key.id}"
        quota = self._count(read_rate(text), who)
        if quota.is_kept:
            await self._app(scope, receive, quota.watch(send))
            return
        limit = f"{quota.amount} requests in {quota.window} seconds"
        detail = f"Over {limit}; try again in {quota.reset} seconds."
        problem = Problem(RATE_LIMITED, detail, headers={"Retry-After": str(quota.reset)})
        await problem.response(scope)(scope, receive, quota.watch(send))

    def _count(self, rate: RateLimitItem, who: str) -> _Quota:
        is_kept = self._limiter.hit(rate, who)
        reset_at, remaining = self._limiter.get_window_stats(rate, who)
        reset = max(1, math.ceil(reset_at - time.time()))
        return _Quota(is_kept, rate.amount, int(rate.get_expiry()), remaining, reset)


@dataclass(frozen=True, slots=True)
class _Quota:
    """Where a client stands.

    Attributes:
        is_kept: Whether this request is within the limit.
        amount: Requests allowed.
        window: In how many seconds.
        remaining: How many are left.
        reset: Seconds until there are more.
    """

    is_kept: bool
    amount: int
    window: int
    remaining: int
    reset: int

    def watch(self, send: Send) -> Send:
        """A `send` that tells the client where it stands, as the IETF draft on RateLimit headers has it."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"requests";q={self.amount};w={self.window}'
                headers["RateLimit"] = f'"requests";r={self.remaining};t={self.reset}'
            await send(message)

        return watched


def _client(scope: Scope) -> str:
    """Who asks; of an IPv6 address the network, since one client has all its addresses."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return f"client {host}"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"client {ip_network((address.packed, _IPV6_OWNER), strict=False)}"
    return f"client {address}"
