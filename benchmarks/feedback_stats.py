"""How long statistics and lists take over many records: `python -m benchmarks.feedback_stats [--records 1000000]`.

Fills a database (SQLite, or --database) with records spread evenly over 300 days, a third of them with feedback,
and times what GET /v1/feedback/stats and GET /v1/records ask, the median of three. Timings are of this machine as
busy as it is just now.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from sqlalchemy import insert

from inference.categories import load_catalogue
from inference.feedback.audit import latency_step, score_step
from inference.feedback.database import Database, checked
from inference.feedback.insight import Analyst, DriftRule
from inference.feedback.records import Wanted, list_records
from inference.feedback.tables import Entry, Record
from inference.feedback.tally import Window
from inference.package import load_package
from inference.paths import MODELS
from inference.printer import Printer

_BATCH: Final = 10_000
_DAYS: Final = 300
_RUNS: Final = 3
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ISSUES, _CONFIRMED, _ACCEPTED = 0.7, 0.33, 0.8  # shares of records
_NEW_MODEL: Final = 0.5  # share of the time after which another model answers
_PREFILL: Final = 0.8  # probability
_CATEGORIES: Final = ("overflowing_bin", "exposed_garbage", "illegal_awning", "overhead_cable_mess", "damaged_road")


def main(records: int = 1_000_000, database: Annotated[str | None, typer.Option()] = None, seed: int = 7) -> None:
    """Fill and time."""
    printer = Printer()
    with tempfile.TemporaryDirectory() as name:
        address = database or f"sqlite:///{Path(name)}/feedback.sqlite"
        opened = Database.open(address)
        started = time.monotonic()
        _fill(opened, records, random.Random(seed))  # noqa: S311
        kind = checked(address).get_backend_name()
        printer.text(f"{kind}: {records:,} records in {time.monotonic() - started:.0f} s")
        for what, question in _questions(opened):
            printer.text(f"{_median(question):8.3f} s  {what}")
        opened.close()


def _questions(database: Database) -> Iterator[tuple[str, Callable[[], object]]]:
    model, catalogue = load_package(MODELS / "street-patrol-n").description, load_catalogue()
    analyst = Analyst(DriftRule(threshold=0.2, least=200, reference=1000))
    end = _START + timedelta(days=_DAYS)

    def stats(days: int) -> Callable[[], object]:
        window = Window(end - timedelta(days=days), end)
        return lambda: analyst.look(database, window, model, catalogue)

    def page(**wanted: Any) -> Callable[[], object]:
        return lambda: list_records(database, Wanted(**wanted))

    yield "stats of 1 day", stats(1)
    yield "stats of 30 days", stats(30)
    yield f"stats of all {_DAYS} days", stats(_DAYS)
    yield "50 records, the latest", page()
    yield "50 records awaiting, of a category", page(state="awaiting", category="damaged_road")
    yield "50 records of a grid cell", page(grid_id="grid-7")
    yield "50 records of a verdict, pre-filled", page(verdict="issue", decision="prefill")


def _median(question: Callable[[], object]) -> float:
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        question()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _fill(database: Database, records: int, rng: random.Random) -> None:
    for first in range(1, records + 1, _BATCH):
        numbers = range(first, min(first + _BATCH, records + 1))
        made = [_record(number, number / records, rng) for number in numbers]
        with database.writing() as session:
            session.execute(insert(Record), made)
            session.execute(insert(Entry), [entry for record in made for entry in _entries(record, rng)])


def _record(number: int, share: float, rng: random.Random) -> dict[str, Any]:
    moment = _START + timedelta(days=_DAYS * share)
    latency = rng.lognormvariate(4.4, 0.5)
    is_issue, is_confirmed = rng.random() < _ISSUES, rng.random() < _CONFIRMED
    return {
        "id": number,
        "request_id": f"{number:032x}",
        "turn": 1,
        "is_shared": False,
        "fingerprint": f"{number:064x}",
        "external_id": f"case-{number}",
        "grid_id": f"grid-{rng.randrange(500)}",
        "point_type": None,
        "received_at": moment,
        "day": moment.date().isoformat(),
        "model_name": "street-patrol-n",
        "model_version": "0.1.0" if share > _NEW_MODEL else "0.0.9",
        "data_version": "2ae0b1697fbd",
        "verdict": "issue" if is_issue else rng.choice(("no_issue", "uncertain", "unrelated")),
        "latency_ms": latency,
        "latency_step": latency_step(latency),
        "state": "confirmed" if is_confirmed else "awaiting",
        "accepted": rng.random() < _ACCEPTED if is_confirmed else None,
        "photos": [{"index": 0, "filename": f"IMG_{number}.jpg", "sha256": f"{number:064x}", "detections": []}],
    }


def _entries(record: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    if record["verdict"] != "issue":
        return
    for category in rng.sample(_CATEGORIES, k=rng.choice((1, 1, 2))):
        probability = rng.random()
        is_right = rng.random() < probability
        yield {
            "record_id": record["id"],
            "category": category,
            "received_at": record["received_at"],
            "day": record["day"],
            "model_version": record["model_version"],
            "decision": "prefill" if probability > _PREFILL else "suggest",
            "probability": probability,
            "score_step": score_step(probability),
            "photo_indexes": [0],
            "outcome": None if record["state"] == "awaiting" else "confirmed" if is_right else "rejected",
        }


if __name__ == "__main__":
    typer.run(main)
