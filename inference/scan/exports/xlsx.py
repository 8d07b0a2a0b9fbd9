"""XLSX for the people who put things right: 问题清单 (problems), 责任清单 (who), 整改清单 (until when)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from inference.decide import Decision
from inference.scan.exports.deadlines import OfficeHours, due
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.exports.sheet_text import Cell
from inference.scan.manifest import ScannedCode
from inference.scan.record import Record, RecordedSuggestion
from inference.wording import DECISIONS

_MAX_ROWS: Final = 1_048_576  # of a sheet, as Excel has it
_PROBLEMS: Final = (
    "序号",
    "照片",
    "类别",
    "概率",
    "决定",
    "编码",
    "编码名称",
    "责任部门",
    "拍摄时间",
    "纬度",
    "经度",
    "案件编号",
)
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
_NO_LIMIT: Final = "未规定"
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

    Raises:
        OSError: The file cannot be written.
    """
    import xlsxwriter  # optional: the extra `scan`
    from xlsxwriter.exceptions import XlsxWriterException

    try:
        _write(scan, path, office, xlsxwriter)
    except XlsxWriterException as error:
        raise OSError(str(error)) from error


def _write(scan: ScanFolder, path: Path, office: OfficeHours, xlsxwriter: Any) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as book:
        # The sheets stand in this order; the second is written last, when everything is counted.
        problems = _Sheet(book, "问题清单", _PROBLEMS)
        departments = _Sheet(book, "责任清单", _DEPARTMENTS)
        deadlines = _Sheet(book, "整改清单", _DEADLINES)
        table = _Departments(_limits(scan.manifest.codes))
        for number, (name, record, suggestion, case) in enumerate(_problems(scan), 1):
            problems.add((*_problem(number, name, record, suggestion), case))
            limit = table.count(suggestion)
            deadlines.add(_deadline_cells(number, name, suggestion, limit, _reported(record, scan), office))
        for row in table.rows():
            departments.add(row)
        deadlines.add((_NOTE,))


def _problems(scan: ScanFolder) -> Iterator[tuple[str, Record, RecordedSuggestion, str | None]]:
    """What photos show, with their names and their cases; a photo like an earlier one shows nothing new."""
    for record, case in scan.numbered():
        if record.same_as is None:
            for suggestion in record.suggestions:
                yield scan.name(record), record, suggestion, case


class _Departments:
    """Counts who has how much to do.

    Args:
        limits: (category, code) -> the scheme's deadline.
    """

    def __init__(self, limits: Mapping[tuple[str, str], str]) -> None:
        self._limits = limits
        self._counts: Counter[tuple[str, str, Decision]] = Counter()
        self._limit_of: dict[tuple[str, str], str] = {}

    def count(self, suggestion: RecordedSuggestion) -> str:
        """Note a problem; its deadline, by its default code."""
        code = suggestion.codes[0].code if suggestion.codes else ""
        limit = self._limits.get((suggestion.category, code), "")
        self._counts[suggestion.department, suggestion.name_zh, suggestion.decision] += 1
        return self._limit_of.setdefault((suggestion.department, suggestion.name_zh), limit)

    def rows(self) -> list[tuple[Cell, ...]]:
        """A row per department and category, departments with the most problems first."""
        rows = [
            (department, name, self._counts[department, name, "prefill"], self._counts[department, name, "suggest"])
            for department, name in self._limit_of
        ]
        totals: Counter[str] = Counter()
        for department, _, prefilled, suggested in rows:
            totals[department] += prefilled + suggested
        rows.sort(key=lambda row: (-totals[row[0]], row[0], -row[2] - row[3], row[1]))
        return [(d or "未指定", n, p + s, p, s, self._limit_of[d, n] or _NO_LIMIT) for d, n, p, s in rows]


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


def _reported(record: Record, scan: ScanFolder) -> tuple[datetime, str]:
    """The moment that a deadline counts from, and what it is."""
    if record.moment is not None:
        return record.moment, "拍摄时间"
    return datetime.fromisoformat(scan.manifest.created_at).astimezone(), "扫描时间"


def _deadline_cells(
    number: int,
    name: str,
    suggestion: RecordedSuggestion,
    limit: str,
    reported: tuple[datetime, str],
    office: OfficeHours,
) -> tuple[Cell, ...]:
    moment, basis = reported
    end = due(moment, limit, office)
    return (
        number,
        name,
        suggestion.name_zh,
        suggestion.department,
        _codes(suggestion),
        limit or _NO_LIMIT,
        moment.strftime(_MOMENT),
        basis,
        _NO_LIMIT if end is None else end.strftime(_MOMENT),
        _OPEN,
    )
