"""Whether two photos can be laid on each other, and how well they agree where they overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.check_settings import DuplicateSettings
from datasets.features import Features, Points

Matrix = NDArray[np.float64]
Box = tuple[float, float, float, float]

_IDENTITY: Final = np.array([[1.0, 0, 0], [0, 1, 0]])
_MIRROR: Final = np.array([[-1.0, 0, 1], [0, 1, 0]])
_SPREAD_CELLS: Final = 6
_WORST: Final = 10  # per cent of cells
_REFINEMENTS: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
_REFINING_BLUR: Final = 5  # pixels of the thumbnail
_STRETCH: Final = (0.5, 2.0)  # a transform beyond this is a wrong one, not a copy
_MIN_POINTS: Final = 4  # that an affine transform can be judged by


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How one photo lies on another.

    Attributes:
        matrix: (2, 3), maps fractions of the first photo to fractions of the second.
        mirrored: Whether one is mirrored.
        inliers: Matched points that fit the matrix.
        spread: Cells of a 6 x 6 grid that these lie in, in the photo where they lie in fewer.
        overlap: Share of the smaller footprint that both photos show, in [0, 1].
        correlation: Median correlation of the aligned thumbnails' cells, in [-1, 1].
        floor: That of the worst tenth of the cells.
    """

    matrix: Matrix
    mirrored: bool
    inliers: int
    spread: int
    overlap: float
    correlation: float
    floor: float

    def maps(self, box: Box) -> Box:
        """A box of the first photo, as fractions, where the second shows it; may lie outside [0, 1]."""
        corners = np.array([[box[0], box[1], 1.0], [box[2], box[3], 1.0]]) @ self.matrix.T
        (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
        return float(x1), float(y1), float(x2), float(y2)

    def inverse(self) -> Alignment:
        """How the second photo lies on the first."""
        linear = np.linalg.inv(self.matrix[:, :2])
        return replace(self, matrix=np.column_stack([linear, -linear @ self.matrix[:, 2]]))


def align(
    first: Features, second: Features, settings: DuplicateSettings, *, mirrored: bool, alike: bool
) -> Alignment | None:
    """The best way to lay the first photo on the second, or None where there is none.

    Points find it, and it is then refined on the thumbnails (Evangelidis and Psarakis 2008).

    Args:
        first: Features of one photo.
        second: Features of the other.
        settings: What counts as fitting.
        mirrored: Lay it on the other's mirror image.
        alike: The photos' hashes nearly agree: where too few points fit, try them as they lie.
    """
    target = second.mirrored if mirrored else second.points
    thumbnail = np.asarray(cv2.flip(second.thumbnail, 1) if mirrored else second.thumbnail, dtype=np.uint8)
    found = _fitted(first.points, target, settings)
    if found is None and not alike:
        return None
    matrix, inliers, spread = found if found is not None else (_IDENTITY, 0, 0)
    matrix = _refined(first.thumbnail, thumbnail, matrix)
    if not _is_plausible(matrix):
        return None
    overlap, correlation, floor = _agreement(first.thumbnail, thumbnail, matrix, settings)
    if mirrored:
        matrix = _then(matrix, _MIRROR)
    return Alignment(matrix, mirrored, inliers, spread, overlap, correlation, floor)


def _fitted(first: Points, second: Points, settings: DuplicateSettings) -> tuple[Matrix, int, int] | None:
    """(matrix, inliers, spread) by matched points, or None."""
    if min(len(first.xy), len(second.xy)) < settings.min_inliers:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first.descriptors, second.descriptors)
    pairs = np.array([(m.queryIdx, m.trainIdx) for m in matches if m.distance <= settings.match_distance], dtype=int)
    if len(pairs) < settings.min_inliers:
        return None
    here, there = first.xy[pairs[:, 0]], second.xy[pairs[:, 1]]
    matrix, mask = cv2.estimateAffine2D(here, there, ransacReprojThreshold=settings.ransac_error, maxIters=500)
    if matrix is None:
        return None
    fits = mask.ravel().astype(bool)
    if fits.sum() < settings.min_inliers or not _is_plausible(matrix):
        return None
    return matrix, int(fits.sum()), min(_cells(here[fits]), _cells(there[fits]))


def _cells(xy: NDArray[np.float32]) -> int:
    return len(np.unique(np.clip(xy * _SPREAD_CELLS, 0, _SPREAD_CELLS - 1).astype(int), axis=0))


def _is_plausible(matrix: Matrix) -> bool:
    """Neither collapsed nor blown up, nor turned inside out."""
    scales = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(np.linalg.det(matrix[:, :2]) > 0 and _STRETCH[0] < scales[1] and scales[0] < _STRETCH[1])


def _refined(first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: Matrix) -> Matrix:
    """The matrix corrected so that the thumbnails agree best; unchanged where that does not converge."""
    side = first.shape[0]
    pixels = _in_pixels(matrix, side).astype(np.float32)
    try:
        everywhere = np.ones_like(first)
        _, refined = cv2.findTransformECC(
            first, second, pixels, cv2.MOTION_AFFINE, _REFINEMENTS, everywhere, _REFINING_BLUR
        )
    except cv2.error:  # it reports "does not converge" this way
        return matrix
    return _in_fractions(np.asarray(refined, dtype=np.float64), side)


def _in_pixels(matrix: Matrix, side: int) -> Matrix:
    """Fractions to pixel centres of a square: x_pixel = side * x - 1/2."""
    linear, shift = matrix[:, :2], matrix[:, 2]
    return np.column_stack([linear, side * shift + linear @ (0.5, 0.5) - 0.5])


def _in_fractions(matrix: Matrix, side: int) -> Matrix:
    linear, shift = matrix[:, :2], matrix[:, 2]
    return np.column_stack([linear, (shift - linear @ (0.5, 0.5) + 0.5) / side])


def _then(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that does `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def _agreement(
    first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: Matrix, settings: DuplicateSettings
) -> tuple[float, float, float]:
    """(overlap, median correlation of cells, that of the worst tenth)."""
    side = first.shape[0]
    pixels, flags = _in_pixels(matrix, side), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, pixels, (side, side), flags=flags).astype(np.float32)
    inside = cv2.warpAffine(np.ones_like(second), pixels, (side, side), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    shared = float(inside.mean())
    footprint = min(1.0, 1.0 / abs(float(np.linalg.det(matrix[:, :2]))))  # of the second photo, in the first's frame
    correlations = _cell_correlations(first.astype(np.float32), warped, inside.astype(bool), settings)
    if not correlations.size:
        return min(1.0, shared / footprint), 0.0, 0.0
    low, middle = np.percentile(correlations, [_WORST, 50])
    return min(1.0, shared / footprint), float(middle), float(low)


def _cell_correlations(
    first: NDArray[np.float32], second: NDArray[np.float32], inside: NDArray[np.bool_], settings: DuplicateSettings
) -> NDArray[np.float64]:
    """Correlation of each cell that both photos cover and that shows something."""
    edges = np.linspace(0, first.shape[0], settings.correlation_cells + 1).astype(int)
    found: list[float] = []
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            cell = (slice(top, bottom), slice(left, right))
            if inside[cell].all() and max(first[cell].std(), second[cell].std()) >= settings.flat_cell:
                found.append(_correlation(first[cell], second[cell]))
    return np.array(found, dtype=np.float64)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / norm) if norm else 0.0
