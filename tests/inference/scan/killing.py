"""Kills a scan again and again at random moments, and lets it go on."""

from __future__ import annotations

import multiprocessing
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.scan.journal import segments
from tests.inference.scan.stub import scan_in_child

_FOREVER = 300


def _context() -> Any:
    """Children of a small server process that has imported everything already: they start in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.inference.scan.preloaded"])
    return context


@dataclass(frozen=True, slots=True)
class Killed:
    """What happened.

    Attributes:
        kills: Processes that SIGKILL ended in the middle of their work.
        torn: Of these, how many left a torn last line.
    """

    kills: int
    torn: int


def scan_with_kills(out: Path, sources: list[Path], kills: int, total: int, seconds: float, seed: int = 7) -> Killed:
    """Scan to the end, killing as often as asked at random moments.

    Args:
        out: Folder of the records.
        sources: What to scan.
        kills: How often.
        total: How many records there will be: kills are spread over the whole scan.
        seconds: Of the stub engine per photo.
        seed: Of the moments.
    """
    rng, context, torn = random.Random(seed), _context(), 0  # noqa: S311 - moments, no secrets
    done = 0
    for kill in range(kills):
        child = context.Process(target=scan_in_child, args=(str(out), [str(one) for one in sources], seconds))
        child.start()
        _wait_for_records(out, total * (kill + rng.random()) / (kills + 1), child)
        time.sleep(rng.random() * 4 * seconds)
        if child.is_alive():
            child.kill()
            done += 1
        child.join()
        torn += any(path.stat().st_size and not path.read_bytes().endswith(b"\n") for path in segments(out)[-1:])
    child = context.Process(target=scan_in_child, args=(str(out), [str(one) for one in sources], seconds))
    child.start()
    child.join(_FOREVER)
    if child.exitcode != 0:
        raise RuntimeError(f"the last run ended with {child.exitcode}")
    return Killed(done, torn)


def _wait_for_records(out: Path, count: float, child: Any) -> None:
    while child.is_alive() and sum(path.read_bytes().count(b"\n") for path in segments(out)) < count:
        time.sleep(0.002)
