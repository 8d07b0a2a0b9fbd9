"""The words of tables that people read: headings, and what records say, in Chinese."""

from __future__ import annotations

from typing import Final

from inference.scan.record import Record, RecordedSuggestion
from inference.scan.summary import STATUS_WORDS
from inference.wording import DECISIONS, VERDICTS

HEADINGS: Final = (
    "来源",
    "照片",
    "状态",
    "结论",
    "类别编号",
    "类别",
    "概率",
    "决定",
    "编码体系",
    "编码",
    "编码名称",
    "责任部门",
    "拍摄时间",
    "纬度",
    "经度",
    "宽",
    "高",
    "提示",
    "失败原因",
    "失败说明",
    "与此照片相同",
    "SHA-256",
    "案件编号",
)
"""Of the columns that `rows` gives."""

Cell = str | float | int | None
_CODES_JOINED: Final = "; "


def rows(record: Record, case: str | None = None) -> list[tuple[Cell, ...]]:
    """A row per suggestion of a record; one without, where it has none; with the number of its case."""
    return [_row(record, suggestion, case) for suggestion in record.suggestions] or [_row(record, None, case)]


def _row(record: Record, suggestion: RecordedSuggestion | None, case: str | None) -> tuple[Cell, ...]:
    failure = record.failure
    return (
        record.source,
        record.path,
        STATUS_WORDS[record.status][0],
        None if record.verdict is None else VERDICTS[record.verdict]["zh"],
        *_suggestion_cells(suggestion),
        record.captured_at,
        record.latitude,
        record.longitude,
        record.width,
        record.height,
        _CODES_JOINED.join(record.warnings) or None,
        None if failure is None else failure.code,
        None if failure is None else failure.detail,
        record.same_as,
        record.sha256,
        case,
    )


def _suggestion_cells(suggestion: RecordedSuggestion | None) -> tuple[Cell, ...]:
    if suggestion is None:
        return (None,) * 8
    return (
        suggestion.category,
        suggestion.name_zh,
        suggestion.probability,
        DECISIONS[suggestion.decision]["zh"],
        suggestion.codes[0].scheme if suggestion.codes else None,
        _CODES_JOINED.join(code.code for code in suggestion.codes),
        _CODES_JOINED.join(code.name for code in suggestion.codes),
        suggestion.department,
    )
