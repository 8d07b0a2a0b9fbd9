"""Raw model output -> Detections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.detections import Detections
from inference.letterbox import Placement
from inference.package import NmsRecipe

_BOX_ROWS = 4
_MAX_CANDIDATES = 30_000
"""Bounds the work on a pathological photo; ordinary ones have a few hundred candidates."""


def detect(
    raw: NDArray[np.float32],
    categories: tuple[str, ...],
    recipe: NmsRecipe,
    placement: Placement,
    size_wh: tuple[int, int],
    score_floor: float | None = None,
) -> Detections:
    """Boxes of one photo.

    An anchor may yield several categories (a bin can be a bin and overflow). Suppression is per category and has
    no time limit, so the same photo always gives the same boxes.

    Args:
        raw: (4 + categories, anchors): centre x, centre y, width, height in input pixels, then scores in [0, 1].
        categories: Ids in output order.
        recipe: Floor, IoU and maximum.
        placement: Where the photo lies in the input.
        size_wh: (width, height) of the upright full-size photo.
        score_floor: Replaces the recipe's floor when given.

    Raises:
        ValueError: the output does not fit the categories.
    """
    if raw.ndim != 2 or raw.shape[0] != _BOX_ROWS + len(categories):  # noqa: PLR2004 - rows and columns
        raise ValueError(f"raw must have shape ({_BOX_ROWS + len(categories)}, anchors), but got {raw.shape}")
    floor = recipe.score_floor if score_floor is None else score_floor
    corners = _corners(raw[:_BOX_ROWS].T)
    classes, anchors = np.nonzero(_is_candidate(raw[_BOX_ROWS:], corners, floor))
    scores = raw[_BOX_ROWS:][classes, anchors]
    if len(scores) > _MAX_CANDIDATES:
        strongest = np.argsort(-scores, kind="stable")[:_MAX_CANDIDATES]
        classes, anchors, scores = classes[strongest], anchors[strongest], scores[strongest]
    xyxy = corners[anchors]
    kept = _suppress(xyxy, scores, classes, recipe)
    boxes = _inside(placement.to_photo(xyxy[kept]), size_wh)
    found = Detections(boxes, np.clip(scores[kept], 0, 1), tuple(categories[c] for c in classes[kept]))
    return found.where((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def _corners(cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 4) centre-size boxes as corners."""
    half = cxcywh[:, 2:] / 2
    return np.concatenate([cxcywh[:, :2] - half, cxcywh[:, :2] + half], axis=1)


def _is_candidate(scores: NDArray[np.float32], xyxy: NDArray[np.float32], floor: float) -> NDArray[np.bool_]:
    """(categories, anchors): strong enough, and a box at all; what is not a number is neither."""
    is_box = np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    return np.asarray((scores >= floor) & np.isfinite(scores) & is_box, dtype=np.bool_)


def _suppress(
    xyxy: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.intp], recipe: NmsRecipe
) -> NDArray[np.intp]:
    """Positions that survive non-maximum suppression within their category, strongest first, as many as asked for.

    Of equal scores the earlier position goes first.
    """
    corners = xyxy.astype(np.float64)  # areas of float32 boxes may overflow float32
    waiting = np.argsort(-scores, kind="stable")
    kept: list[np.intp] = []
    while len(waiting) and len(kept) < recipe.max_detections:
        strongest, waiting = waiting[0], waiting[1:]
        kept.append(strongest)
        rivals = np.flatnonzero(classes[waiting] == classes[strongest])
        overlap = _iou(corners[strongest], corners[waiting[rivals]])
        waiting = np.delete(waiting, rivals[overlap > recipe.iou])
    return np.array(kept, dtype=np.intp)


def _iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) intersection over union of a box (4,) with others (n, 4); none is empty."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / ((box[2:] - box[:2]).prod() + areas - shared), dtype=np.float64)


def _inside(xyxy: NDArray[np.float32], size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Boxes cut to the photo."""
    limit = np.array([*size_wh, *size_wh], dtype=np.float32)
    return np.clip(xyxy, 0, limit)
