"""kill -9 at random moments, and going on: the same records as without."""

from __future__ import annotations

from pathlib import Path

from inference.scan.journal import records, segments, validate
from tests.inference.scan.archive import make_archive
from tests.inference.scan.killing import scan_with_kills
from tests.inference.scan.stub import stub_scan

KILLS, INPUTS = 20, 260
ENGINE_SECONDS = 0.004


def test_a_scan_killed_twenty_times_has_the_records_of_one_that_was_not(tmp_path: Path) -> None:
    sources = make_archive(tmp_path, INPUTS)
    stub_scan(tmp_path / "whole", *sources)
    whole = list(records(tmp_path / "whole"))
    assert len(whole) == 300
    killed = scan_with_kills(tmp_path / "killed", sources, KILLS, len(whole), ENGINE_SECONDS)
    assert killed.kills >= KILLS // 2
    assert validate(tmp_path / "killed").mistakes == ()
    assert segments(tmp_path / "killed")[0].read_bytes() == segments(tmp_path / "whole")[0].read_bytes()
