"""What is known about one photo: its boxes, its tags, and which categories were looked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class Box:
    """One labelled instance.

    Attributes:
        category: Category id.
        xyxy: (x1, y1, x2, y2) as fractions of the upright photo, x right, y down, each in [0, 1].
    """

    category: str
    xyxy: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.xyxy
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            raise ValueError(f"box of {self.category} must satisfy 0 <= x1 < x2 <= 1 (y alike), but got {self.xyxy}")


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo and everything that people said about it.

    A category in `exhaustive_for` without a box is a true negative; a category outside it is unknown, never
    negative.

    Attributes:
        source: Name of the source it comes from.
        path: The photo's file, local or, as a `upath.UPath`, anywhere fsspec reads (s3://bucket/key).
        boxes: Labelled instances.
        exhaustive_for: Categories of which every instance in the photo is labelled.
        present: Categories the photo shows according to photo-level tags (no box needed).
        flags: Remarks of the labellers, such as `night` or `collage`.
        group: Photos of one group never part between splits.
        split: Which part of the data set it belongs to; None until split.
        name: Path below the source's photo folder, with `/`; empty: the file's name.
        unsure: Categories that somebody hesitated about: neither shown nor not shown.
    """

    source: str
    path: Path
    boxes: tuple[Box, ...] = ()
    exhaustive_for: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    group: str = ""
    split: Split | None = None
    name: str = ""
    unsure: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """`source/name`, unique in a data set."""
        return f"{self.source}/{self.name or self.path.name}"

    def shows(self, category: str) -> bool | None:
        """Whether the photo shows `category`: True, False, or None where nobody looked for it."""
        if category in self.present or any(box.category == category for box in self.boxes):
            return True
        return False if category in self.exhaustive_for else None

    def merged(self, other: LabelledPhoto) -> LabelledPhoto:
        """This photo with the labels of a second label set of the same file."""
        return replace(
            self,
            boxes=self.boxes + other.boxes,
            exhaustive_for=self.exhaustive_for | other.exhaustive_for,
            present=self.present | other.present,
            flags=self.flags | other.flags,
            unsure=self.unsure | other.unsure,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of labelled photos with its papers.

    Attributes:
        name: Folder name.
        licence: Licence text as the source states it.
        attribution: Whom to name.
        photos: The labelled photos, by file name.
        warnings: What was mended or dropped while reading, each naming the file.
    """

    name: str
    licence: str
    attribution: str
    photos: tuple[LabelledPhoto, ...]
    warnings: tuple[str, ...] = field(default=())
