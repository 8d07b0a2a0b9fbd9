"""The JSON of MegaDetector's batch results, which tools for camera traps read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from inference.scan.exports.json_stream import write_document
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.record import Record, RecordedDetection

FORMAT: Final = "1.6"
_VIDEO_FAILURES: Final = ("video-unreadable", "video-cut-off", "video-not-on-disk")
_SHARE_DIGITS: Final = 4


def write_megadetector(scan: ScanFolder, path: Path) -> None:
    """An image per input; one that failed has a `failure` and null detections, apart from one that shows nothing."""
    ids = {category.id: str(number) for number, category in enumerate(scan.manifest.categories, 1)}
    parts = {
        "info": {
            "format_version": FORMAT,
            "detector": scan.manifest.fingerprint.get("model"),
            "detection_completion_time": scan.manifest.created_at,
        },
        "detection_categories": {ids[category.id]: category.id for category in scan.manifest.categories},
        "images": (_image(scan.name(record), record, ids) for record in scan.records()),
    }
    write_document(path, parts, frozenset({"images"}))


def _image(name: str, record: Record, ids: dict[str, str]) -> dict[str, object]:
    if record.failure is not None:
        failed = {"file": name, "failure": f"{record.failure.code}: {record.failure.detail}", "detections": None}
        # The validator takes the record of a whole video for one of its frames' and wants their rate.
        return failed | ({"frame_rate": -1, "frames_processed": []} if _is_video(record) else {})
    size = (record.width or 1, record.height or 1)
    return {
        "file": name,
        "detections": [_detection(detection, size, ids) for detection in record.detections],
        "width": record.width,
        "height": record.height,
        **({} if record.captured_at is None else {"datetime": record.captured_at}),
    }


def _is_video(record: Record) -> bool:
    return record.failure is not None and "#t=" not in record.path and record.failure.code in _VIDEO_FAILURES


def _detection(detection: RecordedDetection, size: tuple[int, int], ids: dict[str, str]) -> dict[str, object]:
    """A box as [left, top, width, height] in shares of the photo."""
    x1, y1, x2, y2 = detection.box
    width, height = size
    box = [x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height]
    return {
        "category": ids[detection.category],
        "conf": float(detection.score),
        "bbox": [round(share, _SHARE_DIGITS) for share in box],
    }
