"""Label Studio: its JSON and JSON-MIN exports, read one task at a time.

    tasks.json           the labels; read under any name, also one file a task
    label_config.xml     the labelling interface that the labels were written for

Carries everything a photo can say. Rectangles stand under the control `label`; photo-level tags are choices, and
choices called `absent`, `unsure`, `exhaustive` or `flags` say what their name says, any other that the photo shows
the class. So a project with the interface written here asks its labellers for all of it. Digest, group and size
stand in the task's `data`.

Skipped annotations do not count, nor do predictions; a task that nobody labelled is left out, not taken for empty.
Of several annotations the ground truth is taken, else the latest, and disagreement is reported. A turned rectangle
is reduced to the upright box around it, as polygons and ellipses are; brushes and key points are reported and left
out. JSON-MIN does not say which of its texts are choices: those between `id` and `annotator` are taken for such.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from datasets.formats.label_studio_task import SETS, Json, TaskReader
from datasets.formats.label_studio_url import local_url
from datasets.json_keys import JsonHead, json_head
from datasets.json_stream import JsonFile
from datasets.label_paths import label_files
from datasets.raw import RawBox, RawPhoto, Report

NAME = "label-studio"
WRITTEN: Final = "tasks.json"
INTERFACE: Final = "label_config.xml"

_CONTROL, _OBJECT = "label", "image"
_MIN_KEYS: Final = frozenset({"annotation_id", "annotator"})
_TASK_LISTS: Final = frozenset({"annotations", "completions", "predictions"})
_STORED_KEYS: Final = frozenset({"result", "task"})  # one annotation, as Label Studio writes it to a target storage
_DECIMALS: Final = 8  # of a percent


def recognises(folder: Path) -> bool:
    """Whether a JSON file below the folder starts with a task."""
    return any(True for _ in _files(folder))


def _files(folder: Path) -> Iterator[tuple[Path, JsonHead]]:
    for path in label_files(folder, ".json"):
        head = json_head(path)
        is_task = "data" in head.keys and bool(head.keys & _TASK_LISTS)
        if is_task or head.keys >= _MIN_KEYS or (head.kind == "map" and head.keys >= _STORED_KEYS):
            yield path, head


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The labelled tasks of all of Label Studio's files below the folder."""
    for path, head in _files(folder):
        shown = path.relative_to(folder).as_posix()
        reader = TaskReader(shown, report)
        elements = JsonFile(path, shown, report).items("item" if head.kind == "list" else "")
        tasks = _merged(elements) if head.keys >= _MIN_KEYS else map(_whole, elements)
        for number, task in enumerate(tasks):
            photo = reader.photo(task, f"[{number}]")
            if photo is not None:
                yield photo


def _whole(element: Any) -> Any:
    """A task; of an annotation in a target storage, the task that it holds."""
    if isinstance(element, dict) and "data" not in element and isinstance(element.get("task"), dict):
        return {**element["task"], "annotations": [element]}
    return element


def _merged(rows: Iterable[Any]) -> Iterator[Any]:
    """Tasks from the rows of a JSON-MIN file, where each annotation of a task is a row of its own."""
    for _, group in groupby(rows, key=lambda row: row.get("id") if isinstance(row, dict) else None):
        several = [row for row in group if isinstance(row, dict)]
        if several:
            annotations = [_annotation(row) for row in several if row.get("annotation_id") is not None]
            yield {"data": several[0], "annotations": annotations}


def _annotation(row: Json) -> Json:
    keys = list(row)
    start = keys.index("id") + 1 if "id" in row else 0
    end = keys.index("annotator") if "annotator" in row else len(keys)
    results = [result for key in keys[start:end] for result in _results(key, row[key])]
    return {"id": row.get("annotation_id"), "updated_at": row.get("updated_at"), "result": results}


