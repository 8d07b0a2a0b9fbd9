"""How the memory of a running server develops."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.serving import Server

_WARM_UP: float = 0.3  # share of the samples that is left out of the slope: caches and arenas fill


@dataclass(slots=True)
class MemoryWatch:
    """Samples a server's resident memory in a thread, between `with` and its end.

    Attributes:
        server: Watched.
        interval: Seconds from sample to sample.
        seconds: When each sample was taken, from the start.
        mebibytes: What it said.
    """

    server: Server
    interval: float = 1.0
    seconds: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> MemoryWatch:
        """Begin."""
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _sample(self) -> None:
        started = time.perf_counter()
        while not self._ended.is_set():
            self.seconds.append(time.perf_counter() - started)
            self.mebibytes.append(self.server.memory())
            self._ended.wait(self.interval)

    @property
    def slope(self) -> float:
        """MiB an hour that the memory grows by, once it is warm; NaN of too few samples."""
        first = int(len(self.seconds) * _WARM_UP)
        if len(self.seconds) - first < 3:  # noqa: PLR2004 - a line through two points says nothing
            return float("nan")
        per_second, _ = np.polyfit(self.seconds[first:], self.mebibytes[first:], 1)
        return float(per_second) * 3600

    def told(self) -> str:
        """Start, least and most once warm, and slope."""
        first = int(len(self.mebibytes) * _WARM_UP)
        warm = self.mebibytes[first:]
        return (
            f"memory: {self.mebibytes[0]:.0f} MiB at first, {min(warm):.0f} to {max(warm):.0f} MiB once warm, "
            f"slope {self.slope:+.1f} MiB an hour"
        )
