"""The code schemes of issue systems: which codes a category has in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.categories import Catalogue, UnknownCategory
from inference.config_file import ConfigFileError, Mistakes, read_text
from inference.errors import ConfigError

COLUMNS: Final = ("category", "code", "name", "department", "deadline", "note")
_COMMENT: Final = re.compile(r'\s*"?#')  # a spreadsheet that saves a comment holding a comma quotes it


@dataclass(frozen=True, slots=True)
class Code:
    """One code that an issue system gives to a category.

    Attributes:
        scheme: Name of the scheme.
        code: The code, as text: leading zeros count.
        name: What the scheme calls it.
        department: Who handles it under this code; empty for the category's own.
        deadline: Free text; empty when the scheme gives none.
        note: For the operator.
    """

    scheme: str
    code: str
    name: str
    department: str
    deadline: str
    note: str


class Scheme:
    """The codes of one issue system, by category.

    Args:
        name: What a request calls it.
        rows: Codes by category id, the default code first.
        catalogue: The categories that it is about.
    """

    def __init__(self, name: str, rows: Mapping[str, Sequence[Code]], catalogue: Catalogue) -> None:
        self.name = name
        self._catalogue = catalogue
        self._codes = {category_id: tuple(codes) for category_id, codes in rows.items()}

    def codes(self, category_id: str) -> tuple[Code, ...]:
        """The codes of a category, the default first; a parent without its own has those of its children.

        Raises:
            UnknownCategory: There is no such category.
        """
        if category_id in self._codes:
            return self._codes[category_id]
        union: dict[str, Code] = {}
        for child in self._catalogue.children(category_id):
            for code in self.codes(child.id):
                union.setdefault(code.code, code)
        return tuple(union.values())

    def department(self, category_id: str) -> str:
        """Who handles a category: as its default code says, else as the catalogue does.

        Raises:
            UnknownCategory: There is no such category.
        """
        codes = self.codes(category_id)
        return (codes[0].department if codes else "") or self._catalogue.require(category_id).department


def load_schemes(directory: Path, catalogue: Catalogue) -> dict[str, Scheme]:
    """Read every scheme of a directory; its name is the file's without .csv.

    Raises:
        ConfigFileError: Some file has mistakes; those of all files are listed.
        ConfigError: There is no scheme.
    """
    schemes: dict[str, Scheme] = {}
    mistakes: list[ConfigError] = []
    for path in _scheme_files(directory):
        try:
            schemes[path.stem] = load_scheme(path, catalogue)
        except ConfigFileError as error:
            mistakes.extend(error.mistakes)
        except ConfigError as error:
            mistakes.append(error)
    if mistakes:
        raise ConfigFileError(mistakes)
    if not schemes:
        raise ConfigError(directory, None, "holds no scheme", "Put at least one <scheme>.csv there.")
    return schemes


def _scheme_files(directory: Path) -> list[Path]:
    """The csv files, without those that spreadsheets keep while they have one open."""
    return sorted(path for path in directory.glob("*.csv") if not path.name.startswith((".", "~$")))


def load_scheme(path: Path, catalogue: Catalogue) -> Scheme:
    """Read one scheme.

    Raises:
        ConfigError: The file cannot be read, or is not CSV.
        ConfigFileError: Its content has mistakes; all of them are listed.
    """
    mistakes = Mistakes(path)
    lines = _read_lines(path, mistakes)
    header = next(lines, None)
    rows: list[_Row] = []
    if header is None and not mistakes:
        mistakes.add(None, "is empty", f"Begin it with the line {','.join(COLUMNS)}.")
    elif header and _check_header(*header, mistakes):
        rows = list(_read_rows(header[1], lines, mistakes))
        _check_rows(rows, catalogue, mistakes)
    mistakes.raise_if_any()
    return Scheme(path.stem, _codes(path.stem, rows, catalogue), catalogue)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    @property
    def category(self) -> str:
        return self.cells["category"]

    @property
    def code(self) -> str:
        return self.cells["code"]


def _read_lines(path: Path, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, as line number and trimmed cells, without comments."""
    text = io.StringIO(read_text(path), newline="")
    reader = csv.reader(("\n" if _COMMENT.match(line) else line for line in text), strict=True)
    line = 1
    try:
        for raw_cells in reader:
            cells = [cell.strip() for cell in raw_cells]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        remedy = "Put text that holds a comma in double quotes, and close every quote."
        mistakes.add(line, f"is not valid CSV: {error}", remedy)


def _check_header(line: int, header: Sequence[str], mistakes: Mistakes) -> bool:
    """Whether the columns are there, once each; their order is free."""
    wrong = [f"no column {column}" for column in COLUMNS if column not in header]
    wrong += [f"an unknown column '{column}'" for column in header if column not in COLUMNS]
    wrong += [f"the column {column} twice" for column in COLUMNS if header.count(column) > 1]
    if wrong:
        columns = f"The first line must be {','.join(COLUMNS)}"
        mistakes.add(line, f"has {', '.join(wrong)}", f"{columns}, separated by commas.")
    return not wrong


def _read_rows(header: Sequence[str], lines: Iterator[tuple[int, list[str]]], mistakes: Mistakes) -> Iterator[_Row]:
    line = None
    for line, cells in lines:
        if len(cells) == len(header):
            yield _Row(line, dict(zip(header, cells, strict=True)))
        else:
            problem = f"has {len(cells)} cells where the first line has {len(header)}"
            mistakes.add(line, problem, "Put text that holds a comma in double quotes, and keep empty cells.")
    if line is None and not mistakes:
        mistakes.add(None, "has no rows", "Add a line per category and code.")


def _check_rows(rows: Sequence[_Row], catalogue: Catalogue, mistakes: Mistakes) -> None:
    first_lines: dict[tuple[str, str], int] = {}
    for row in rows:
        _check_category(row, catalogue, mistakes)
        if not row.code:
            mistakes.add(row.line, f"'{row.category}' has no code", "Write it, or delete the line.")
            continue
        first = first_lines.setdefault((row.category, row.code), row.line)
        if first != row.line:
            problem = f"'{row.category}' has code {row.code} already in line {first}"
            mistakes.add(row.line, problem, "Keep one of the two lines.")


def _check_category(row: _Row, catalogue: Catalogue, mistakes: Mistakes) -> None:
    if not row.category:
        mistakes.add(row.line, "has an empty category", "Write the id of a category of categories.yaml.")
        return
    try:
        category = catalogue.require(row.category)
    except UnknownCategory as error:
        mistakes.add(row.line, error.problem, error.remedy)
        return
    if category.role == "context":
        problem = f"'{row.category}' is a context class, which is never suggested"
        mistakes.add(row.line, problem, "Delete the line.")


def _codes(scheme: str, rows: Sequence[_Row], catalogue: Catalogue) -> dict[str, list[Code]]:
    codes: dict[str, list[Code]] = {}
    for row in rows:
        cells = row.cells
        name = cells["name"] or catalogue[row.category].name_zh
        code = Code(scheme, row.code, name, cells["department"], cells["deadline"], cells["note"])
        codes.setdefault(row.category, []).append(code)
    return codes
