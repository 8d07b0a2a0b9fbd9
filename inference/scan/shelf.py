"""The records of a scan by number, without holding them: 8 bytes each for where they lie."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from inference.scan.journal import JournalError, segments
from inference.scan.record import Record, parse

_OFFSET_BITS: Final = 40  # number of the file above, byte in the file below


class Shelf:
    """Records in the order of the journal; to be gone through once, then asked for by number.

    Args:
        folder: Of the scan.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = segments(folder)
        self._places = array("Q")
        self._files: list[BinaryIO] = [path.open("rb") for path in self._paths]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Record]:
        """All records, a torn last line left out; notes where they lie.

        Raises:
            JournalError: One is damaged.
        """
        self._places = array("Q")
        for number, path in enumerate(self._paths):
            offset = 0
            with path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n") and path is self._paths[-1]:
                        return
                    self._places.append(number << _OFFSET_BITS | offset)
                    yield self._parsed(line, path)
                    offset += len(line)

    def __getitem__(self, number: int) -> Record:
        place = self._places[number]
        index = place >> _OFFSET_BITS
        file = self._files[index]
        file.seek(place & ((1 << _OFFSET_BITS) - 1))
        return self._parsed(file.readline(), self._paths[index])

    @staticmethod
    def _parsed(line: bytes, path: Path) -> Record:
        try:
            return parse(line)
        except ValueError as error:
            raise JournalError(f"{path}: holds a line that is no record ({error}); see patrol scan-check") from error
