"""Answers as the results of Label Studio: boxes in percent of the upright photo, suggestions as choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from inference.categories import Catalogue
from inference.classify import PhotoResult
from inference.service.label_studio_config import Control, Interface

Result = dict[str, Any]

_PERCENT: Final = 100.0
_DIGITS: Final = 4  # of percents and scores


def results_of(result: PhotoResult, interface: Interface, catalogue: Catalogue) -> list[Result]:
    """What labellers see of an answer: the boxes and tags for which their interface has a label."""
    size = {"original_width": result.photo.width, "original_height": result.photo.height, "image_rotation": 0}
    found = [{**each, **size} for control in interface.boxes for each in _boxes(result, control, catalogue)]
    return found + [each for control in interface.tags for each in _tags(result, control, catalogue)]


def _boxes(result: PhotoResult, control: Control, catalogue: Catalogue) -> Iterator[Result]:
    detections = result.detections
    rows = zip(detections.categories, detections.scores.tolist(), detections.xyxy.tolist(), strict=True)
    for number, (category, score, box) in enumerate(rows):
        label = control.label(catalogue.require(category))
        if label is not None:
            value = {**_percent(box, result.photo.width, result.photo.height), "rectanglelabels": [label]}
            yield _result(control, "rectanglelabels", number, value, score)


def _percent(box: list[float], width: int, height: int) -> Mapping[str, float]:
    x1, y1, x2, y2 = box
    corner = {"x": x1 / width, "y": y1 / height, "width": (x2 - x1) / width, "height": (y2 - y1) / height}
    return {**{name: round(share * _PERCENT, _DIGITS) for name, share in corner.items()}, "rotation": 0}


def _tags(result: PhotoResult, control: Control, catalogue: Catalogue) -> Iterator[Result]:
    """One result of all choices; of a control that takes one answer, the likeliest."""
    found: dict[str, float] = {}
    for suggestion in result.suggestions:
        label = control.label(catalogue.require(suggestion.category))
        if label is not None:
            found[label] = max(suggestion.probability, found.get(label, 0.0))
    labels = sorted(found, key=lambda label: -found[label])[: 1 if control.is_single else None]
    if labels:
        yield _result(control, "choices", 0, {"choices": labels}, found[labels[0]])


def _result(control: Control, kind: str, number: int, value: Mapping[str, object], score: float) -> Result:
    return {
        "id": f"{control.name}-{number}",
        "from_name": control.name,
        "to_name": control.to_name,
        "type": kind,
        "value": dict(value),
        "score": round(score, _DIGITS),
    }
