"""How far a scan is: a live bar where a person watches, a line now and then where a log does."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inference.printer import Printer
from inference.scan.record import Record
from inference.scan.summary import Summary
from inference.wording import short

_LOG_SECONDS: Final = 30
_BAR_WIDTH: Final = 20
_CATEGORIES_SHOWN: Final = 3


class ScanProgress:
    """Counts what this run does.

    Args:
        printer: Where to show it.
        total: Gives the number of inputs once it is known, else None.
    """

    def __init__(self, printer: Printer, total: Callable[[], int | None]) -> None:
        self._printer = printer
        self._total = total
        self._bar: Progress = printer.bar(
            TextColumn("{task.description}"),
            BarColumn(_BAR_WIDTH),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
        )
        self._task = self._bar.add_task("扫描 scan", total=None, counts="")
        self._started = self._logged = time.monotonic()
        self.summary = Summary()
        self.known = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def rate(self) -> float:
        """Records per second in this run."""
        return self.summary.inputs / max(time.monotonic() - self._started, 1e-9)

    def on_known(self) -> None:
        """An input has a record from an earlier run."""
        self.known += 1

    def on_record(self, record: Record) -> None:
        """A record was written."""
        self.summary.add(record)
        total = self._total()
        done = self.known + self.summary.inputs
        if self._printer.is_watched:
            self._bar.update(self._task, completed=done, total=total, counts=self._counts(done, total))
        elif time.monotonic() - self._logged >= _LOG_SECONDS:
            self._logged = time.monotonic()
            self._printer.note(f"扫描 scan: {self._counts(done, total)}")

    def _counts(self, done: int, total: int | None) -> str:
        of_total = "" if total is None else f"/{total:,}"
        failed = self.summary.statuses["failed"]
        parts = [f"{done:,}{of_total}", f"{self.rate:.1f}/s", f"失败 failed {failed:,}"]
        for category, prefilled, suggested in self.summary.by_category()[:_CATEGORIES_SHOWN]:
            parts.append(f"{short(self.summary.names[category][0])} {prefilled + suggested:,}")
        return "  ".join(parts)
