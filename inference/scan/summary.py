"""What the records of a scan say, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from inference.decide import Decision
from inference.scan.inputs import ScanFailureCode
from inference.scan.record import STATUSES, Record, Status
from inference.wording import FAILED, short

STATUS_WORDS: Final[Mapping[Status, tuple[str, str]]] = {
    "ok": ("有建议", "with suggestions"),
    "empty": ("无建议", "nothing suggested"),
    "degraded": ("照片受损", "damaged, judged in part"),
    "failed": (FAILED["zh"], FAILED["en"]),
}


@dataclass(slots=True)
class Failures:
    """Failures of one kind.

    Attributes:
        count: How many.
        first: Place of the first.
        detail: What is wrong with it.
    """

    count: int
    first: str
    detail: str


@dataclass(slots=True)
class Summary:
    """Counts over records; an input with the content of an earlier one counts as an input, not as a problem.

    Attributes:
        statuses: Inputs by status.
        categories: Photos by category and decision.
        names: Chinese and English name by category.
        failures: By code.
        duplicates: Inputs with the content of an earlier one.
    """

    statuses: Counter[Status] = field(default_factory=Counter)
    categories: Counter[tuple[str, Decision]] = field(default_factory=Counter)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    failures: dict[ScanFailureCode, Failures] = field(default_factory=dict)
    duplicates: int = 0

    def add(self, record: Record) -> None:
        """Count a record."""
        self.statuses[record.status] += 1
        if record.failure is not None:
            new = Failures(0, record.location, record.failure.detail)
            self.failures.setdefault(record.failure.code, new).count += 1
        if record.same_as is not None:
            self.duplicates += 1
            return
        for suggestion in record.suggestions:
            self.names[suggestion.category] = (suggestion.name_zh, suggestion.name_en)
            self.categories[suggestion.category, suggestion.decision] += 1

    @property
    def inputs(self) -> int:
        """How many records there are."""
        return self.statuses.total()

    def by_category(self) -> list[tuple[str, int, int]]:
        """(category, photos pre-filled, photos suggested), the most frequent first."""
        counts = {c: (self.categories[c, "prefill"], self.categories[c, "suggest"]) for c in self.names}
        return sorted(((c, *both) for c, both in counts.items()), key=lambda row: (-row[1] - row[2], row[0]))

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "inputs": self.inputs,
            "duplicates": self.duplicates,
            "status": {status: self.statuses[status] for status in STATUSES},
            "categories": [
                {"category": c, "name_zh": self.names[c][0], "name_en": self.names[c][1], "prefill": p, "suggest": s}
                for c, p, s in self.by_category()
            ],
            "failures": [
                {"code": code, "count": kind.count, "first": kind.first, "detail": kind.detail}
                for code, kind in self.by_failure()
            ],
        }

    def by_failure(self) -> list[tuple[ScanFailureCode, Failures]]:
        """The kinds of failures, the most frequent first."""
        return sorted(self.failures.items(), key=lambda kind: (-kind[1].count, kind[0]))

    def tables(self) -> list[Table]:
        """For people: inputs by status, photos by category."""
        inputs = _table(("输入", "inputs"), ("数量", "count"))
        for status in STATUSES:
            inputs.add_row(_words(*STATUS_WORDS[status]), f"{self.statuses[status]:,}")
        inputs.add_row(_words("其中重复照片", "of these duplicates"), f"{self.duplicates:,}", style="dim")
        inputs.add_row(_words("合计", "all"), f"{self.inputs:,}", style="bold")
        photos = _table(("类别", "category"), ("预填", "prefill"), ("建议", "suggest"))
        for category, prefilled, suggested in self.by_category():
            photos.add_row(_words(*map(short, self.names[category])), f"{prefilled:,}", f"{suggested:,}")
        return [inputs, photos] if self.names else [inputs]


def summarise(records: Iterable[Record]) -> Summary:
    """The counts over records."""
    summary = Summary()
    for record in records:
        summary.add(record)
    return summary


def _table(first: tuple[str, str], *others: tuple[str, str]) -> Table:
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    table.add_column(_words(*first))
    for words in others:
        table.add_column(_words(*words), justify="right")
    return table


def _words(chinese: str, english: str) -> Text:
    return Text.assemble(chinese, " ", (english, "dim"))
