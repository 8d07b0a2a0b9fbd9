"""Photo-level tags in CSV: this photo shows X, does not show Y, and nothing is said about Z.

Wide: a column of photo names and a column a class, `1` shown, `0` not shown, blank not known. Columns of anything
else (camera, date, remarks) are left out with a note. Long: columns file, label, value. Separated by commas,
semicolons or tabs, in UTF-8, UTF-16 or GBK.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.raw import RawPhoto, Report
from datasets.text import open_text

NAME = "tags"
WRITTEN: Final = "image_labels.csv"

_FILE_COLUMNS: Final = frozenset(
    ("file", "filename", "file_name", "image", "photo", "path", "文件", "文件名", "照片", "图片")
)
_LABEL_COLUMNS: Final = frozenset(("label", "class", "category", "tag", "标签", "类别"))
_VALUE_COLUMNS: Final = frozenset(("value", "present", "值", "有无"))
_SHOWN: Final = frozenset(("1", "1.0", "true", "yes", "是", "有"))
_NOT_SHOWN: Final = frozenset(("0", "0.0", "false", "no", "否", "无"))
_SEPARATORS: Final = ",;\t"
_LIMIT: Final = 1 << 20  # characters of a field: more is a quote that never closes


@dataclass(frozen=True, slots=True)
class _Table:
    """A CSV file of tags.

    Attributes:
        path: The file.
        separator: Between its fields.
        header: Its columns.
        file: Position of the photo's name.
        long: Positions of class and value, or None where every class has its column.
    """

    path: Path
    separator: str
    header: tuple[str, ...]
    file: int
    long: tuple[int, int] | None


def recognises(folder: Path) -> bool:
    """Whether a CSV file with a column of photo names and one of tags lies in the folder."""
    return any(True for _ in _tables(folder))


def _tables(folder: Path) -> Iterator[_Table]:
    for path in sorted([*folder.glob("*.csv"), *folder.glob("*.tsv")]):
        table = _table(path) if path.is_file() else None
        if table is not None and (table.long or _class_columns(table, lambda _: None)):
            yield table


def _table(path: Path) -> _Table | None:
    with open_text(path, lambda _: None) as text:
        first = text.readline(_LIMIT)
    separator = max(_SEPARATORS, key=first.count)
    header = tuple(name.strip() for name in next(csv.reader([first], delimiter=separator), []))
    lowered = [name.casefold() for name in header]
    file, label, value = (_position(lowered, names) for names in (_FILE_COLUMNS, _LABEL_COLUMNS, _VALUE_COLUMNS))
    if file is None:
        return None
    return _Table(path, separator, header, file, None if label is None or value is None else (label, value))


def _position(header: Sequence[str], names: frozenset[str]) -> int | None:
    return next((index for index, name in enumerate(header) if name in names), None)


def _rows(table: _Table, report: Report) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of the rows below the header; a broken one is reported and skipped."""
    with open_text(table.path, report) as text:
        rows = csv.reader(text, delimiter=table.separator)
        next(rows, None)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                message = f"CSV 损坏，此行已跳过 / broken CSV ({error}): line left out"
                report(Fault("line-broken", "error", message, file=str(table.path), where=str(rows.line_num)))
                continue
            if any(map(str.strip, row)):
                yield rows.line_num, row


def _class_columns(table: _Table, report: Report) -> dict[int, str]:
    """Position -> class of the columns in which most values are tags."""
    tags: Counter[int] = Counter()
    others: Counter[int] = Counter()
    example: dict[int, str] = {}
    for _, row in _rows(table, lambda _: None):
        for index, value in enumerate(row[: len(table.header)]):
            if value.strip() and _is_shown(value) is None:
                others[index] += 1
                example.setdefault(index, value)
            elif value.strip():
                tags[index] += 1
    for index in sorted(others):
        if index != table.file and tags[index] <= others[index]:
            problem = (
                f"不是标签列，未导入 / column {table.header[index]!r} holds values like {example[index]!r}: left out"
            )
            report(Fault("column-left-out", "note", problem, file=str(table.path), where="1"))
    return {i: n for i, n in enumerate(table.header) if i != table.file and tags[i] > others[i]}


