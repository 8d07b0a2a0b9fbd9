"""Everything that is wrong with labelled photos, in one report, worst first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from datasets.balance import Balance, balance, balance_faults
from datasets.box_faults import box_faults
from datasets.check_settings import CheckSettings
from datasets.duplicate_faults import duplicate_faults
from datasets.duplicates import Pair, duplicate_pairs
from datasets.fault_names import rank
from datasets.faults import Fault
from datasets.fingerprint_cache import FingerprintCache
from datasets.fingerprints import Fingerprint, fingerprints
from datasets.labels import LabelledPhoto
from datasets.photo_faults import CheckedPhoto, photo_faults
from datasets.predictions import Prediction
from datasets.suspicions import suspicion_faults

Advance = Callable[[], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
FINGERPRINTS: Final = "fingerprints.sqlite"
PREDICTIONS: Final = "predictions.sqlite"


class Predicts(Protocol):
    """What doubts labels: `datasets.predictions.Predictor`."""

    def predictions(
        self, photos: Iterable[CheckedPhoto], advance: Advance
    ) -> Iterator[tuple[CheckedPhoto, tuple[Prediction, ...]]]:
        """Each readable photo with what is seen in it."""


def no_progress(_: str, __: int) -> AbstractContextManager[Advance]:
    """Says nothing."""
    return nullcontext(lambda: None)


@dataclass(slots=True)
class CheckReport:
    """What was found.

    Attributes:
        faults: Findings, worst first.
        photos: Photos looked at, in the order of the positions in `pairs`.
        pairs: Duplicates and photos of one scene.
        balance: Labels per category.
        seconds: How long each stage took.
    """

    faults: list[Fault]
    photos: list[LabelledPhoto]
    pairs: list[Pair]
    balance: list[Balance]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether something must be mended before the labels are used."""
        return any(fault.severity == "error" for fault in self.faults)

    def counts(self) -> Counter[tuple[str, str, str]]:
        """(severity, code, source) -> findings."""
        return Counter((fault.severity, fault.code, fault.source) for fault in self.faults)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        counts = [{"severity": s, "code": c, "source": o, "count": n} for (s, c, o), n in sorted(self.counts().items())]
        return {
            "photos": len(self.photos),
            "sources": dict(sorted(Counter(photo.source for photo in self.photos).items())),
            "counts": counts,
            "balance": [row.to_row() for row in self.balance],
            "seconds": {stage: round(value, 2) for stage, value in self.seconds.items()},
            "faults": [fault.to_row() for fault in self.faults],
        }


def check(
    photos: Sequence[LabelledPhoto],
    settings: CheckSettings,
    cache_folder: Path,
    *,
    predictor: Predicts | None = None,
    imported: Iterable[Fault] = (),
    progress: Progress = no_progress,
) -> CheckReport:
    """Look for everything that `datasets.fault_names` lists.

    Args:
        photos: Labelled photos, with their part where duplicates across parts are to be found.
        settings: What counts as what.
        cache_folder: Where fingerprints are kept.
        predictor: The model that doubts labels; None: nobody doubts them.
        imported: What the import found, which is told again.
        progress: Shows how far it is: (task, steps) -> context of a function to call after each step.
    """
    seconds: dict[str, float] = {}
    faults = list(imported)
    with FingerprintCache(cache_folder / FINGERPRINTS, settings.features) as cache:
        with _timed("fingerprints", seconds), progress("读取照片 reading", len(photos)) as advance:
            paths = [photo.path for photo in photos]
            found = list(fingerprints(paths, cache, settings.features, advance))
        checked = [CheckedPhoto(photo, one.facts) for photo, one in zip(photos, found, strict=True)]
        with _timed("duplicates", seconds):
            pairs = list(_pairs(found, cache, settings, progress))
    with _timed("labels", seconds):
        rows = balance(photos)
        faults += _not_yet_told(photo_faults(checked, settings.photos), faults)
        faults += box_faults(checked, settings.boxes)
        faults += duplicate_faults(checked, pairs, settings.agreement)
        faults += balance_faults(rows, settings.balance)
    if predictor is not None:
        with _timed("model", seconds), progress("核对标注 doubting", len(photos)) as advance:
            faults += suspicion_faults(predictor.predictions(checked, advance), settings.suspicions)
    faults.sort(key=lambda f: (*rank(f.code, f.severity), -f.score, f.source, f.name))
    return CheckReport(faults, list(photos), pairs, rows, seconds)


def _not_yet_told(found: Iterable[Fault], told: Iterable[Fault]) -> list[Fault]:
    """Findings about photos that the import has not told already."""
    known = {(fault.code, fault.source, fault.name) for fault in told}
    return [fault for fault in found if (fault.code, fault.source, fault.name) not in known]


def _pairs(
    found: Sequence[Fingerprint], cache: FingerprintCache, settings: CheckSettings, progress: Progress
) -> Iterator[Pair]:
    with progress("查找重复 duplicates", sum(one.is_readable for one in found)) as advance:
        yield from duplicate_pairs(found, cache, settings.duplicates, advance)


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
