"""Small label stores with real photo files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from datasets.labels import Box, LabelledPhoto, Split
from datasets.store import LabelStore, SourceRecord
from tests import photos

CATEGORIES = ("waste_bin", "overflowing_bin", "exposed_garbage", "street_vendor")
WHOLE = (0.0, 0.0, 1.0, 1.0)


def picture(seed: int, extension: str = ".png") -> bytes:
    """A small picture that looks like no other seed's; as BMP of the same size as all others."""
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return cv2.imencode(extension, cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_NEAREST))[1].tobytes()


def located(seed: int, taken_at: str | None = None, place: tuple[float, float] | None = None) -> bytes:
    """A JPEG with time ("2026:05:06 07:08:09") and place (degrees north, degrees east) in its EXIF."""
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    rgb = np.asarray(cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    gps = None if place is None else {1: "N", 2: _angle(place[0]), 3: "E", 4: _angle(place[1])}
    return photos.encode(rgb, "jpeg", exif=photos.exif_block(taken_at=taken_at, gps=gps))


def _angle(degrees: float) -> tuple[float, float, float]:
    return (float(int(degrees)), 0.0, (degrees - int(degrees)) * 3600)


def labelled(
    path: Path,
    source: str,
    categories: Iterable[str] = (),
    *,
    group: str = "",
    split: Split | None = None,
    name: str = "",
) -> LabelledPhoto:
    """A photo with one box of each category."""
    boxes = tuple(Box(category, WHOLE) for category in categories)
    return LabelledPhoto(source, path, boxes, frozenset(CATEGORIES), group=group, split=split, name=name or path.name)


def write_photos(folder: Path, seeds: Iterable[int]) -> list[Path]:
    """One picture a seed, named by it."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:06}.png" for seed in seeds]
    for path in paths:
        if not path.exists():
            path.write_bytes(picture(int(path.stem)))
    return paths


def fill(store: LabelStore, source: str, found: Iterable[LabelledPhoto], **about: object) -> SourceRecord:
    """Put photos into a store under a source."""
    papers: Mapping[str, object] = {"licence": "CC0", "attribution": "me", "origin": "test", **about}
    record = SourceRecord.model_validate({"name": source, **papers})
    return store.write(record, (replace(photo, source=source) for photo in found), [])


def some_store(root: Path, count: int = 60, source: str = "street") -> LabelStore:
    """`count` photos that show every category in turn, the last one rarely."""
    store = LabelStore(root / "data")
    paths = write_photos(root / "photos" / source, range(count))
    fill(store, source, (labelled(p, source, shown_by(i)) for i, p in enumerate(paths)))
    return store


def shown_by(number: int) -> list[str]:
    """What the photo of this number shows."""
    rare = [CATEGORIES[3]] if number % 15 == 0 else []
    return [CATEGORIES[number % 3], *rare]
