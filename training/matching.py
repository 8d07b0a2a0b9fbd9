"""Which detections agree with a labelled box, by faster-coco-eval."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from datasets.labels import LabelledPhoto
from inference.detections import Detections
from training.outcomes import IOUS, FoundBox

MAX_DETECTIONS: Final = 100
"""Of one category on one photo: weaker ones do not count, as in COCO."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedPhoto:
    """A labelled photo and the boxes found in it.

    Attributes:
        photo: The labels.
        size_wh: (width, height) of the upright full-size photo, the unit of `detections`.
        detections: Everything above the evaluation's floor.
    """

    photo: LabelledPhoto
    size_wh: tuple[int, int]
    detections: Detections


def match(photos: Sequence[DetectedPhoto], categories: Sequence[str]) -> list[dict[str, tuple[FoundBox, ...]]]:
    """Per photo: category -> its detections, strongest first, for the categories the photo was searched for.

    Labelled boxes and detections of other categories take no part: nobody could say whether they are right.
    """
    truth, results = _truth(photos, categories), _results(photos, categories)
    right: dict[int, int] = defaultdict(int)
    for position, iou in enumerate(IOUS) if results and truth["annotations"] else ():
        for detection in _matched(truth, results, iou):
            right[detection] |= 1 << position
    found: list[dict[str, list[FoundBox]]] = [{c: [] for c in _judged(p, categories)} for p in photos]
    for number, row in enumerate(results, start=1):
        box = FoundBox(score=row["score"], right=right[number])
        found[row["image_id"] - 1][categories[row["category_id"] - 1]].append(box)
    return [{c: tuple(boxes) for c, boxes in by_category.items()} for by_category in found]


def _judged(photo: DetectedPhoto, categories: Sequence[str]) -> list[str]:
    return [c for c in categories if c in photo.photo.exhaustive_for]


def _matched(truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], iou: float) -> list[int]:
    """Numbers (from 1) of the results that COCO's rule counts right at one overlap."""
    with contextlib.redirect_stdout(io.StringIO()):
        labelled = COCO(truth)
        judge = COCOeval_faster(labelled, labelled.loadRes([dict(r) for r in results]), "bbox", print_function=_quiet)
        judge.params.iouThrs, judge.params.maxDets = np.array([iou]), [MAX_DETECTIONS]
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    return [int(pair.partition("_")[0]) for pair in judge.eval["matched"]]


def _quiet(*_: object) -> None:
    """faster-coco-eval reports progress through this."""


def _truth(photos: Sequence[DetectedPhoto], categories: Sequence[str]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image_id, p in enumerate(photos, start=1):
        width, height = p.size_wh
        judged = _judged(p, categories)
        for box in (b for b in p.photo.boxes if b.category in judged):
            x1, y1, x2, y2 = box.xyxy
            bbox = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
            annotation = {"id": len(annotations) + 1, "image_id": image_id, "bbox": bbox, "area": bbox[2] * bbox[3]}
            annotations.append({**annotation, "category_id": categories.index(box.category) + 1, "iscrowd": 0})
    return {
        "images": [{"id": i, "width": p.size_wh[0], "height": p.size_wh[1]} for i, p in enumerate(photos, start=1)],
        "annotations": annotations,
        "categories": [{"id": i, "name": c} for i, c in enumerate(categories, start=1)],
    }


def _results(photos: Sequence[DetectedPhoto], categories: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"image_id": image_id, "category_id": categories.index(category) + 1, "score": score, "bbox": bbox}
        for image_id, p in enumerate(photos, start=1)
        for category in _judged(p, categories)
        for score, bbox in _strongest(p.detections, category)
    ]


def _strongest(detections: Detections, category: str) -> list[tuple[float, list[float]]]:
    """(score, [x, y, width, height]) of a category's detections, which come strongest first."""
    rows = zip(detections.categories, detections.xyxy.tolist(), detections.scores.tolist(), strict=True)
    found = [(score, [x1, y1, x2 - x1, y2 - y1]) for c, (x1, y1, x2, y2), score in rows if c == category]
    return found[:MAX_DETECTIONS]
