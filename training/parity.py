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
from inference.letterbox import InputRecipe, letterboxed
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
        min_iou: Smallest IoU of a box of either with its counterpart of the same category in the other.
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
    tolerance: float,
) -> Parity:
    """Run both models over the photos; boxes within `tolerance` of the score floor may be found by one only.

    Raises:
        ParityError: they find different boxes, with the photo.
    """
    boxes, worst_score, worst_iou = 0, 0.0, 1.0
    for path in photos:
        photo = read_photo(path.read_bytes(), target_side=recipe.longest_side, allow_degraded=True)
        tensor, placement = letterboxed(photo, recipe)
        with torch.no_grad():
            expected = detector(torch.from_numpy(tensor))[0][0].numpy()
        actual = engine.run(tensor).candidates
        worst_score = max(worst_score, float(np.abs(expected[4:] - actual[4:]).max()))
        size = (photo.width, photo.height)
        wanted = detect(expected, categories, nms, placement, size)
        got = detect(actual, categories, nms, placement, size)
        boxes += len(wanted)
        worst_iou = min(worst_iou, _agreement(path, wanted, got, nms.score_floor + tolerance))
    return Parity(len(photos), boxes, worst_score, worst_iou)


def _agreement(path: Path, wanted: Detections, got: Detections, surely: float) -> float:
    """Smallest IoU of any box of either with its best counterpart of the same category in the other.

    Boxes below `surely` may exist on one side only: rounding decides whether they pass the floor.
    """
    worst = 1.0
    for first, second in ((wanted, got), (got, wanted)):
        for category in set(first.where(first.scores >= surely).categories):
            sure = first.where((first.scores >= surely) & _of(first, category))
            others = second.xyxy[_of(second, category)]
            if not len(others):
                raise ParityError(f"{path}: only one of torch and ONNX finds {category} at {sure.scores.max():.4f}")
            worst = min(worst, float(iou_matrix(sure.xyxy, others).max(axis=1).min()))
    return worst


def _of(detections: Detections, category: str) -> NDArray[np.bool_]:
    return np.array([c == category for c in detections.categories], dtype=bool)


def iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """IoU of every box of (n, 4) with every box of (m, 4), both xyxy: (n, m)."""
    corners = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return np.asarray(overlap / np.maximum(areas[0][:, None] + areas[1][None] - overlap, 1e-9), dtype=float)
