"""How many labels each category has, how large its boxes are, and what it lacks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from datasets.check_settings import BalanceSettings
from datasets.faults import Fault
from datasets.geometry import area
from datasets.labels import LabelledPhoto

_PERCENTILES = (5, 50, 95)


@dataclass(slots=True)
class Balance:
    """One category.

    Attributes:
        category: Category id.
        boxes: Labelled instances.
        photos: Photos that show it.
        negatives: Photos verified not to show it.
        unknown: Photos that nobody searched for it.
        sources: Photos showing it, by source.
        splits: Photos showing it, by part.
        sizes: 5th, 50th and 95th percentile of the boxes' share of the photo; None without boxes.
    """

    category: str
    boxes: int = 0
    photos: int = 0
    negatives: int = 0
    unknown: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    sizes: tuple[float, ...] | None = None

    def to_row(self) -> dict[str, Any]:
        """For JSON."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {**values, "sources": dict(self.sources), "splits": dict(self.splits)}


def balance(photos: Iterable[LabelledPhoto]) -> list[Balance]:
    """Every category that some photo was labelled for, most boxes first."""
    found: dict[str, Balance] = {}
    shares: dict[str, list[float]] = defaultdict(list)
    total = 0
    for photo in photos:
        total += 1
        for category in photo.exhaustive_for | photo.present | {box.category for box in photo.boxes}:
            _count(found.setdefault(category, Balance(category)), photo, category)
        for box in photo.boxes:
            shares[box.category].append(area(box.xyxy))
    for row in found.values():
        row.boxes, row.unknown = len(shares[row.category]), total - row.photos - row.negatives
        if row.boxes:
            row.sizes = tuple(round(float(v), 5) for v in np.percentile(shares[row.category], _PERCENTILES))
    return sorted(found.values(), key=lambda row: (-row.boxes, -row.photos, row.category))


def _count(row: Balance, photo: LabelledPhoto, category: str) -> None:
    if photo.shows(category):
        row.photos += 1
        row.sources[photo.source] += 1
        if photo.split:
            row.splits[photo.split] += 1
    elif category not in photo.unsure:
        row.negatives += 1


def balance_faults(rows: Sequence[Balance], settings: BalanceSettings) -> Iterator[Fault]:
    """What categories lack, one finding each."""
    for row in rows:
        details = {"category": row.category}
        if row.photos < settings.min_photos:
            message = f"照片太少 / {row.photos} photos show it, {settings.min_photos} are needed"
            yield Fault("few-photos", "note", message, score=1 - row.photos / settings.min_photos, details=details)
        if row.boxes < settings.min_boxes:
            message = f"框太少 / {row.boxes} boxes, {settings.min_boxes} are needed"
            yield Fault("few-boxes", "note", message, score=1 - row.boxes / settings.min_boxes, details=details)
        if len(row.sources) == 1:
            message = f"只有一个来源 / only {next(iter(row.sources))} shows it: the source may be learnt instead"
            yield Fault("one-source-only", "note", message, score=0.5, details=details)
        if row.negatives < settings.min_negatives:
            message = f"缺少负样本 / {row.negatives} photos verified without it, {settings.min_negatives} needed"
            share = 1 - row.negatives / settings.min_negatives
            yield Fault("few-negatives", "note", message, score=share, details=details)
