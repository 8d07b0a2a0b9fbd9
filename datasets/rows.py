"""A labelled photo as one JSON line, the form it has in the label store and in frozen versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upath import UPath

from datasets.labels import Box, LabelledPhoto

DIGITS = 6
"""Decimals of a box's fractions on disk: a hundredth of a pixel on the largest photo."""


def to_row(photo: LabelledPhoto) -> dict[str, Any]:
    """Everything but the source's name, which the file says; keys in a fixed order, sets sorted."""
    return {
        "name": photo.name or photo.path.name,
        "path": str(photo.path),
        "boxes": [[box.category, *(round(v, DIGITS) for v in box.xyxy)] for box in photo.boxes],
        "exhaustive_for": sorted(photo.exhaustive_for),
        "present": sorted(photo.present),
        "unsure": sorted(photo.unsure),
        "flags": sorted(photo.flags),
        "group": photo.group,
        "split": photo.split,
    }


def from_row(row: Mapping[str, Any], source: str) -> LabelledPhoto:
    """What `to_row` made."""
    return LabelledPhoto(
        source=source,
        path=photo_path(row["path"]),
        boxes=tuple(Box(category, (x1, y1, x2, y2)) for category, x1, y1, x2, y2 in row["boxes"]),
        exhaustive_for=frozenset(row["exhaustive_for"]),
        present=frozenset(row["present"]),
        flags=frozenset(row["flags"]),
        group=row["group"],
        split=row["split"],
        name=row["name"],
        unsure=frozenset(row["unsure"]),
    )


def photo_path(location: str) -> Path:
    """A local path, or a `UPath` for a URL such as s3://bucket/key; both answer `read_bytes` and `is_file`."""
    if "://" not in location:
        return Path(location)
    return UPath(location)  # type: ignore[return-value]  # not a Path, but has all of it that is used here
