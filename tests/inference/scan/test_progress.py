"""What a person, or a log, sees of a scan while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from inference.printer import Printer
from inference.scan import progress as progress_module
from inference.scan.progress import ScanProgress
from inference.scan.record import failed
from inference.scan.summary import summarise


def seen_by(printer: Printer, total: int | None, records: int) -> str:
    stream = io.StringIO()
    printer._err = Console(file=stream, force_terminal=printer.is_watched, width=120, markup=False)
    with ScanProgress(printer, lambda: total) as progress:
        progress.on_known()
        for number in range(records):
            progress.on_record(failed("/a", str(number), "corrupt", "x"))
    return stream.getvalue()


def watched() -> Printer:
    printer = Printer()
    printer._err = Console(file=io.StringIO(), force_terminal=True, width=120)
    return printer


def test_a_person_sees_how_far_it_is() -> None:
    seen = seen_by(watched(), 10, 3)
    assert "4/10" in seen
    assert "失败 failed 3" in seen
    assert "/s" in seen


def test_without_a_total_only_the_count_is_shown() -> None:
    assert "4/" not in seen_by(watched(), None, 3).replace("4/s", "")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen_by(Printer(), 10, 3) == ""
    monkeypatch.setattr(progress_module, "_LOG_SECONDS", 0)
    assert seen_by(Printer(), 10, 3).count("扫描 scan") == 3


def test_failures_are_counted_by_code_with_the_first() -> None:
    records = [failed("/a", "1", "corrupt", "x"), failed("/a", "2", "empty", "y"), failed("/a", "3", "empty", "z")]
    found = summarise(records).by_failure()
    assert [(code, kind.count, kind.first) for code, kind in found] == [("empty", 2, "/a/2"), ("corrupt", 1, "/a/1")]
