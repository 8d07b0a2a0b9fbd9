"""COCO: the boxes with their scores, for labelling tools and for training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inference.scan.exports.json_stream import write_document
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.record import Record, RecordedDetection


def write_coco(scan: ScanFolder, path: Path) -> None:
    """Images that were judged, and a scored annotation per box; inputs that failed have no size and are left out."""
    ids = {category.id: number for number, category in enumerate(scan.manifest.categories, 1)}
    parts = {
        "info": {
            "description": "street-patrol scan: what a model found, not what a person confirmed",
            "date_created": scan.manifest.created_at,
            "model": scan.manifest.fingerprint.get("model"),
        },
        "licenses": [],
        "categories": [
            {"id": ids[c.id], "name": c.id, "supercategory": c.role, "name_zh": c.name_zh, "name_en": c.name_en}
            for c in scan.manifest.categories
        ],
        "images": _images(scan),
        "annotations": _annotations(scan, ids),
    }
    write_document(path, parts, frozenset({"images", "annotations"}))


def _judged(scan: ScanFolder) -> Iterator[tuple[int, Record]]:
    return enumerate((record for record in scan.records() if record.width is not None), 1)


def _images(scan: ScanFolder) -> Iterator[dict[str, object]]:
    for image_id, record in _judged(scan):
        yield {
            "id": image_id,
            "file_name": scan.name(record),
            "width": record.width,
            "height": record.height,
            "date_captured": record.captured_at or "",
        }


def _annotations(scan: ScanFolder, ids: dict[str, int]) -> Iterator[dict[str, object]]:
    number = 0
    for image_id, record in _judged(scan):
        for detection in record.detections:
            number += 1
            yield coco_annotation(number, image_id, ids[detection.category], detection)


def coco_annotation(number: int, image_id: int, category_id: int, detection: RecordedDetection) -> dict[str, object]:
    """A box as COCO writes it, [left, top, width, height] in pixels, with its score."""
    x1, y1, x2, y2 = detection.box
    width, height = round(x2 - x1, 1), round(y2 - y1, 1)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [x1, y1, width, height],
        "area": round(width * height, 1),
        "iscrowd": 0,
        "score": detection.score,
    }
