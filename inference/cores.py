"""How many processor cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """At least 1; on Linux those that the process is bound to, elsewhere those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
