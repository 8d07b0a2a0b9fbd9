"""Memory and journal of large scans: `python -m benchmarks.scan_memory [--inputs 100000] [--records 1000000]`.

Memory: peak of a process that scans 1,000 small files, and of one that scans many, with a stub for an engine.
Journal: seconds spent in it for a million typical records, its size, and how long going on takes to load it; as a
share of the time that a scan takes at some rates of photos per second.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from inference.photo import PhotoError, read_photo
from inference.printer import Printer
from inference.scan.inputs import Input
from inference.scan.journal import Journal, segments
from inference.scan.record import Record, failed, parse
from tests import photos
from tests.inference.scan.stub import stub_scan

_SMALL, _PER_FOLDER, _TARGET_SIDE = 1000, 1000, 448
_RATES = (10, 30, 100, 300)
_MEBIBYTE, _MICRO = 1024, 1e6  # peak memory comes in KiB
_SYNC_SECONDS, _SEGMENT_BYTES = 5, 256 * 1024 * 1024


class DecodingJudge:
    """Decodes, and answers always the same: a typical record with two suggestions and three boxes."""

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        """The record."""
        try:
            read_photo(data, target_side=_TARGET_SIDE, sha256=sha256)
        except PhotoError as error:
            return failed(item.source, item.path, error.code, str(error), sha256=sha256, size=len(data))
        return typical(item.path, sha256)


_SUGGESTION = {
    "category": "overflowing_bin",
    "name_zh": "垃圾满溢",
    "name_en": "overflowing waste bin",
    "probability": 0.9947,
    "decision": "prefill",
    "codes": [{"scheme": "gbt47678.5-2026", "code": "06042", "name": "垃圾站（箱）满溢"}],
    "department": "环卫",
}
_DETECTION = {"category": "overflowing_bin", "score": 0.9523, "box": [266.4, 205.9, 396.6, 510.5], "context": False}
_TYPICAL = parse(
    json.dumps(
        {
            "status": "ok",
            "source": "/archive/2026",
            "path": "0.jpg",
            "width": 4000,
            "height": 3000,
            "captured_at": "2026-05-06T07:08:09",
            "latitude": 31.230416,
            "longitude": 121.473701,
            "verdict": "issue",
            "suggestions": [_SUGGESTION] * 2,
            "detections": [_DETECTION] * 3,
        }
    ).encode()
)


def typical(path: str, sha256: str) -> Record:
    """A record of usual length."""
    return _TYPICAL.model_copy(update={"path": path, "sha256": sha256})


def make_files(folder: Path, count: int) -> Path:
    """Small photos, each with content of its own, a thousand a folder."""
    whole = photos.encode(photos.scene(96, 64), "jpeg")
    for number in range(count):
        place = folder / f"{number // _PER_FOLDER:05d}"
        place.mkdir(parents=True, exist_ok=True)
        comment = f"{number:012d}".encode()
        (place / f"{number:07d}.jpg").write_bytes(whole[:2] + b"\xff\xfe\x00\x0e" + comment + whole[2:])
    return folder


def peak_of_scan(count: int) -> float:
    """Peak memory in MiB of a process that scans so many files."""
    with tempfile.TemporaryDirectory() as name:
        source = make_files(Path(name) / "photos", count)
        command = [sys.executable, "-m", "benchmarks.scan_memory", "--scan", str(source), "--out", f"{name}/out"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return float(done.stdout.split()[-1]) / _MEBIBYTE


def journal_costs(count: int) -> dict[str, float]:
    """Seconds, processor seconds, bytes and microseconds of a journal of so many records."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        part = max(1, count // 10)
        marks, cpu = [0.0], time.process_time()
        with Journal(folder, sync_seconds=_SYNC_SECONDS, segment_bytes=_SEGMENT_BYTES) as journal:
            for number in range(count):
                journal.append(typical(f"{number // 1000:05d}/{number:07d}.jpg", f"{number * 7_919:016x}" * 4))
                if (number + 1) % part == 0:
                    marks.append(journal.seconds)
            seconds, cpu = journal.seconds, time.process_time() - cpu
        size = sum(path.stat().st_size for path in segments(folder))
        started = time.perf_counter()
        Journal(folder, sync_seconds=_SYNC_SECONDS, segment_bytes=_SEGMENT_BYTES).close()
        return {
            "seconds": seconds,
            "cpu": cpu,
            "bytes": size / count,
            "load": time.perf_counter() - started,
            "first": (marks[1] - marks[0]) / part * _MICRO,
            "last": (marks[-1] - marks[-2]) / part * _MICRO,
        }


def main(
    inputs: int = 100_000,
    records: int = 1_000_000,
    scan: Annotated[Path | None, typer.Option(hidden=True)] = None,
    out: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure both."""
    printer = Printer()
    if scan is not None and out is not None:
        stub_scan(out, scan, judge=DecodingJudge())
        printer.text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
        return
    small, large = peak_of_scan(_SMALL), peak_of_scan(inputs)
    printer.text(
        f"peak memory: {small:.1f} MiB at {_SMALL:,} inputs, {large:.1f} MiB at {inputs:,}: {large / small:.3f}"
    )
    costs = journal_costs(records)
    printer.text(
        f"journal of {records:,} records: {costs['seconds']:.1f} s, {costs['bytes']:.0f} bytes a record; "
        f"{costs['first']:.1f} µs a record in the first tenth, {costs['last']:.1f} µs in the last; "
        f"{costs['cpu']:.1f} s of processor time, making the records included; "
        f"loaded in {costs['load']:.1f} s to go on"
    )
    table = Table("photos a second", "journal's share of the scan")
    for rate in _RATES:
        table.add_row(str(rate), f"{costs['seconds'] / records * rate:.2%}")
    printer.table(table)


if __name__ == "__main__":
    typer.run(main)
