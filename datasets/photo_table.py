"""What grouping and splitting need of each photo: a few numbers, about 150 bytes, so that 100,000 photos fit."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.facts import PhotoFacts
from datasets.groups import series
from datasets.labels import LabelledPhoto, Split
from datasets.store import SourceRecord

NONE: Final = -1
"""In columns of ids, parts and times: not known, or nothing."""
PARTS: Final[tuple[Split, ...]] = ("train", "val", "test")
"""By code, the more protected the higher."""
_DAY: Final = 86_400
_DIGEST, _ID = 32, 8
_DIGITS = re.compile(r"\d")


def part_code(split: Split | None) -> int:
    """Code of a part; NONE where a photo has none."""
    return NONE if split is None else PARTS.index(split)


@dataclass(slots=True)
class PhotoTable:
    """Columns over the photos of a data set, in the order they were added; texts are kept as 64-bit hashes.

    Attributes:
        digests: Content hashes, 32 bytes each.
        fingerprints: Perceptual hashes, 32 bytes each.
        size: Bytes of the file.
        latitude: Degrees north; NaN where unknown.
        longitude: Degrees east.
        captured: Seconds since 1970 by the camera's clock.
        source: Number of the source.
        given: Group the labels state.
        series: Block of consecutive file numbers.
        day: Source, folder and date of capture.
        proposed: Part the source proposes.
        held_out: 1 where the whole source is for the test part.
        label_photos: Photo of each entry of the next two; one entry per photo and category shown.
        label_categories: Number of the category.
        label_boxes: Its boxes in the photo.
        sources: Names by number.
        categories: Ids by number.
    """

    digests: bytearray = field(default_factory=bytearray)
    fingerprints: bytearray = field(default_factory=bytearray)
    size: array[int] = field(default_factory=lambda: array("q"))
    latitude: array[float] = field(default_factory=lambda: array("d"))
    longitude: array[float] = field(default_factory=lambda: array("d"))
    captured: array[int] = field(default_factory=lambda: array("q"))
    source: array[int] = field(default_factory=lambda: array("q"))
    given: array[int] = field(default_factory=lambda: array("q"))
    series: array[int] = field(default_factory=lambda: array("q"))
    day: array[int] = field(default_factory=lambda: array("q"))
    proposed: array[int] = field(default_factory=lambda: array("b"))
    held_out: array[int] = field(default_factory=lambda: array("b"))
    label_photos: array[int] = field(default_factory=lambda: array("q"))
    label_categories: array[int] = field(default_factory=lambda: array("q"))
    label_boxes: array[int] = field(default_factory=lambda: array("q"))
    sources: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.source)

    def add(self, photo: LabelledPhoto, facts: PhotoFacts, about: SourceRecord) -> None:
        """Append one photo."""
        self._add_labels(photo)
        name = photo.name or photo.path.name
        folder = str(PurePosixPath(name).parent)
        block = about.series_block
        numbered = block > 0 and _DIGITS.search(PurePosixPath(name).stem) is not None
        self.digests += bytes.fromhex(facts.sha256)
        self.fingerprints += facts.fingerprint
        self.size.append(facts.size)
        self.latitude.append(np.nan if facts.latitude is None else facts.latitude)
        self.longitude.append(np.nan if facts.longitude is None else facts.longitude)
        self.captured.append(NONE if facts.captured is None else facts.captured)
        self.source.append(_number(self.sources, photo.source))
        self.given.append(_id(photo.source, photo.group) if photo.group else NONE)
        self.series.append(_id(photo.source, folder, series(name, block)) if numbered else NONE)
        day = NONE if facts.captured is None else _id(photo.source, folder, str(facts.captured // _DAY))
        self.day.append(day)
        self.proposed.append(part_code(photo.split))
        self.held_out.append(about.held_out)

    def _add_labels(self, photo: LabelledPhoto) -> None:
        counts = dict.fromkeys(sorted(photo.present), 0)
        for box in photo.boxes:
            counts[box.category] = counts.get(box.category, 0) + 1
        for category, boxes in counts.items():
            self.label_photos.append(len(self))
            self.label_categories.append(_number(self.categories, category))
            self.label_boxes.append(boxes)

    def digest(self, photo: int) -> bytes:
        """Content hash of a photo."""
        return bytes(self.digests[photo * _DIGEST : (photo + 1) * _DIGEST])

    def all_digests(self) -> Iterator[bytes]:
        """Content hashes in order."""
        return (self.digest(photo) for photo in range(len(self)))

    def prints(self) -> NDArray[np.uint8]:
        """(n, 32) fingerprints."""
        return np.frombuffer(bytes(self.fingerprints), dtype=np.uint8).reshape(-1, _DIGEST)

    def contents(self) -> NDArray[np.int64]:
        """(n,) ids that are equal where the content is."""
        starts = np.frombuffer(bytes(self.digests), dtype=np.uint8).reshape(-1, _DIGEST)[:, :_ID]
        return np.ascontiguousarray(starts).view("<i8").ravel() & np.iinfo(np.int64).max


def column(values: array[int]) -> NDArray[np.int64]:
    """A column as an array of its own."""
    return np.array(values, dtype=np.int64)


def _number(names: list[str], name: str) -> int:
    """Position of a name in a short list; new names are appended."""
    if name not in names:
        names.append(name)
    return names.index(name)


def _id(*texts: str) -> int:
    """A non-negative 63-bit number for a tuple of texts, the same everywhere; collisions are out of the question."""
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=_ID).digest()
    return int.from_bytes(digest, "big") >> 1
