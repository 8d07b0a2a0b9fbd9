"""Readers of label formats: COCO, YOLO, photo-level tags in CSV.

Each returns photos by file name; class names go through a class map and never by index.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from datasets.errors import LabelError
from datasets.labels import Box, LabelledPhoto

ClassMap = Callable[[Path, str], str | None]
"""(file, class name) -> category id, or None for a class that is left out on purpose."""

Photos = dict[str, LabelledPhoto]


def clipped_box(category: str, x1: float, y1: float, x2: float, y2: float) -> Box | None:
    """A box cut to the photo; None when nothing of it lies inside."""
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in (x1, y1, x2, y2))
    return Box(category, (x1, y1, x2, y2)) if x1 < x2 and y1 < y2 else None


def read_coco(path: Path, images: Path, source: str, class_map: ClassMap) -> Photos:
    """Photos of a COCO file; boxes are [x, y, width, height] in pixels of `width` x `height`.

    Each image may carry `exhaustive_for`, `unsure` (taken out of it) and `flags`.
    """
    try:
        coco: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LabelError(path, "", f"not valid JSON ({error})") from error
    names = {c["id"]: class_map(path, c["name"]) for c in coco["categories"]}
    boxes: dict[int, list[Box]] = {}
    sizes = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
    for number, annotation in enumerate(coco["annotations"]):
        category = names.get(annotation["category_id"])
        if annotation["image_id"] not in sizes:
            raise LabelError(path, f"annotations[{number}]", f"image_id {annotation['image_id']} is not in images")
        if category is None:
            continue
        width, height = sizes[annotation["image_id"]]
        x, y, w, h = annotation["bbox"]
        box = clipped_box(category, x / width, y / height, (x + w) / width, (y + h) / height)
        if box is not None:
            boxes.setdefault(annotation["image_id"], []).append(box)
    return {
        image["file_name"]: LabelledPhoto(
            source=source,
            path=images / image["file_name"],
            boxes=tuple(boxes.get(image["id"], ())),
            exhaustive_for=frozenset(image.get("exhaustive_for", ())) - frozenset(image.get("unsure", ())),
            flags=frozenset(image.get("flags", ())),
        )
        for image in coco["images"]
    }


def read_yolo(
    labels: Path, images: Path, source: str, names: list[str], class_map: ClassMap, exhaustive: Iterable[str]
) -> Photos:
    """Photos of a YOLO label folder (`class cx cy w h`, fractions); a missing label file means no label set."""
    categories = [class_map(labels, name) for name in names]
    photos: Photos = {}
    for path in sorted(images.iterdir()):
        label = labels / f"{path.stem}.txt"
        if not label.exists():
            continue
        boxes = [box for box in map(_yolo_boxes(label, categories), _lines(label)) if box is not None]
        photos[path.name] = LabelledPhoto(source, path, tuple(boxes), frozenset(exhaustive))
    return photos


def _lines(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    return [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _yolo_boxes(path: Path, categories: list[str | None]) -> Callable[[tuple[int, str]], Box | None]:
    def parse(numbered: tuple[int, str]) -> Box | None:
        number, line = numbered
        try:
            index, cx, cy, w, h = line.split()
            category = categories[int(index)]
            x, y, width, height = float(cx), float(cy), float(w), float(h)
        except (ValueError, IndexError) as error:
            expected = f"expected `class cx cy w h` with a class below {len(categories)}"
            raise LabelError(path, str(number), f"{expected}, but got {line!r}") from error
        if category is None:
            return None
        return clipped_box(category, x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    return parse


def yolo_names(path: Path, key: str = "names") -> list[str]:
    """Class names by index from a `data.yaml`, which may list them or map index to name."""
    names = yaml.safe_load(path.read_text(encoding="utf-8")).get(key)
    if isinstance(names, Mapping):
        return [names[index] for index in sorted(names)]
    if not isinstance(names, list):
        raise LabelError(path, key, "expected a list of class names")
    return names


def read_tags(path: Path, images: Path, source: str, class_map: Mapping[str, str]) -> Photos:
    """Photos of a CSV with a `file` column and one 0/1 column for each mapped tag."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    photos: Photos = {}
    for number, row in enumerate(rows, start=2):
        shown = {category for tag, category in class_map.items() if _flag(path, number, row, tag)}
        photos[row["file"]] = LabelledPhoto(
            source,
            images / row["file"],
            exhaustive_for=frozenset(class_map.values()) - shown,
            present=frozenset(shown),
        )
    return photos


def _flag(path: Path, number: int, row: dict[str, str], tag: str) -> bool:
    value = row.get(tag)
    if value not in {"0", "1"}:
        raise LabelError(path, str(number), f"column {tag!r} must be 0 or 1, but got {value!r}")
    return value == "1"
