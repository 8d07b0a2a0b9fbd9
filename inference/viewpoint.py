"""Whether two photos show one place from nearly the same side, and where a thing of one would be in the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.compare_settings import ViewSettings
from inference.letterbox import resize

Rgb = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) as fractions of a photo."""

_DESCRIPTOR: Final = 128
_GRID: Final = 6
_FEWEST: Final = 4  # points that determine a homography
_TRIES: Final = 2000
_TINY: Final = 1e-7
_CLIP, _TILES = 2.0, (8, 8)  # local contrast, so that a dark photo has points at all (Zuiderveld 1994)
_STRETCH: Final = (0.1, 10.0)  # of an area; a transform beyond this is a wrong one


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Points of a photo that are found again in another (RootSIFT: Lowe 2004, Arandjelovic and Zisserman 2012).

    Attributes:
        xy: float32 (n, 2), as fractions of the photo.
        descriptors: float32 (n, 128), of length 1.
    """

    xy: NDArray[np.float32]
    descriptors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How one photo lies on another of the same place.

    Attributes:
        matrix: (3, 3), maps fractions of the first photo to fractions of the second.
        inliers: Points that agree on it.
    """

    matrix: NDArray[np.float64]
    inliers: int

    def shown(self, box: Box) -> float:
        """Share of a box of the first photo that the second has in its frame, in [0, 1]."""
        x1, y1, x2, y2 = box
        corners = np.array([[x1, y1, 1], [x2, y1, 1], [x2, y2, 1], [x1, y2, 1]]) @ self.matrix.T
        if (corners[:, 2] <= _TINY).any():
            return 0.0
        polygon = (corners[:, :2] / corners[:, 2:]).astype(np.float32)
        frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        whole = float(cv2.contourArea(polygon))
        if whole <= _TINY:
            return 0.0
        inside, _ = cv2.intersectConvexConvex(polygon, frame)
        return min(1.0, float(inside) / whole)


def landmarks(rgb: Rgb, settings: ViewSettings) -> Landmarks:
    """The landmarks of an (h, w, 3) photo, at any scale."""
    scale = min(1.0, settings.side / max(rgb.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    grey = cv2.cvtColor(resize(rgb, width, height), cv2.COLOR_RGB2GRAY)
    clear = cv2.createCLAHE(_CLIP, _TILES).apply(grey)
    sift = cv2.SIFT.create(nfeatures=settings.points, contrastThreshold=settings.contrast)
    points, found = sift.detectAndCompute(clear, None)
    if found is None or not points:
        return Landmarks(np.empty((0, 2), np.float32), np.empty((0, _DESCRIPTOR), np.float32))
    xy = np.array([point.pt for point in points], np.float32) / np.array([width, height], np.float32)
    shares = found / (found.sum(axis=1, keepdims=True) + _TINY)
    return Landmarks(xy.astype(np.float32), np.sqrt(shares).astype(np.float32))


def view_between(first: Landmarks, second: Landmarks, settings: ViewSettings) -> View | None:
    """How the first photo lies on the second, or None where they do not show one place from nearly the same side."""
    pairs = _matches(first, second, settings.ratio)
    if len(pairs) < max(_FEWEST, settings.inliers):
        return None
    here, there = first.xy[pairs[:, 0]], second.xy[pairs[:, 1]]
    cv2.setRNGSeed(0)  # RANSAC draws; the same photos shall always get the same answer
    matrix, mask = cv2.findHomography(here, there, cv2.RANSAC, settings.error, maxIters=_TRIES)
    if matrix is None:
        return None
    found, fits = np.asarray(matrix, np.float64), mask.ravel().astype(bool)
    spread = min(_cells(here[fits]), _cells(there[fits]))
    if fits.sum() < settings.inliers or spread < settings.cells or not _is_plausible(found):
        return None
    return View(found, int(fits.sum()))


def _matches(first: Landmarks, second: Landmarks, ratio: float) -> NDArray[np.intp]:
    """(n, 2) indexes of points that are each other's clear match, every second point at most once."""
    if min(len(first.xy), len(second.xy)) < _FEWEST:
        return np.empty((0, 2), np.intp)
    found = cv2.BFMatcher(cv2.NORM_L2).knnMatch(first.descriptors, second.descriptors, k=2)
    best: dict[int, tuple[float, int]] = {}
    for nearest, next_one in found:
        if nearest.distance < ratio * next_one.distance:
            candidate = (nearest.distance, nearest.queryIdx)
            best[nearest.trainIdx] = min(candidate, best.get(nearest.trainIdx, candidate))
    return np.array([(query, train) for train, (_, query) in sorted(best.items())], np.intp).reshape(-1, 2)


def _cells(xy: NDArray[np.float32]) -> int:
    return len(np.unique(np.clip(xy * _GRID, 0, _GRID - 1).astype(int), axis=0))


def _is_plausible(matrix: NDArray[np.float64]) -> bool:
    """Neither collapsed nor blown up at the photo's centre, nor turned inside out."""
    _, _, w = matrix @ (0.5, 0.5, 1.0)
    if w <= _TINY:
        return False
    area = float(np.linalg.det(matrix)) / w**3  # of the Jacobian there
    return bool(_STRETCH[0] < area < _STRETCH[1])
