"""Are copies found, and only copies? `python -m benchmarks.duplicates [--data DIR] [--copies N] [--sheet PNG]`.

Takes photos of all sources by seed, makes one altered copy of each (benchmarks/copies.py), hides the copies among
all photos and looks for duplicates. Recall: copies that are found. Pairs that were not planted are judged by eye: they
are drawn on a contact sheet (--sheet), for many sources hold real duplicates. A copy that matches a third photo counts
as explained when that photo is a duplicate of its original.

Exit codes: 0 done, 2 bad usage or input.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.copies import TRANSFORMS
from datasets.check_settings import load_check_settings
from datasets.duplicates import Pair, duplicate_pairs
from datasets.fingerprint_cache import FingerprintCache
from datasets.fingerprints import fingerprints
from datasets.groups import joined
from inference.photo import read_photo
from inference.photo_files import SUFFIXES
from inference.printer import Printer

_LONGEST: Final = 1600  # pixels that originals are reduced to before they are altered, as messengers do
_SHEET_WH: Final = (240, 180)


@dataclass(frozen=True, slots=True)
class Planted:
    """A copy: its original's position, its own, and how it was made."""

    original: int
    copy: int
    transform: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        paths: Photos, then copies.
        planted: The copies.
        found: Planted copies that were paired with their original.
        unexpected: Near or exact pairs that were not planted, nor follow from one that was.
        scenes: Pairs called the same scene.
        fingerprint_seconds: Reading all photos and copies.
        pair_seconds: Finding pairs among them.
    """

    paths: Sequence[Path]
    planted: Sequence[Planted]
    found: frozenset[int]
    unexpected: Sequence[Pair]
    scenes: Sequence[Pair]
    fingerprint_seconds: float
    pair_seconds: float


def measured(photos: Sequence[Path], copies: int, seed: int, folder: Path, cache_file: Path) -> Outcome:
    """Plant copies of `photos` in `folder` and look for them."""
    settings = load_check_settings()
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(photos))[:copies].tolist()
    names = list(TRANSFORMS)
    planted = [Planted(o, len(photos) + n, names[n % len(names)]) for n, o in enumerate(chosen)]
    made = [_made(photos[one.original], one.transform, folder / str(one.copy), random) for one in planted]
    paths = [*photos, *made]
    with FingerprintCache(cache_file, settings.features) as cache:
        started = time.perf_counter()
        prints = list(fingerprints(paths, cache, settings.features))
        read = time.perf_counter()
        pairs = list(duplicate_pairs(prints, cache, settings.duplicates))
        paired = time.perf_counter()
    return _outcome(paths, planted, pairs, (read - started, paired - read))


def _made(path: Path, transform: str, target: Path, random: np.random.Generator) -> Path:
    rgb = read_photo(path.read_bytes(), target_side=_LONGEST, allow_degraded=True).rgb
    scale = min(1.0, _LONGEST / max(rgb.shape[:2]))
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    smaller = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    target.write_bytes(TRANSFORMS[transform](smaller, random))
    return target


def _outcome(
    paths: Sequence[Path],
    planted: Sequence[Planted],
    pairs: Sequence[Pair],
    seconds: tuple[float, float],
) -> Outcome:
    same = [pair for pair in pairs if pair.relation != "same-scene"]
    wanted = {(one.original, one.copy): one for one in planted}
    found = frozenset(wanted[pair.first, pair.second].copy for pair in same if (pair.first, pair.second) in wanted)
    # A copy belongs to its original: what it matches beyond that is a statement about two originals.
    original_of = {one.copy: one.original for one in planted}
    between = {
        tuple(sorted((original_of.get(pair.first, pair.first), original_of.get(pair.second, pair.second)))): pair
        for pair in reversed(same)
    }
    unexpected = [pair for (first, second), pair in sorted(between.items()) if first != second]
    scenes = [pair for pair in pairs if pair.relation == "same-scene"]
    return Outcome(paths, planted, found, unexpected, scenes, *seconds)


def draw_sheet(outcome: Outcome, target: Path) -> None:
    """The unexpected pairs, side by side, three pairs a row."""
    tiles = [np.hstack([_tile(outcome.paths[p.first]), _tile(outcome.paths[p.second])]) for p in outcome.unexpected]
    if not tiles:
        return
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    cv2.imwrite(str(target), np.vstack(rows)[..., ::-1])


def _tile(path: Path) -> NDArray[np.uint8]:
    rgb = read_photo(path.read_bytes(), target_side=_SHEET_WH[0], allow_degraded=True).rgb
    return np.asarray(cv2.resize(rgb, _SHEET_WH, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def table(outcome: Outcome) -> Table:
    """Recall by transform."""
    shown = Table("transform", "copies", "found", "recall", caption=_summary(outcome))
    made, found = Counter[str](), Counter[str]()
    for one in outcome.planted:
        made[one.transform] += 1
        found[one.transform] += one.copy in outcome.found
    for name in TRANSFORMS:
        shown.add_row(name, str(made[name]), str(found[name]), f"{found[name] / max(1, made[name]):.3f}")
    total = len(outcome.planted)
    shown.add_row("all", str(total), str(len(outcome.found)), f"{len(outcome.found) / max(1, total):.3f}")
    return shown


def _summary(outcome: Outcome) -> str:
    groups = joined([str(n) for n in range(len(outcome.paths))], [(p.first, p.second) for p in outcome.unexpected])
    sizes = Counter(groups)
    thousands = len(outcome.paths) / 1000
    read, compared = outcome.fingerprint_seconds / thousands, outcome.pair_seconds / thousands
    return (
        f"{len(outcome.unexpected)} pairs not planted, in {sum(size > 1 for size in sizes.values())} groups: judge "
        f"them by eye; {len(outcome.scenes)} pairs of one scene; "
        f"1,000 photos took {read:.1f} s to read and {compared:.1f} s to compare"
    )


def main(
    data: Annotated[Path, typer.Option(help="Folder of sources, each with images/.")] = Path("../shared/data"),
    copies: Annotated[int, typer.Option(min=1)] = 1100,
    seed: int = 0,
    photos: Annotated[int | None, typer.Option(help="Use only so many photos.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="PNG to draw unexpected pairs on.")] = None,
) -> None:
    """Recall by transform, pairs to judge by eye, and seconds per 1,000 photos."""
    printer = Printer()
    found = sorted(path for path in data.glob("*/images/*") if path.suffix.lower() in SUFFIXES)
    if not found:
        printer.error(f"{data}: no source with images/ there; name the folder with --data")
        raise typer.Exit(2)
    if photos is not None:
        found = [found[n] for n in sorted(np.random.default_rng(seed).permutation(len(found))[:photos].tolist())]
    with TemporaryDirectory() as folder:
        outcome = measured(found, copies, seed, Path(folder), Path(folder) / "fingerprints.sqlite")
        printer.table(table(outcome))
        if sheet is not None:
            draw_sheet(outcome, sheet)


if __name__ == "__main__":
    typer.run(main)
