"""XLSX for the people who put things right: 问题清单 (problems), 责任清单 (who), 整改清单 (until when)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from inference.scan.exports.deadlines import OfficeHours, due
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.exports.sheet_text import Cell
from inference.scan.manifest import ScannedCode
from inference.scan.record import Record, RecordedSuggestion
from inference.wording import DECISIONS

_MAX_ROWS: Final = 1_048_576  # of a sheet, as Excel has it
_PROBLEMS: Final = ("序号", "照片", "类别", "概率", "决定", "编码", "编码名称", "责任部门", "拍摄时间", "纬度", "经度")
_DEPARTMENTS: Final = ("责任部门", "类别", "问题数", "其中预填", "其中建议", "处置时限")
_DEADLINES: Final = (
    "序号",
    "照片",
    "类别",
    "责任部门",
    "编码",
    "处置时限",
    "起算时间",
    "起算依据",
    "整改期限",
    "整改状态",
)
_NOTE: Final = "整改期限按工作日（周一至周五）推算，未计法定节假日；模型建议，须人工确认"
_OPEN: Final = "待整改"
_MOMENT: Final = "%Y-%m-%d %H:%M"
_WIDTH: Final = 18
_WIDE: Final = 44


def write_xlsx(scan: ScanFolder, path: Path, office: OfficeHours) -> None:
    """Three sheets; a photo with the content of an earlier one is no second problem and is left out.

    Args:
        scan: The scan.
        path: The file.
        office: When work is done, for deadlines.
    """
    import xlsxwriter  # optional: the extra `scan`

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as book:
        # The sheets stand in this order; the second is written last, when everything is counted.
        problems = _Sheet(book, "问题清单", _PROBLEMS)
        departments = _Sheet(book, "责任清单", _DEPARTMENTS)
        deadlines = _Sheet(book, "整改清单", _DEADLINES)
        counts: Counter[tuple[str, str, str]] = Counter()
        limits = _limits(scan.manifest.codes)
        number = 0
        for record in scan.records():
            for suggestion in record.suggestions if record.same_as is None else ():
                number += 1
                name = scan.name(record)
                problems.add(_problem(number, name, record, suggestion))
                deadline = _deadline_cells(number, name, suggestion, limits, _reported(record, scan), office)
                deadlines.add(deadline)
                counts[suggestion.department, suggestion.name_zh, suggestion.decision] += 1
                counts[suggestion.department, suggestion.name_zh, ""] += 1
                limits.setdefault(("", suggestion.name_zh), _limit(suggestion, limits))
        for row in _department_rows(counts, limits):
            departments.add(row)
        deadlines.add((_NOTE,))


class _Sheet:
    """Rows of a sheet, going on in another where Excel has no more; 问题清单, 问题清单 2, ..."""

    def __init__(self, book: Any, name: str, headings: Sequence[str]) -> None:
        self._book = book
        self._name = name
        self._headings = headings
        self._bold = book.add_format({"bold": True, "bg_color": "#DDEBF7"})
        self._part = 0
        self._begin()

    def _begin(self) -> None:
        self._part += 1
        name = self._name if self._part == 1 else f"{self._name} {self._part}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.set_column(0, len(self._headings) - 1, _WIDTH)
        self._sheet.set_column(1, 1, _WIDE)
        self._sheet.freeze_panes(1, 0)
        self._sheet.write_row(0, 0, self._headings, self._bold)
        self._rows = 1

    def add(self, cells: Sequence[Cell]) -> None:
        """Write a row; text stays text, whatever it begins with."""
        if self._rows >= _MAX_ROWS:
            self._begin()
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                self._sheet.write_string(self._rows, column, cell)
            elif cell is not None:
                self._sheet.write_number(self._rows, column, cell)
        self._rows += 1


def _problem(number: int, name: str, record: Record, suggestion: RecordedSuggestion) -> tuple[Cell, ...]:
    return (
        number,
        name,
        suggestion.name_zh,
        suggestion.probability,
        DECISIONS[suggestion.decision]["zh"],
        _codes(suggestion),
        "; ".join(code.name for code in suggestion.codes),
        suggestion.department,
        None if record.moment is None else record.moment.strftime(_MOMENT),
        record.latitude,
        record.longitude,
    )


def _codes(suggestion: RecordedSuggestion) -> str:
    return "; ".join(code.code for code in suggestion.codes)


def _limits(codes: Sequence[ScannedCode]) -> dict[tuple[str, str], str]:
    """(category, code) -> the scheme's deadline."""
    return {(code.category, code.code): code.deadline for code in codes}


def _limit(suggestion: RecordedSuggestion, limits: Mapping[tuple[str, str], str]) -> str:
    """The deadline of the default code."""
    return limits.get((suggestion.category, suggestion.codes[0].code), "") if suggestion.codes else ""


def _reported(record: Record, scan: ScanFolder) -> tuple[datetime, str]:
    """The moment that a deadline counts from, and what it is."""
    if record.moment is not None:
        return record.moment, "拍摄时间"
    return datetime.fromisoformat(scan.manifest.created_at).astimezone(), "扫描时间"


def _deadline_cells(
    number: int,
    name: str,
    suggestion: RecordedSuggestion,
    limits: Mapping[tuple[str, str], str],
    reported: tuple[datetime, str],
    office: OfficeHours,
) -> tuple[Cell, ...]:
    moment, basis = reported
    limit = _limit(suggestion, limits)
    end = due(moment, limit, office)
    return (
        number,
        name,
        suggestion.name_zh,
        suggestion.department,
        _codes(suggestion),
        limit or "未规定",
        moment.strftime(_MOMENT),
        basis,
        "未规定" if end is None else end.strftime(_MOMENT),
        _OPEN,
    )


def _department_rows(
    counts: Counter[tuple[str, str, str]], limits: Mapping[tuple[str, str], str]
) -> list[tuple[Cell, ...]]:
    """A row per department and category, departments with the most problems first."""
    totals: Counter[str] = Counter()
    for (department, _, decision), count in counts.items():
        totals[department] += 0 if decision else count
    pairs = [(department, name) for department, name, decision in counts if not decision]
    pairs.sort(key=lambda pair: (-totals[pair[0]], pair[0], -counts[*pair, ""], pair[1]))
    return [
        (
            d or "未指定",
            n,
            counts[d, n, ""],
            counts[d, n, "prefill"],
            counts[d, n, "suggest"],
            limits["", n] or "未规定",
        )
        for d, n in pairs
    ]
