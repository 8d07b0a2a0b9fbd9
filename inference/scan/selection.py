"""Photos of a scan that would teach the model most: uncertain, contradictory, of rare categories, and not all alike."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath
from typing import Final, Literal

from inference.categories import Catalogue
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.originals import FRAME
from inference.scan.record import Record, RecordedDetection
from inference.scan.selection_settings import SelectionSettings

Why = Literal["uncertain", "disagreeing", "rare"]

_UNSURE: Final = 0.3  # probability that stands for a photo called `uncertain`: between half the threshold and it
_PLACE_DIGITS: Final = 3  # of degrees: cells of about 100 m
_NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that may be worth labelling.

    Attributes:
        record: It.
        value: How much so, before likeness to others counts.
        why: What speaks for it most.
    """

    record: Record
    value: float
    why: Why


def select(scan: ScanFolder, number: int, settings: SelectionSettings, catalogue: Catalogue) -> list[Candidate]:
    """The photos to label next, the most useful first; each content once.

    Two passes over the records; in memory are `number` times `pool` of them.

    Args:
        scan: The scan.
        number: How many, at most; photos that nothing speaks for are never among them.
        settings: How they are weighed.
        catalogue: Roll-up parents: a parent and its child do not contradict each other.
    """
    rarity = _rarity(scan)
    pool: list[tuple[float, int, Candidate]] = []
    for order, candidate in enumerate(_candidates(scan, rarity, settings, catalogue)):
        entry = (candidate.value, -order, candidate)
        if len(pool) < number * settings.pool:
            heapq.heappush(pool, entry)
        elif pool and entry[:2] > pool[0][:2]:
            heapq.heapreplace(pool, entry)
    return list(_diverse([candidate for *_, candidate in sorted(pool, key=_best_first)], number, settings))


def _best_first(entry: tuple[float, int, Candidate]) -> tuple[float, int]:
    return -entry[0], -entry[1]


def _rarity(scan: ScanFolder) -> dict[str, float]:
    """Category -> 0 for the most frequent one of the scan, towards 1 for the rarest."""
    counts = Counter(suggestion.category for record in scan.records() for suggestion in record.suggestions)
    most = math.log1p(max(counts.values(), default=0))
    return {category: 1 - math.log1p(count) / most for category, count in counts.items()} if most else {}


def _candidates(
    scan: ScanFolder, rarity: Mapping[str, float], settings: SelectionSettings, catalogue: Catalogue
) -> Iterator[Candidate]:
    for record in scan.records():
        if record.same_as is None and record.verdict in ("issue", "uncertain", "no_issue"):
            parts: dict[Why, float] = {
                "uncertain": settings.uncertain * _uncertainty(record),
                "disagreeing": settings.disagreeing * _disagreement(record, settings.overlap, catalogue),
                "rare": settings.rare * max((rarity[s.category] for s in record.suggestions), default=0.0),
            }
            value = sum(parts.values())
            if value > 0:
                yield Candidate(record, value, max(parts, key=lambda why: parts[why]))


def _uncertainty(record: Record) -> float:
    """1 where some probability is one half, 0 where all are certain."""
    probabilities = [suggestion.probability for suggestion in record.suggestions]
    if record.verdict == "uncertain":
        probabilities.append(_UNSURE)
    return max((4 * p * (1 - p) for p in probabilities), default=0.0)


def _disagreement(record: Record, overlap: float, catalogue: Catalogue) -> float:
    """How sure the model is of two names for one thing, by the less sure of the two."""
    boxes = [detection for detection in record.detections if not detection.context]
    return max(
        (
            min(one.score, other.score)
            for one, other in combinations(boxes, 2)
            if one.category != other.category
            and catalogue.require(one.category).parent != other.category
            and catalogue.require(other.category).parent != one.category
            and _iou(one, other) >= overlap
        ),
        default=0.0,
    )


def _iou(one: RecordedDetection, other: RecordedDetection) -> float:
    a, b = one.box, other.box
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / both if both > 0 else 0.0


def _diverse(candidates: list[Candidate], number: int, settings: SelectionSettings) -> Iterator[Candidate]:
    """The best ones, where every choice makes those of the same place and category less worth.

    Worth only falls, so that a candidate whose worth was computed anew and is still the highest is the best
    (lazy greedy, Minoux 1978).
    """
    places: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    queue = [(-candidate.value, order) for order, candidate in enumerate(candidates)]
    heapq.heapify(queue)
    while queue and number:
        worth, order = heapq.heappop(queue)
        candidate = candidates[order]
        place, category = _place(candidate.record), _category(candidate.record)
        loss = 1 + settings.place_share * places[place] + settings.category_share * categories[category]
        now = -candidate.value / loss
        if now > worth:
            heapq.heappush(queue, (now, order))
            continue
        places[place] += 1
        categories[category] += 1
        number -= 1
        yield candidate


def _place(record: Record) -> str:
    """Equal for photos of about one place; else of one folder and day, or of one video."""
    if record.latitude is not None and record.longitude is not None:
        return f"{record.latitude:.{_PLACE_DIGITS}f} {record.longitude:.{_PLACE_DIGITS}f}"
    if record.captured_at is not None:
        return f"{record.source}/{PurePath(record.path).parent} {record.captured_at[:10]}"
    return record.location.partition(FRAME)[0]


def _category(record: Record) -> str:
    """The category of the least sure suggestion."""
    return min(record.suggestions, key=lambda s: s.probability).category if record.suggestions else _NOTHING