def _is_shown(value: str) -> bool | None:
    folded = value.strip().casefold()
    return True if folded in _SHOWN else False if folded in _NOT_SHOWN else None


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The photos of every table of the folder."""
    for table in _tables(folder):
        yield from _read_long(table, folder, report) if table.long else _read_wide(table, folder, report)


@dataclass(slots=True)
class _Tags:
    """What is said about one photo."""

    where: str
    shown: set[str] = field(default_factory=set)
    not_shown: set[str] = field(default_factory=set)

    def add(self, label: str, *, is_shown: bool) -> None:
        (self.shown if is_shown else self.not_shown).add(label)

    def photo(self, name: str, file: str) -> RawPhoto:
        """Tags say nothing about boxes, so no class is exhaustively boxed."""
        present, absent = frozenset(self.shown), frozenset(self.not_shown)
        return RawPhoto(name, exhaustive=frozenset(), present=present, absent=absent, file=file, where=self.where)


def _read_wide(table: _Table, folder: Path, report: Report) -> Iterator[RawPhoto]:
    columns = _class_columns(table, report)
    shown_file = table.path.relative_to(folder).as_posix()
    for line, row in _rows(table, report):
        name = row[table.file].strip() if len(row) > table.file else ""
        if not name:
            _broken(report, table, line, "缺少文件名 / no photo named")
            continue
        tags = _Tags(str(line))
        for index, label in columns.items():
            value = row[index] if index < len(row) else ""
            is_shown = _is_shown(value)
            if is_shown is not None:
                tags.add(label, is_shown=is_shown)
            elif value.strip():
                _broken(
                    report, table, line, f"{label!r} 应为 0、1 或空 / must be 0, 1 or blank, but is {value!r}", name
                )
        yield tags.photo(name, shown_file)


def _read_long(table: _Table, folder: Path, report: Report) -> Iterator[RawPhoto]:
    """Photos in the order of their first line; all of a table is held, because a photo's lines may lie anywhere."""
    label_at, value_at = table.long or (0, 0)
    photos: dict[str, _Tags] = {}
    for line, row in _rows(table, report):
        fields = [row[index].strip() if index < len(row) else "" for index in (table.file, label_at, value_at)]
        name, label, value = fields
        is_shown = _is_shown(value)
        if not name or (value and (not label or is_shown is None)):
            _broken(report, table, line, f"应为 文件,类别,0/1 / expected file, label, 0 or 1, but got {fields}", name)
            continue
        tags = photos.setdefault(name, _Tags(str(line)))
        if label and is_shown is not None:
            tags.add(label, is_shown=is_shown)
    shown_file = table.path.relative_to(folder).as_posix()
    yield from (tags.photo(name, shown_file) for name, tags in photos.items())


def _broken(report: Report, table: _Table, line: int, message: str, name: str = "") -> None:
    report(Fault("line-broken", "error", message, name=name, file=str(table.path), where=str(line)))


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """One file, `image_labels.csv`, in the long form.

    What it cannot hold: anything but photo-level tags.

    Raises:
        LabelError: a name begins or ends with a space, or a tag is both shown and not shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / WRITTEN).open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, lineterminator="\r\n")
        rows.writerow(("file", "label", "value"))
        for photo in photos:
            rows.writerows(_rows_of(photo))


def _rows_of(photo: RawPhoto) -> Iterable[tuple[str, str, str]]:
    names = (photo.name, *photo.present, *photo.absent)
    if photo.present & photo.absent or any(name != name.strip() or not name for name in names):
        raise LabelError(
            Path(photo.name), "", "CSV cannot hold contradictory tags, or names that begin or end in space"
        )
    values: Mapping[str, str] = {**dict.fromkeys(photo.present, "1"), **dict.fromkeys(photo.absent, "0")}
    tagged = [(photo.name, label, value) for label, value in sorted(values.items())]
    return tagged or [(photo.name, "", "")]
