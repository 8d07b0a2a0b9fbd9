"""`patrol scan --next-to-label N` and `patrol scan-next`: the photos of a scan that are worth labelling, as tasks."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from inference.categories import load_catalogue
from inference.printer import Printer
from inference.scan.export_command import ExportError
from inference.scan.exports.scan_folder import EXPORTS, ScanFolder
from inference.scan.label_tasks import Written, write_tasks
from inference.scan.selection import Candidate, select
from inference.scan.settings import load_scan_settings
from inference.settings import load_settings

NEXT: Final = "next-to-label"
_WHY: Final = {
    "uncertain": "把握不足 uncertain",
    "disagreeing": "一物两名 two names for one thing",
    "rare": "少见 rare",
}


def next_to_label(folder: Path, number: int, printer: Printer) -> None:
    """Choose photos, write DIR/exports/next-to-label, and say what is in there.

    Raises:
        PatrolError: There is no scan, or the disk takes no more.
    """
    scan, service = ScanFolder.open(folder), load_settings()
    catalogue = load_catalogue(service.categories)
    chosen = select(scan, number, load_scan_settings().selection, catalogue)
    path = folder / EXPORTS / NEXT
    part = path.with_name(f".{NEXT}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        written = write_tasks(scan, chosen, part, catalogue, service.photo_limits)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror or error}); make room and try again") from error
    _print(path, chosen, written, printer)


def _print(path: Path, chosen: list[Candidate], written: Written, printer: Printer) -> None:
    reasons = Counter(candidate.why for candidate in chosen)
    counts = "，".join(f"{_WHY[why]} {count:,}" for why, count in reasons.most_common())
    printer.note(f"待标注照片 {written.photos:,} / photos to label: {written.photos:,}（{counts}）: {path}")
    if written.missing:
        printer.note(
            f"{written.missing:,} 张已不在原处 / {written.missing:,} could not be read again and were left out"
        )
