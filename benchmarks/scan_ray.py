"""What a Ray cluster adds to a scan: `python -m benchmarks.scan_ray --photos FOLDER [--records 20000]`.

Overhead: real photos, judged by as many judges as there are cores, on a cluster of this machine alone, against the
local scan of the same. Driver: records a second that one driver lists, sends out, gets back and writes when judging
costs nothing; more machines than that feeds need several scans side by side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.scan_memory import typical
from inference.printer import Printer
from inference.scan.inputs import Input
from inference.scan.journal import Journal
from inference.scan.ray_pipeline import Cluster, RayPipeline
from inference.scan.record import Record

_SYNC_SECONDS, _SEGMENT_BYTES, _CHUNK_BYTES = 5, 256 * 1024 * 1024, 512 * 1024 * 1024


class FreeJudge:
    """Answers always the same, at no cost."""

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:  # noqa: ARG002 - as a judge is called
        """The record."""
        return typical(item.path, sha256)


def listed(count: int) -> Iterator[Input]:
    """Inputs that need no disk, each with content of its own."""
    for number in range(count):
        yield Input("/archive/2026", f"{number}.jpg", partial(str.encode, f"{number:09d}"))


def driver_rate(count: int) -> float:
    """Records a second."""
    with tempfile.TemporaryDirectory() as out:
        cluster = Cluster(FreeJudge, None, chunk=count, chunk_bytes=_CHUNK_BYTES, cpus=1, gpus=0)
        with Journal(Path(out), sync_seconds=_SYNC_SECONDS, segment_bytes=_SEGMENT_BYTES) as journal:
            moments: list[float] = []
            RayPipeline(journal, cluster, on_record=lambda _: moments.append(time.perf_counter())).run(listed(count))
            return (count - 1) / (moments[-1] - moments[0])


def scan_rate(photos: Path, engine: str) -> float:
    """Photos a second of the command, by its own account, which begins when it begins to list."""
    with tempfile.TemporaryDirectory() as out:
        program = "from inference.cli import main; main()"
        command = [sys.executable, "-c", program, "scan", str(photos), "--out", out, "--engine", engine, "--json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        return float(json.loads(done.stdout)["photos_per_second"])


def main(photos: Annotated[Path, typer.Option()], records: int = 20_000) -> None:
    """Print both."""
    table = Table("", "每秒 a second")
    table.add_row("local scan", f"{scan_rate(photos, 'local'):.1f}")
    table.add_row("Ray on this machine alone, its start included", f"{scan_rate(photos, 'ray'):.1f}")
    table.add_row(f"driver, {records:,} records that cost nothing", f"{driver_rate(records):,.0f}")
    Printer().table(table)


if __name__ == "__main__":
    typer.run(main)
