"""The worst places of a scan, those that come back, and what became of problems."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from inference.compare import ChangeVerdict
from inference.scan.case_record import CASES, PLACES, Repeat, ScanCase, ScanPlace
from inference.scan.cases_command import grouped
from inference.scan.exports.scan_folder import EXPORTS, ScanFolder
from inference.scan.journal import JournalError, segments
from inference.scan.settings import ScanSettings

_Line = TypeVar("_Line", ScanCase, ScanPlace)
_LEAST: Final = 2  # problems that make a place one of the worst


@dataclass(slots=True)
class PlaceFacts:
    """What is said about places.

    Attributes:
        is_full: Whether `patrol scan-cases` made them, which also compares photos; else by positions alone, just now.
        places: How many.
        cases: How many.
        worst: Those with the most problems, worst first.
        repeats: Those at which a problem comes back, the most months first.
        changes: (category, verdict) -> from one case of a place to the next.
    """

    is_full: bool
    places: int = 0
    cases: int = 0
    worst: list[ScanPlace] = field(default_factory=list)
    repeats: list[tuple[ScanPlace, Repeat]] = field(default_factory=list)
    changes: Counter[tuple[str, ChangeVerdict]] = field(default_factory=Counter)

    def changed(self) -> list[str]:
        """Categories with a verdict, the most frequent first."""
        totals: Counter[str] = Counter()
        for (category, _), count in self.changes.items():
            totals[category] += count
        return [category for category, _ in totals.most_common()]


def place_facts(scan: ScanFolder, settings: ScanSettings) -> PlaceFacts:
    """What `patrol scan-cases` found, where that is as new as the records; else places by positions alone.

    Raises:
        JournalError: The files of `patrol scan-cases` are damaged.
    """
    paths = [scan.path / EXPORTS / name for name in (CASES, PLACES)]
    is_full = _are_fresh(paths, scan.path)
    facts = PlaceFacts(is_full)
    worst: list[tuple[int, int, ScanPlace]] = []
    for number, (place, cases) in enumerate(_kept(paths[1]) if is_full else grouped(scan, settings)):
        facts.places += 1
        facts.cases += len(cases) or len(place.cases)
        if place.problems >= _LEAST:
            _keep(worst, (place.problems, -number, place), settings.report.places)
        facts.repeats += [(place, repeat) for repeat in place.repeats]
        facts.repeats = sorted(facts.repeats, key=_months)[: settings.report.places]
    facts.worst = [place for _, _, place in sorted(worst, key=lambda entry: entry[:2], reverse=True)]
    if is_full:
        for case in _lines(paths[0], ScanCase):
            facts.changes.update((c.category, c.verdict) for c in case.changes if c.before is not None)
    return facts


def _months(pair: tuple[ScanPlace, Repeat]) -> tuple[int, str, str]:
    place, repeat = pair
    return -len(repeat.months), place.place, repeat.category


def _keep(worst: list[tuple[int, int, ScanPlace]], entry: tuple[int, int, ScanPlace], most: int) -> None:
    if len(worst) < most:
        heapq.heappush(worst, entry)
    elif entry[:2] > worst[0][:2]:
        heapq.heapreplace(worst, entry)


def _are_fresh(paths: Sequence[Path], folder: Path) -> bool:
    """Whether the files are there, and no record was written after them."""
    if not all(path.exists() for path in paths):
        return False
    newest = max((path.stat().st_mtime_ns for path in segments(folder)), default=0)
    return min(path.stat().st_mtime_ns for path in paths) >= newest


def _kept(places: Path) -> Iterator[tuple[ScanPlace, tuple[ScanCase, ...]]]:
    for place in _lines(places, ScanPlace):
        yield place, ()


def _lines(path: Path, kind: type[_Line]) -> Iterator[_Line]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield kind.model_validate_json(line)
            except ValidationError as error:
                raise JournalError(f"{path}:{number}: is damaged; make it anew: patrol scan-cases") from error
