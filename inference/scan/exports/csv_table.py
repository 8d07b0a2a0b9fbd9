"""CSV that spreadsheets open by a double click: UTF-8 with a byte order mark, Chinese headings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.exports.sheet_text import HEADINGS, Cell, rows

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(scan: ScanFolder, path: Path) -> None:
    """A row per photo and suggestion, and one for each photo without."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(HEADINGS)
        for record, case in scan.numbered():
            writer.writerows([safe(cell) for cell in row] for row in rows(record, case))


def safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it, which it shows as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
