"""What two photos are compared by: points with descriptors, as they are and mirrored, and a grey thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.check_settings import FeatureSettings

Rgb = NDArray[np.uint8]
DESCRIPTOR_BYTES: Final = 32
_OVERSAMPLING: Final = 4  # points found for each that is kept, so that every cell has some to choose from


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Corners of a photo (ORB, Rublee et al. 2011), strongest first within each cell.

    Attributes:
        xy: float32 (n, 2), as fractions of the photo.
        descriptors: uint8 (n, 32), 256 bits each.
    """

    xy: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What is kept of a photo for comparing it with others.

    Attributes:
        points: Of the photo.
        mirrored: Of the photo mirrored left to right, in the mirrored photo's coordinates.
        thumbnail: Grey uint8 (side, side), the photo squeezed to a square.
    """

    points: Points
    mirrored: Points
    thumbnail: NDArray[np.uint8]


def features(rgb: Rgb, settings: FeatureSettings) -> Features:
    """Features of an (h, w, 3) photo."""
    grey = cv2.cvtColor(squeezed(rgb, settings.side), cv2.COLOR_RGB2GRAY)
    return Features(
        _points(grey, settings),
        _points(cv2.flip(grey, 1), settings),
        np.asarray(
            cv2.resize(grey, (settings.thumbnail, settings.thumbnail), interpolation=cv2.INTER_AREA), dtype=np.uint8
        ),
    )


def squeezed(rgb: Rgb, side: int) -> Rgb:
    """A photo squeezed to a square; area averaging where it shrinks, so that nothing is aliased."""
    shrinks = min(rgb.shape[:2]) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=method), dtype=np.uint8)


def _points(grey: cv2.typing.MatLike, settings: FeatureSettings) -> Points:
    wanted = settings.cells**2 * settings.points_per_cell
    orb = cv2.ORB.create(nfeatures=wanted * _OVERSAMPLING, fastThreshold=settings.corner_contrast)
    kept = _spread(orb.detect(grey, None), grey.shape[0], settings)
    found, descriptors = orb.compute(grey, kept)
    if descriptors is None or not found:
        return Points(np.empty((0, 2), np.float32), np.empty((0, DESCRIPTOR_BYTES), np.uint8))
    xy = np.array([point.pt for point in found], dtype=np.float32) / grey.shape[0]
    return Points(xy, np.asarray(descriptors, dtype=np.uint8))


def _spread(points: Sequence[cv2.KeyPoint], side: int, settings: FeatureSettings) -> list[cv2.KeyPoint]:
    """The strongest points of each cell."""
    taken: dict[tuple[int, int], int] = {}
    kept: list[cv2.KeyPoint] = []
    for point in sorted(points, key=lambda point: -point.response):
        cell = (int(point.pt[0] * settings.cells / side), int(point.pt[1] * settings.cells / side))
        if taken.get(cell, 0) < settings.points_per_cell:
            taken[cell] = taken.get(cell, 0) + 1
            kept.append(point)
    return kept
