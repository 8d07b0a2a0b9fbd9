"""The faults of one import, as they come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from datasets.faults import Fault, Severity


class FaultLog:
    """Collects faults; calling it takes one, so that it is a `datasets.raw.Report`.

    Args:
        source: Name of the source, which every fault gets.
        folder: Files in it are named from there.

    Attributes:
        folder: As above; it may be set once it is known.
        faults: What came in.
    """

    def __init__(self, source: str, folder: Path) -> None:
        self.faults: list[Fault] = []
        self._source = source
        self.folder = folder
        self._damaged: set[str] = set()

    def __call__(self, fault: Fault) -> None:
        """Take a fault."""
        file = Path(fault.file)
        if file.is_absolute() and file.is_relative_to(self.folder):
            fault = replace(fault, file=file.relative_to(self.folder).as_posix())
        self.faults.append(replace(fault, source=self._source))

    def reading(self, fault: Fault) -> None:
        """Take a fault of a label file: what is left out of a photo makes its silence no evidence."""
        if fault.severity == "error" and fault.name:
            self._damaged.add(fault.name)
        self(fault)

    def take_damage(self, name: str) -> bool:
        """Whether a label of the photo was left out since this was last asked."""
        was_damaged = name in self._damaged
        self._damaged.discard(name)
        return was_damaged

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    @property
    def severities(self) -> Counter[Severity]:
        """How many of each."""
        return Counter(fault.severity for fault in self.faults)

    @property
    def codes(self) -> Counter[tuple[Severity, str]]:
        """How many of each severity and code."""
        return Counter((fault.severity, fault.code) for fault in self.faults)
