"""Kills a scan again and again: `python -m benchmarks.scan_kill [--kills 100] [--inputs 2000]`.

Inputs are good, corrupt, empty, huge, duplicate and missing ones; files are decoded and journalled as in any scan,
only the engine is a stub. At the end every input must have exactly one record, and the records must be, byte for
byte, those of a scan that nobody killed. Exit codes: 0 they are, 1 they are not.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import typer

from inference.printer import Printer
from inference.scan.journal import records, segments, validate
from tests.inference.scan.archive import make_archive
from tests.inference.scan.killing import scan_with_kills
from tests.inference.scan.stub import stub_scan

_SHARE = 1.15  # inputs made per photo asked for: the zip's and the list's come on top
_ENGINE_SECONDS = 0.004


def main(kills: int = 100, inputs: int = 2000, seed: int = 7) -> None:
    """Scan once in peace and once with kills, and compare."""
    printer = Printer()
    with tempfile.TemporaryDirectory() as name:
        folder, started = Path(name), time.monotonic()
        sources = make_archive(folder, int(inputs / _SHARE))
        stub_scan(folder / "whole", *sources)
        total = sum(1 for _ in records(folder / "whole"))
        found = scan_with_kills(folder / "killed", sources, kills, total, _ENGINE_SECONDS, seed)
        check = validate(folder / "killed")
        same = _content(folder / "killed") == _content(folder / "whole")
        printer.text(f"inputs {total}, records {check.records}, second or invalid records {len(check.mistakes)}")
        printer.text(f"killed in the middle {found.kills} of {kills} times, torn last lines {found.torn}")
        printer.text(f"same bytes as without kills: {'yes' if same else 'NO'}")
        printer.text(f"{time.monotonic() - started:.0f} s in all")
    raise typer.Exit(0 if same and not check.mistakes and check.records == total else 1)


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in segments(folder))


if __name__ == "__main__":
    typer.run(main)
