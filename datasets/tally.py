"""Counts of what a set of labelled photos holds, one photo at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from datasets.labels import LabelledPhoto

Cell = tuple[str, str, str]
"""(category, source, part)."""


@dataclass(slots=True)
class Tally:
    """Counts, growing with categories, sources and parts but not with photos.

    Attributes:
        photos: (source, part) -> photos.
        shown: (category, source, part) -> photos that show it.
        boxes: The same -> boxes.
        absent: The same -> photos searched for it exhaustively that do not show it: verified negatives.
        flags: Remark of the labellers -> photos.
        bytes: Size of all files together.
    """

    photos: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: Counter[Cell] = field(default_factory=Counter)
    boxes: Counter[Cell] = field(default_factory=Counter)
    absent: Counter[Cell] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def add(self, photo: LabelledPhoto, size: int = 0) -> None:
        """Count one photo."""
        part = photo.split or ""
        self.photos[photo.source, part] += 1
        self.flags.update(photo.flags)
        self.bytes += size
        for box in photo.boxes:
            self.boxes[box.category, photo.source, part] += 1
        shown = photo.present.union(box.category for box in photo.boxes)
        self.shown.update((category, photo.source, part) for category in shown)
        self.absent.update((category, photo.source, part) for category in photo.exhaustive_for - shown)

    @property
    def categories(self) -> list[str]:
        """Every category with a positive photo or a verified negative, sorted."""
        return sorted({cell[0] for cell in (*self.shown, *self.absent)})

    @property
    def sources(self) -> list[str]:
        """Every source, sorted."""
        return sorted({source for source, _ in self.photos})

    def total(self, part: str | None = None, source: str | None = None) -> int:
        """Photos of a part and source; None: of all."""
        return sum(n for (s, p), n in self.photos.items() if part in (None, p) and source in (None, s))

    def of(self, counts: Counter[Cell], category: str, part: str | None = None, source: str | None = None) -> int:
        """Sum of `shown`, `boxes` or `absent` over a category, part and source; None: over all."""
        return sum(n for (c, s, p), n in counts.items() if c == category and part in (None, p) and source in (None, s))

    def as_rows(self) -> dict[str, Any]:
        """For JSON."""
        cells = sorted({*self.shown, *self.boxes, *self.absent})
        return {
            "photos": [{"source": s, "part": p, "photos": n} for (s, p), n in sorted(self.photos.items())],
            "labels": [
                {
                    "category": cell[0],
                    "source": cell[1],
                    "part": cell[2],
                    "photos": self.shown[cell],
                    "boxes": self.boxes[cell],
                    "negatives": self.absent[cell],
                }
                for cell in cells
            ],
            "flags": dict(sorted(self.flags.items())),
            "bytes": self.bytes,
        }

    @classmethod
    def from_rows(cls, rows: dict[str, Any]) -> Tally:
        """What `as_rows` made."""
        tally = cls(flags=Counter(rows["flags"]), bytes=rows["bytes"])
        for row in rows["photos"]:
            tally.photos[row["source"], row["part"]] = row["photos"]
        for row in rows["labels"]:
            cell = (row["category"], row["source"], row["part"])
            tally.shown[cell], tally.boxes[cell] = row["photos"], row["boxes"]
            tally.absent[cell] = row["negatives"]
        return tally
