"""Does the exported model say what torch says? Compared on real photos, box by box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inference.detect import detect
from inference.detections import Detections
from inference.engine import Engine
from inference.errors import PatrolError
from inference.letterbox import InputRecipe, letterbox
from inference.package import NmsRecipe
from inference.photo import read_photo
from training.export import ExportedDetector


class ParityError(PatrolError):
    """The exported model does not agree with the trained one."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the exported model is from the trained one.

    Attributes:
        photos: Photos compared.
        boxes: Boxes of the torch model on them.
        max_score_difference: Largest difference of any candidate's score.
        min_iou: Smallest IoU between a torch box and the ONNX box of the same rank and category.
    """

    photos: int
    boxes: int
    max_score_difference: float
    min_iou: float


def compare(
    detector: ExportedDetector,
    engine: Engine,
    photos: Sequence[Path],
    categories: tuple[str, ...],
    recipe: InputRecipe,
    nms: NmsRecipe,
) -> Parity:
    """Run both models over the photos.

    Raises:
        ParityError: they find different boxes, with the photo.
    """
    boxes, worst_score, worst_iou = 0, 0.0, 1.0
    for path in photos:
        photo = read_photo(path.read_bytes(), target_side=recipe.longest_side, allow_degraded=True)
        tensor, placement = letterbox(photo.rgb, recipe, photo.width, photo.height)
        with torch.no_grad():
            expected = detector(torch.from_numpy(tensor))[0][0].numpy()
        actual = engine.run(tensor).candidates
        worst_score = max(worst_score, float(np.abs(expected[4:] - actual[4:]).max()))
        size = (photo.width, photo.height)
        wanted = detect(expected, categories, nms, placement, size)
        got = detect(actual, categories, nms, placement, size)
        boxes += len(wanted)
        worst_iou = min(worst_iou, _agreement(path, wanted, got))
    return Parity(len(photos), boxes, worst_score, worst_iou)


def _agreement(path: Path, wanted: Detections, got: Detections) -> float:
    """Smallest best IoU of a wanted box with a found box of its category."""
    if sorted(wanted.categories) != sorted(got.categories):
        raise ParityError(f"{path}: torch finds {len(wanted)} boxes, ONNX {len(got)}, or of other categories")
    worst = 1.0
    for category in set(wanted.categories):
        first = wanted.xyxy[[c == category for c in wanted.categories]]
        second = got.xyxy[[c == category for c in got.categories]]
        worst = min(worst, float(iou_matrix(first, second).max(axis=1).min()))
    return worst


def iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """IoU of every box of (n, 4) with every box of (m, 4), both xyxy: (n, m)."""
    corners = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return np.asarray(overlap / np.maximum(areas[0][:, None] + areas[1][None] - overlap, 1e-9), dtype=float)
