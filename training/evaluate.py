"""Detection metrics on partially labelled photos, by faster-coco-eval.

A category is judged on the photos that were searched for it exhaustively, and on no others: elsewhere a box without
a label is no mistake that anybody could prove.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from training.observe import Observation


@dataclass(frozen=True, slots=True)
class DetectionMetrics:
    """Of one category.

    Attributes:
        ap50: Average precision at IoU 0.50, COCO's 101 points.
        ap: Mean over IoU 0.50 to 0.95.
        photos: Photos searched for it exhaustively.
        boxes: Labelled boxes on them.
    """

    ap50: float
    ap: float
    photos: int
    boxes: int

    def as_dict(self) -> dict[str, float | int]:
        """For model.json."""
        return asdict(self)


def evaluate(observations: Sequence[Observation], categories: Iterable[str]) -> dict[str, DetectionMetrics]:
    """Metrics per category; categories without a labelled box on these photos are absent."""
    found: dict[str, DetectionMetrics] = {}
    for category in categories:
        judged = [o for o in observations if category in o.photo.exhaustive_for]
        boxes = sum(box.category == category for o in judged for box in o.photo.boxes)
        if boxes:
            ap, ap50 = _average_precision(judged, category)
            found[category] = DetectionMetrics(ap50=ap50, ap=ap, photos=len(judged), boxes=boxes)
    return found


def mean(metrics: Iterable[DetectionMetrics]) -> tuple[float, float]:
    """(mAP50, mAP50-95), each category counting the same."""
    values = np.array([(m.ap50, m.ap) for m in metrics], dtype=float)
    return float(values[:, 0].mean()), float(values[:, 1].mean())


def _average_precision(observations: Sequence[Observation], category: str) -> tuple[float, float]:
    truth = COCO(_coco(observations, category))
    results = [row for i, o in enumerate(observations, start=1) for row in _results(i, o, category)]
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval_faster(truth, truth.loadRes(results), "bbox", print_function=_quiet)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0]), float(judge.stats[1])


def _quiet(*_: object) -> None:
    """faster-coco-eval reports progress through this."""


def _coco(observations: Sequence[Observation], category: str) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image_id, o in enumerate(observations, start=1):
        width, height = o.size_wh
        for box in (b for b in o.photo.boxes if b.category == category):
            x1, y1, x2, y2 = box.xyxy
            bbox = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "bbox": bbox,
                    "area": bbox[2] * bbox[3],
                    "iscrowd": 0,
                }
            )
    images = [{"id": i, "width": o.size_wh[0], "height": o.size_wh[1]} for i, o in enumerate(observations, start=1)]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": category}]}


def _results(image_id: int, observation: Observation, category: str) -> list[dict[str, Any]]:
    found = observation.detections
    chosen = found.where(np.array([c == category for c in found.categories], dtype=bool))
    return [
        {"image_id": image_id, "category_id": 1, "score": score, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for (x1, y1, x2, y2), score in zip(chosen.xyxy.tolist(), chosen.scores.tolist(), strict=True)
    ]
