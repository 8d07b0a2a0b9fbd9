"""Whether photos of a scan show one place, by their pixels: for those without a position, and for before and after."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.codec import PhotoError
from inference.compare_settings import CompareSettings
from inference.photo import PhotoLimits, read_photo
from inference.scan.case_settings import CaseSettings
from inference.scan.originals import read_original
from inference.scan.record import Record
from inference.snapshot import brightness
from inference.viewpoint import Landmarks, View, landmarks, view_between

_SIDE: Final = 8  # of the thumbnail by which likely photos are picked
_LEVELS: Final = 255.0
_KEPT: Final = 64  # photos whose landmarks are kept for before and after


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is kept of a photo.

    Attributes:
        xy: float32 (n, 2), its landmarks.
        descriptors: uint8 (n, 128), theirs, in a quarter of the room.
        thumbnail: float32 (64,), by which likely photos are picked.
        brightness: Mean grey value, 0 to 255.
    """

    xy: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    thumbnail: NDArray[np.float32]
    brightness: float

    @property
    def landmarks(self) -> Landmarks:
        """As the matcher wants them."""
        return Landmarks(self.xy, self.descriptors.astype(np.float32) / np.float32(_LEVELS))


class Viewer:
    """Reads photos of records again and compares them.

    Args:
        settings: What counts as one view, and as dark.
        limits: What a photo may ask of this machine.
    """

    def __init__(self, settings: CompareSettings, limits: PhotoLimits) -> None:
        self._settings = settings.view
        self._dark = settings.dark
        self._limits = limits
        self._recent: OrderedDict[str, Seen | None] = OrderedDict()

    def look(self, record: Record) -> Seen | None:
        """What a record's photo is compared by; None where it cannot be read again."""
        data = read_original(record, self._limits)
        if data is None:
            return None
        try:
            rgb = read_photo(data, target_side=self._settings.side, limits=self._limits, allow_degraded=True).rgb
        except PhotoError:
            return None
        found = landmarks(rgb, self._settings)
        return Seen(found.xy, np.round(found.descriptors * _LEVELS).astype(np.uint8), _thumbnail(rgb), brightness(rgb))

    def view(self, first: Record, second: Record) -> View | None:
        """How one record's photo lies on another's; None too where the other is too dark to tell."""
        one, other = self._kept(first), self._kept(second)
        if one is None or other is None or other.brightness < self._dark:
            return None
        return self.match(one, other)

    def match(self, first: Seen, second: Seen) -> View | None:
        """How one photo lies on another."""
        return view_between(first.landmarks, second.landmarks, self._settings)

    def _kept(self, record: Record) -> Seen | None:
        key = record.location
        if key not in self._recent:
            self._recent[key] = self.look(record)
            if len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        self._recent.move_to_end(key)
        return self._recent[key]


class ViewPlaces:
    """Finds the place of a photo without a position among those of the photos before it.

    Args:
        viewer: Compares two photos.
        settings: With how many a photo is compared, and how many are.
    """

    def __init__(self, viewer: Viewer, settings: CaseSettings) -> None:
        self._viewer = viewer
        self._settings = settings
        self._seen: list[Seen] = []
        self._places: list[int] = []
        self._thumbnails = np.empty((settings.view_photos, _SIDE * _SIDE), np.float32)
        self._folders: dict[str, list[int]] = {}
        self.passed_over = 0
        """Photos that were not compared, because they were too many or cannot be read again."""

    def find(self, record: Record, new_place: int) -> int:
        """The place of a photo: that of the earlier one which matches best, else `new_place`."""
        seen = self._viewer.look(record) if len(self._seen) < self._settings.view_photos else None
        if seen is None:
            self.passed_over += 1
            return new_place
        folder = self._folders.setdefault(f"{record.source}/{PurePath(record.path).parent}", [])
        place = self._best(seen, self._candidates(seen, folder))
        folder.append(len(self._seen))
        self._thumbnails[len(self._seen)] = seen.thumbnail
        self._seen.append(seen)
        self._places.append(new_place if place is None else place)
        return self._places[-1]

    def _candidates(self, seen: Seen, folder: list[int]) -> list[int]:
        """Photos to compare with: the last ones of the folder, and those that look most alike."""
        likeness = self._thumbnails[: len(self._seen)] @ seen.thumbnail
        alike = np.argsort(-likeness, kind="stable")[: self._settings.alike].tolist()
        series = folder[len(folder) - min(self._settings.series, len(folder)) :]
        return list(dict.fromkeys([*reversed(series), *alike]))

    def _best(self, seen: Seen, candidates: list[int]) -> int | None:
        found = [
            (view.inliers, -i) for i in candidates if (view := self._viewer.match(self._seen[i], seen)) is not None
        ]
        return self._places[-max(found)[1]] if found else None


def _thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(64,) grey values of a photo squeezed to 8 x 8, of mean 0 and length 1."""
    grey = cv2.cvtColor(cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    values = grey.astype(np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return values / np.float32(length) if length else values
