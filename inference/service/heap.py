"""Gives freed memory back to the system."""

from __future__ import annotations

import ctypes
from functools import cache


def trim() -> None:
    """Give back what was freed and the allocator keeps: a dropped model leaves its allocator's arenas full of holes.

    Does nothing where the C library has no such call (it is glibc's).
    """
    if (malloc_trim := _malloc_trim()) is not None:
        malloc_trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return None
