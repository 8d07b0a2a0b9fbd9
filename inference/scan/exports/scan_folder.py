"""A finished or running scan, as exports read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from inference.scan.journal import records, segments
from inference.scan.manifest import ScanManifest, read_manifest
from inference.scan.record import Record


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

    def name(self, record: Record) -> str:
        """How an export calls an input: relative to the source where there is only one, else the whole place."""
        return record.path if len(self.manifest.sources) == 1 else record.location
