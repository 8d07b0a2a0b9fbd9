"""When a request is sent again, and how long to wait before that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from inference.client.errors import ConnectionFailed, ServiceError

_RETRIED: Final = frozenset({429, 502, 503, 504})
_POINTLESS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Retries:
    """How stubborn a client is.

    Attributes:
        attempts: How often a request is sent at most.
        first_wait: Seconds before the second attempt where the service does not say; doubled each time.
        longest_wait: Seconds that are waited at most. A service that asks for longer is not asked again.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first_wait < 0 or self.longest_wait < 0:
            raise ValueError(f"attempts must be at least 1 and waits not negative, but got {self}")

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after an attempt, or None to give up.

        Without `Retry-After` a random share of an exponentially growing time, so that many clients that were turned
        away together do not come back together; with it that time and up to `first_wait` more.

        Args:
            attempt: Number of the attempt that failed, from 1.
            asked: What `Retry-After` says, in seconds.
        """
        if attempt >= self.attempts or (asked or 0) > self.longest_wait:
            return None
        if asked is not None:
            return asked + random.uniform(0, self.first_wait)  # noqa: S311 - no secret
        longest = min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait)
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


@dataclass(slots=True)
class Attempts:
    """The attempts of one request.

    Attributes:
        retries: How stubborn to be.
        url: What is asked.
        request_id: The same in every attempt.
        made: How many there were.
    """

    retries: Retries
    url: str
    request_id: str
    made: int = field(default=0)

    def after(self, response: httpx.Response) -> float | None:
        """Seconds to wait before asking again; None when the response is an answer.

        Raises:
            ServiceError: It is an error, and asking again is of no use.
        """
        self.made += 1
        if response.status_code in _SUCCESS:
            return None
        wait = self.retries.wait(self.made, _retry_after(response)) if response.status_code in _RETRIED else None
        if wait is None:
            raise ServiceError.of(response, self.request_id)
        return wait

    def after_error(self, error: httpx.TransportError) -> float:
        """Seconds to wait before asking again.

        Raises:
            ConnectionFailed: Asking again is of no use.
        """
        self.made += 1
        wait = None if isinstance(error, _POINTLESS) else self.retries.wait(self.made, None)
        if wait is None:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(self.url, self.made, reason) from error
        return wait


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that a response asks to wait, given as a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