def _results(key: str, value: Any) -> Iterator[Json]:
    """What a value of JSON-MIN was in the full export."""
    if isinstance(value, str):
        value = {"choices": [value]}
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            kind = next((k for k in entry if k == "choices" or k.endswith("labels")), "unknown")
            sizes = {side: entry.get(side) for side in ("original_width", "original_height")}
            yield {"type": kind, "from_name": key, "value": entry, **sizes}


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """tasks.json, whose photos lie in Label Studio's local storage, and label_config.xml."""
    folder.mkdir(parents=True, exist_ok=True)
    classes: dict[str, None] = {}
    remarks: dict[str, None] = {}
    number = 0
    with (folder / WRITTEN).open("w", encoding="utf-8") as file:
        for number, photo in enumerate(photos, start=1):
            classes.update(dict.fromkeys(box.label for box in photo.boxes))
            classes.update(dict.fromkeys(name for key in SETS[:-1] for name in sorted(getattr(photo, key) or ())))
            remarks.update(dict.fromkeys(sorted(photo.flags)))
            file.write("[\n" if number == 1 else ",\n")
            file.write(json.dumps(_task(number, photo), ensure_ascii=False))
        file.write("\n]\n" if number else "[]\n")
    tree = ElementTree(_interface(classes, remarks))
    indent(tree)
    tree.write(folder / INTERFACE, encoding="utf-8")


def _task(number: int, photo: RawPhoto) -> Json:
    width, height = photo.size_wh or (None, None)
    known = {"width": width, "height": height, "sha256": photo.sha256, "group": photo.group}
    results = [*_rectangles(photo), *_choices(photo)]
    return {
        "id": number,
        "data": {"image": local_url(photo.name)} | {key: value for key, value in known.items() if value},
        "annotations": [{"id": number, "result": results, "was_cancelled": False, "ground_truth": False}],
    }


def _rectangles(photo: RawPhoto) -> Iterator[Json]:
    for number, box in enumerate(photo.boxes):
        yield _result(photo, f"box{number}", _CONTROL, "rectanglelabels", _value(box))


def _value(box: RawBox) -> Json:
    x1, y1, x2, y2 = box.xyxy
    percent = {"x": x1 * 100, "y": y1 * 100, "width": (x2 - x1) * 100, "height": (y2 - y1) * 100}
    return {key: round(value, _DECIMALS) for key, value in percent.items()} | {
        "rotation": 0,
        "rectanglelabels": [box.label],
    }


def _choices(photo: RawPhoto) -> Iterator[Json]:
    for key in SETS:
        names = getattr(photo, key)
        if names or (key == "exhaustive" and names is not None):
            yield _result(photo, key, key, "choices", {"choices": sorted(names)})


def _result(photo: RawPhoto, region: str, control: str, kind: str, value: Json) -> Json:
    size = {} if photo.size_wh is None else {"original_width": photo.size_wh[0], "original_height": photo.size_wh[1]}
    return {
        "id": region,
        "type": kind,
        "from_name": control,
        "to_name": _OBJECT,
        "image_rotation": 0,
        "value": value,
        **size,
    }


def _interface(classes: Iterable[str], remarks: Iterable[str]) -> Element:
    view = Element("View")
    SubElement(view, "Image", name=_OBJECT, value=f"${_OBJECT}")
    boxes = SubElement(view, "RectangleLabels", name=_CONTROL, toName=_OBJECT)
    for name in classes:
        SubElement(boxes, "Label", value=name)
    for key in SETS:
        names = list(remarks if key == "flags" else classes)
        if names:
            SubElement(view, "Header", value=_HEADERS[key], size="5")
            choices = SubElement(view, "Choices", name=key, toName=_OBJECT, choice="multiple")
            for name in names:
                SubElement(choices, "Choice", value=name)
    return view


_HEADERS: Final = {
    "present": "有，未画框 / shown, without a box",
    "absent": "没有 / not shown",
    "unsure": "不确定 / unsure",
    "exhaustive": "已全部画框 / every one of these is boxed",
    "flags": "备注 / remarks",
}
