"""Chosen photos as a folder that labelling tools open: copies, and tasks with the model's boxes to correct."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from inference.categories import Catalogue
from inference.photo import PhotoLimits
from inference.photo_files import SUFFIXES
from inference.scan.evidence import evidence
from inference.scan.exports.coco import coco_annotation
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.originals import read_original
from inference.scan.record import Record, RecordedDetection
from inference.scan.selection import Candidate, Why

PHOTOS: Final = "images"
TASKS: Final = "tasks.json"
INTERFACE: Final = "label_config.xml"
COCO: Final = "annotations.coco.json"
_QUESTIONS: Final = {
    "exhaustive": "已全部画框（没有框即没有）/ every one of these is boxed, no box means none",
    "unsure": "不确定 / unsure",
}
"""Choices that `patrol data import` understands: without the first, a missing box is no evidence of absence."""
_DIGITS: Final = 6  # of a per cent
_WHOLE: Final = 100.0


@dataclass(frozen=True, slots=True)
class Written:
    """What is in the folder.

    Attributes:
        photos: Copied, with a task each.
        missing: Chosen, but not to be read again.
    """

    photos: int
    missing: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A photo in the folder: its name there, its record, what speaks for it, and its boxes."""

    name: str
    record: Record
    why: Why
    boxes: tuple[RecordedDetection, ...]


def write_tasks(
    scan: ScanFolder, chosen: Sequence[Candidate], folder: Path, catalogue: Catalogue, limits: PhotoLimits
) -> Written:
    """Write images/, tasks.json and label_config.xml for Label Studio, annotations.coco.json for CVAT.

    Raises:
        OSError: The disk takes no more.
    """
    (folder / PHOTOS).mkdir(parents=True)
    ready: list[_Chosen] = []
    for candidate in chosen:
        data = read_original(candidate.record, limits)
        if data is not None:
            name = f"{len(ready) + 1:05d}-{(candidate.record.sha256 or '')[:12]}{_suffix(candidate.record)}"
            (folder / PHOTOS / name).write_bytes(data)
            boxes = tuple(evidence(candidate.record, catalogue, with_context=True))
            ready.append(_Chosen(name, candidate.record, candidate.why, boxes))
    _write_json(folder / TASKS, [_task(scan, number, one) for number, one in enumerate(ready, 1)])
    _write_json(folder / COCO, _coco(scan, ready))
    _write_interface(folder / INTERFACE, [c.id for c in scan.manifest.categories if c.role != "parent"])
    return Written(len(ready), len(chosen) - len(ready))


def _suffix(record: Record) -> str:
    suffix = PurePath(record.path).suffix.lower()
    return suffix if suffix in SUFFIXES else ".jpg"


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")


def _task(scan: ScanFolder, number: int, chosen: _Chosen) -> dict[str, Any]:
    """A task of Label Studio with the model's boxes as a prediction."""
    record = chosen.record
    size = {"original_width": record.width, "original_height": record.height}
    results = [
        {
            "id": f"box{index}",
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "image_rotation": 0,
            "score": detection.score,
            "value": {**_percent(detection.box, record), "rotation": 0, "rectanglelabels": [detection.category]},
            **size,
        }
        for index, detection in enumerate(chosen.boxes)
    ]
    return {
        "id": number,
        "data": {
            "image": f"/data/local-files/?d={quote(f'{PHOTOS}/{chosen.name}')}",
            "sha256": record.sha256,
            "place": record.location,
            "why": chosen.why,
        },
        "predictions": [
            {
                "model_version": scan.manifest.fingerprint.get("model"),
                "score": min((d.score for d in chosen.boxes), default=0.0),
                "result": results,
            }
        ],
    }


def _percent(box: tuple[float, float, float, float], record: Record) -> dict[str, float]:
    width, height = record.width or 1, record.height or 1
    x1, y1, x2, y2 = box
    sides = {"x": x1 / width, "y": y1 / height, "width": (x2 - x1) / width, "height": (y2 - y1) / height}
    return {name: round(share * _WHOLE, _DIGITS) for name, share in sides.items()}


def _coco(scan: ScanFolder, ready: Sequence[_Chosen]) -> dict[str, object]:
    ids = {category.id: number for number, category in enumerate(scan.manifest.categories, 1)}
    boxes = [(image, box) for image, chosen in enumerate(ready, 1) for box in chosen.boxes]
    return {
        "info": {"description": "what a model found, for a person to correct"},
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "images": [
            {"id": number, "file_name": c.name, "width": c.record.width, "height": c.record.height}
            for number, c in enumerate(ready, 1)
        ],
        "annotations": [
            coco_annotation(number, image, ids[box.category], box) for number, (image, box) in enumerate(boxes, 1)
        ],
    }


def _write_interface(path: Path, categories: Sequence[str]) -> None:
    view = Element("View")
    SubElement(view, "Image", name="image", value="$image")
    labels = SubElement(view, "RectangleLabels", name="label", toName="image")
    for category in categories:
        SubElement(labels, "Label", value=category)
    for name, header in _QUESTIONS.items():
        SubElement(view, "Header", value=header, size="5")
        choices = SubElement(view, "Choices", name=name, toName="image", choice="multiple")
        for category in categories:
            SubElement(choices, "Choice", value=category)
    tree = ElementTree(view)
    indent(tree)
    tree.write(path, encoding="utf-8")
