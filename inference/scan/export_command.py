"""`patrol scan-export`, and `--export` of a scan: a folder of records in, files for people and programs out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from inference.errors import PatrolError
from inference.printer import Printer
from inference.scan.exports.coco import write_coco
from inference.scan.exports.csv_table import write_csv
from inference.scan.exports.deadlines import OfficeHours
from inference.scan.exports.geojson import write_geojson
from inference.scan.exports.megadetector import write_megadetector
from inference.scan.exports.parquet import write_parquet
from inference.scan.exports.scan_folder import EXPORTS, ScanFolder
from inference.scan.exports.xlsx import write_xlsx
from inference.scan.journal import validate
from inference.scan.settings import load_scan_settings


class ExportError(PatrolError):
    """An export cannot be written."""


def _write_xlsx(scan: ScanFolder, path: Path) -> None:
    settings = load_scan_settings()
    write_xlsx(scan, path, OfficeHours(settings.workday_start, settings.workday_end))


FORMATS: Final[Mapping[str, tuple[str, Callable[[ScanFolder, Path], None]]]] = {
    "csv": ("scan.csv", write_csv),
    "xlsx": ("scan.xlsx", _write_xlsx),
    "parquet": ("scan.parquet", write_parquet),
    "coco": ("scan.coco.json", write_coco),
    "megadetector": ("scan.megadetector.json", write_megadetector),
    "geojson": ("scan.geojson", write_geojson),
}
"""Format -> file name under DIR/exports, and what writes it."""

_NEEDS: Final[Mapping[str, str]] = {"xlsx": "xlsxwriter", "parquet": "pyarrow"}
"""Format -> the package that it needs, of the extra `scan`."""


def formats(text: str | None) -> list[str]:
    """The formats of a comma-separated list, in its order.

    Raises:
        ExportError: One is unknown, or its package is missing: said before a scan, not after it.
    """
    wanted = [name.strip() for name in (text or "").split(",") if name.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ExportError(f"Unknown export format '{unknown[0]}'. There are {', '.join(FORMATS)}.")
    for name in wanted:
        if name in _NEEDS and find_spec(_NEEDS[name]) is None:
            raise ExportError(f"{name} needs the package {_NEEDS[name]}: pip install 'street-patrol[scan]'")
    return list(dict.fromkeys(wanted))


def export(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """Write exports of the scan in a folder, each whole or not at all; earlier ones are replaced.

    Returns:
        What was written.

    Raises:
        JournalError: There is no scan, or it is damaged.
        ExportError: The disk takes no more.
    """
    scan = ScanFolder.open(folder)
    return [_export(scan, *FORMATS[name]) for name in wanted]


def _export(scan: ScanFolder, name: str, write: Callable[[ScanFolder, Path], None]) -> Path:
    path = scan.path / EXPORTS / name
    part = path.with_name(f".{name}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        _remove(part)
        write(scan, part)
        _remove(path)
        part.rename(path)
    except OSError as error:
        raise ExportError(
            f"{path}: cannot be written ({error.strerror or error}); make room and export again"
        ) from error
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def export_scan(folder: Path, to: str, printer: Printer) -> None:
    """Write exports and say where they are.

    Raises:
        PatrolError: There is no scan, or an export cannot be written.
    """
    wanted = formats(to)
    if not wanted:
        raise ExportError(f"--to names no format. There are {', '.join(FORMATS)}.")
    for path in export(folder, wanted):
        printer.text(f"已导出 / written: {path}")


def check_scan(folder: Path, printer: Printer) -> bool:
    """Check every record of a scan; whether all is well.

    Raises:
        JournalError: There is no scan.
    """
    found = validate(folder)
    for mistake in found.mistakes:
        printer.error(mistake)
    verdict = "全部有效 / all valid" if not found.mistakes else "有错误 / with mistakes"
    printer.text(f"{found.records:,} 条记录 / records: {verdict}")
    return not found.mistakes
