"""What labellers of Label Studio confirmed, as a webhook tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inference.service.label_studio_config import Control, Interface

ACTIONS: Final = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED"})
_DRAWN: Final = frozenset({"manual", "prediction-changed"})
"""`origin` of what a person drew or corrected; the model's own boxes, left alone, must not become its labels."""
_PERCENT: Final = 100.0


@dataclass(frozen=True, slots=True)
class ConfirmedBox:
    """A box that a labeller drew or corrected.

    Attributes:
        category: Its category.
        box: (x1, y1, x2, y2) in pixels of the upright photo.
    """

    category: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a labeller said about the photo of a task.

    Attributes:
        external_id: Names the task: `label-studio-<project>-<task>`.
        categories: What the photo shows, boxes and tags together, each once.
        boxes: Upright boxes that a person drew or corrected; others only count as categories.
    """

    external_id: str
    categories: tuple[str, ...]
    boxes: tuple[ConfirmedBox, ...]


def external_id(project: object, task: object) -> str:
    """What a task is called outside Label Studio."""
    return f"label-studio-{str(project).partition('.')[0]}-{task}"


def read_annotation(task_name: str, results: Sequence[Any], interface: Interface) -> Annotation:
    """The annotation of a webhook; results of other kinds, and labels that are no category, are passed over."""
    controls = {control.name: control for control in (*interface.boxes, *interface.tags)}
    categories: dict[str, None] = {}
    boxes: list[ConfirmedBox] = []
    for result in results:
        if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
            continue
        control = controls.get(str(result.get("from_name")))
        if control is None:
            continue
        for category in _named(result, control):
            categories[category] = None
            box = _box(result)
            if box is not None:
                boxes.append(ConfirmedBox(category, box))
    return Annotation(task_name, tuple(categories), tuple(boxes))


def _named(result: dict[str, Any], control: Control) -> Iterator[str]:
    """The categories that a result names."""
    labels = result["value"].get(str(result.get("type")))
    by_label = {label: category for category, label in control.labels.items()}
    for label in labels if isinstance(labels, list) else ():
        if isinstance(label, str) and label in by_label:
            yield by_label[label]


def _box(result: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """The box of a result that has an upright one, drawn by a person."""
    value = result["value"]
    numbers = [value.get(name) for name in ("x", "y", "width", "height")]
    numbers += [result.get("original_width"), result.get("original_height")]
    if (
        result.get("origin") not in _DRAWN
        or value.get("rotation")
        or not all(isinstance(number, int | float) for number in numbers)
    ):
        return None
    x, y, w, h, width, height = map(float, numbers)
    scale_x, scale_y = width / _PERCENT, height / _PERCENT
    return (x * scale_x, y * scale_y, (x + w) * scale_x, (y + h) * scale_y)
