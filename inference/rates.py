"""Rate limits as an operator writes them."""

from __future__ import annotations

from typing import Final

from limits import RateLimitItem, parse

_HOW: Final = "write it as 60/minute: a number, a slash, and second, minute, hour or day"


def checked_rate(text: str) -> str:
    """The same text, if it is a rate limit.

    Raises:
        ValueError: It is none.
    """
    read_rate(text)
    return text


def read_rate(text: str) -> RateLimitItem:
    """The limit that a text such as 60/minute sets.

    Raises:
        ValueError: It sets none.
    """
    try:
        rate: RateLimitItem = parse(text)
    except ValueError:
        raise ValueError(f"{text!r} is no rate limit; {_HOW}") from None
    if rate.amount < 1:
        raise ValueError(f"{text!r} allows nothing; {_HOW}")
    return rate
