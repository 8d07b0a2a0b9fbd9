"""Freezes many small generated photos: `python -m benchmarks.freeze [--photos 100000] [--added 100]`.

Prints seconds and resident memory while the first freeze runs, then freezes again after some photos were added and
says how many files were read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from datasets.freeze import FreezeOptions, Frozen, freeze
from datasets.labels import Box, LabelledPhoto
from datasets.settings import GroupSettings
from datasets.store import LabelStore, SourceRecord
from inference.categories import load_catalogue

_SHOWN = ("waste_bin", "overflowing_bin", "exposed_garbage", "damaged_road")
_RARE = "street_vendor"
_IN_A_FOLDER = 1000
_HASHES = GroupSettings(scenes=False)  # as it is anyway for more photos than `scenes_limit`
_MIB = 1 << 20


def _resident_mib() -> float:
    """Memory of this process that is in use, from /proc."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / _MIB


def _write(folder: Path, number: int) -> Path:
    path = folder / f"{number // _IN_A_FOLDER:04}" / f"{number:07}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        coarse = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".jpg", cv2.resize(coarse, (32, 32)))[1].tobytes())
    return path


def _fill(store: LabelStore, folder: Path, count: int) -> None:
    def photos() -> list[LabelledPhoto]:
        whole = (0.0, 0.0, 1.0, 1.0)
        return [
            LabelledPhoto(
                "made",
                path := _write(folder, number),
                (Box(_SHOWN[number % len(_SHOWN)], whole), *([Box(_RARE, whole)] if number % 200 == 0 else [])),
                frozenset(_SHOWN),
                group=f"g{number // 3}",
                name=f"{path.parent.name}/{path.name}",
            )
            for number in range(count)
        ]

    store.write(SourceRecord(name="made", licence="CC0", attribution="-", origin="generated"), photos(), [])


def _watched(console: Console, every: int) -> Callable[[], None]:
    """Prints seconds and memory after every so many photos."""
    started, done = time.perf_counter(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done % every == 0:
            console.print(f"{done:>9,} photos {time.perf_counter() - started:8.1f} s {_resident_mib():8.0f} MiB")

    return advance


def _timed(store: LabelStore, name: str, options: FreezeOptions, advance: Callable[[], None]) -> tuple[Frozen, float]:
    started = time.perf_counter()
    frozen = freeze(store, name, options, load_catalogue(), advance)
    return frozen, time.perf_counter() - started


def _filled(folder: Path, count: int) -> LabelStore:
    """The store, filled by a process of its own, whose memory must not count."""
    store = LabelStore(folder / "data")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_fill, store, folder / "photos", count).result()
    return store


def main(photos: int = 100_000, added: int = 100) -> None:
    """Print what the first and the second freeze took."""
    console = Console(highlight=False)
    with TemporaryDirectory() as temporary:
        store = _filled(Path(temporary), photos)
        console.print(f"{photos:,} photos made; {_resident_mib():.0f} MiB, Python {sys.version.split()[0]}")
        first, seconds = _timed(store, "first", FreezeOptions(groups=_HASHES), _watched(console, max(1, photos // 10)))
        table = Table("freeze", "photos", "files read", "seconds", "MiB afterwards")
        table.add_row("first", f"{photos:,}", f"{first.read:,}", f"{seconds:.1f}", f"{_resident_mib():.0f}")
        _filled(Path(temporary), photos + added)
        options = FreezeOptions(base=first.version, groups=_HASHES)
        second, seconds = _timed(store, "second", options, lambda: None)
        table.add_row("second", f"{photos + added:,}", f"{second.read:,}", f"{seconds:.1f}", f"{_resident_mib():.0f}")
        console.print(table)


if __name__ == "__main__":
    typer.run(main)
