"""Reports and cases of large scans: `python -m benchmarks.scan_report [--records 100000]`.

Seconds, peak memory and file size of `patrol report` and `patrol scan-cases` over generated records: 30 districts, two
years, a tenth of the photos without a position, twelve categories. The photos are not there, so that pictures, which
are bounded in number, cost nothing here: with them, add seconds per picture for the blurring of faces.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import typer
from rich.table import Table

from inference.categories import load_catalogue
from inference.package import DESCRIPTION, file_record
from inference.paths import MODELS
from inference.printer import Printer
from inference.scan.journal import Journal
from inference.scan.manifest import ScanManifest
from inference.scan.record import Record, parse

_SMALL: Final = 1000
_PLACES: Final = 4000
_DAYS: Final = 730
_WITHOUT_POSITION, _WITH_PROBLEM, _FAILED = 0.1, 0.6, 0.002
_SYNC_SECONDS, _SEGMENT_BYTES = 5, 256 * 1024 * 1024
_KIB_PER_MIB: Final = 1024
_BEGIN: Final = datetime(2024, 11, 1, 6)
_RUN: Final = """
import resource, sys
from inference.cli import app
try:
    app(sys.argv[1:])
finally:
    sys.stderr.write(f"\\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
"""


def generated(count: int) -> Iterator[Record]:
    """Records of a made-up archive, always the same."""
    draw = random.Random(0)  # noqa: S311 - made-up data
    categories = load_catalogue().problems[:12]
    for number in range(count):
        place = draw.randrange(_PLACES)
        moment = _BEGIN + timedelta(minutes=draw.randrange(_DAYS * 24 * 60))
        shown = draw.sample(categories, 1 + (draw.random() < 0.4)) if draw.random() < _WITH_PROBLEM else []  # noqa: PLR2004
        fields: dict[str, object] = {
            "status": "ok" if shown else "empty",
            "source": "/archive",
            "path": f"{place % 30:02d}街道/{moment:%Y-%m}/{number:07d}.jpg",
            "sha256": f"{draw.getrandbits(256):064x}",
            "size": 2_000_000,
            "width": 4000,
            "height": 3000,
            "captured_at": moment.isoformat(),
            "verdict": "issue" if shown else "no_issue",
            "suggestions": [
                {
                    "category": category.id,
                    "name_zh": category.name_zh,
                    "name_en": category.name_en,
                    "probability": round(draw.uniform(0.4, 1), 4),
                    "decision": "suggest",
                    "codes": [{"scheme": "gbt47678.5-2026", "code": "06042", "name": category.name_zh}],
                    "department": category.department,
                }
                for category in shown
            ],
            "detections": [
                {"category": category.id, "score": 0.9, "box": [266.4, 205.9, 396.6, 510.5], "context": False}
                for category in shown
            ],
        }
        if draw.random() >= _WITHOUT_POSITION:
            jitter = draw.uniform(-1e-4, 1e-4)
            fields |= {"latitude": 31.1 + place % 60 / 200 + jitter, "longitude": 121.3 + place // 60 / 200 + jitter}
        if draw.random() < _FAILED:
            fields = {key: fields[key] for key in ("source", "path", "sha256", "size")}
            fields |= {"status": "failed", "failure": {"code": "truncated", "detail": "the file is cut off"}}
        yield parse(json.dumps(fields).encode())


def make_scan(folder: Path, count: int) -> None:
    """A folder that a scan by the shipped model could have left."""
    model = file_record(MODELS / "street-patrol-n" / DESCRIPTION).sha256
    with Journal(folder, sync_seconds=_SYNC_SECONDS, segment_bytes=_SEGMENT_BYTES) as journal:
        for record in generated(count):
            journal.append(record)
    manifest = ScanManifest(
        created_at="2026-11-01T00:00:00+00:00",
        sources=("/archive",),
        fingerprint={"model": "street-patrol-n 0.1.0", DESCRIPTION: model, "--min-score": None},
        categories=(),
        codes=(),
    )
    (folder / "scan.json").write_text(manifest.model_dump_json(), "utf-8")


def measured(*arguments: str) -> tuple[float, float]:
    """(seconds, peak MiB) of a command in a process of its own."""
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this program itself
        [sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(done.stderr)
    return seconds, int(done.stderr.rsplit("\n", 1)[1]) / _KIB_PER_MIB


def main(records: int = 100_000) -> None:
    """Print the table."""
    table = Table("records", "command", "seconds", "peak MiB", "file MiB")
    with tempfile.TemporaryDirectory() as place:
        for count in (_SMALL, records):
            folder = Path(place) / str(count)
            folder.mkdir()
            make_scan(folder, count)
            for command, result in (
                (("report", str(folder), "--faces", "shown"), "report.html"),
                (("scan-cases", str(folder), "--no-views"), "cases.jsonl"),
            ):
                seconds, peak = measured(*command)
                size = (folder / "exports" / result).stat().st_size / _KIB_PER_MIB**2
                table.add_row(f"{count:,}", command[0], f"{seconds:.1f}", f"{peak:.0f}", f"{size:.2f}")
    Printer().table(table)


if __name__ == "__main__":
    typer.run(main)
