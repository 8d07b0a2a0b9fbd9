"""A finished or running scan, as exports read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import ValidationError

from inference.scan.case_record import CASES, ScanCase
from inference.scan.journal import JournalError, records, segments
from inference.scan.manifest import ScanManifest, read_manifest
from inference.scan.record import Record

EXPORTS: Final = "exports"
"""The folder, within a scan's, of all that is made of its records."""


@dataclass(frozen=True, slots=True)
class ScanFolder:
    """Records and how they came about.

    Attributes:
        path: The folder.
        manifest: Its scan.json.
    """

    path: Path
    manifest: ScanManifest

    @classmethod
    def open(cls, path: Path) -> Self:
        """The scan in a folder.

        Raises:
            JournalError: There is none.
        """
        return cls(path, read_manifest(path))

    def records(self) -> Iterator[Record]:
        """All records in the order they were written, anew with each call."""
        return records(self.path) if segments(self.path) else iter(())

    def numbered(self) -> Iterator[tuple[Record, str | None]]:
        """All records, each with the number of its case, where `patrol scan-cases` has given it one."""
        cases = case_numbers(self.path / EXPORTS / CASES)
        for number, record in enumerate(self.records()):
            yield record, cases[number] if number < len(cases) else None

    def name(self, record: Record) -> str:
        """How an export calls an input: relative to the source where there is only one, else the whole place."""
        return record.path if len(self.manifest.sources) == 1 else record.location


def case_numbers(path: Path) -> list[str | None]:
    """The case of each record, by the record's number; empty where there are no cases.

    Raises:
        JournalError: The file is damaged.
    """
    numbers: list[str | None] = []
    if not path.exists():
        return numbers
    with path.open("rb") as file:
        for line_number, line in enumerate(file, 1):
            try:
                case = ScanCase.model_validate_json(line)
            except ValidationError as error:
                raise JournalError(f"{path}:{line_number}: is no case; make them anew: patrol scan-cases") from error
            for photo in case.photos:
                numbers.extend([None] * (photo.record + 1 - len(numbers)))
                numbers[photo.record] = case.case
    return numbers
