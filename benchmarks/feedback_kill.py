"""Kills the service again and again while feedback arrives: `python -m benchmarks.feedback_kill [--kills 20]`.

Each time a real `serve` process takes feedback from four clients and ends by SIGKILL at a random moment; then every
acknowledged revision must be in the database. Without --database, SQLite and a PostgreSQL server of its own are
tried, the latter where its programs are installed. Exit codes: 0 nothing was lost, 1 something was.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from inference.feedback.database import Database, checked
from inference.feedback.store import add_records
from inference.printer import Printer
from tests.inference.feedback.making import audit
from tests.inference.feedback.serving import Acknowledged, feedback_until_killed
from tests.inference.feedback.test_kill import missing
from tests.postgres import binaries, serving

_REQUESTS = 40
_LONGEST = 3.0  # seconds from the first feedback to the kill


def main(kills: int = 20, seed: int = 7, database: Annotated[str | None, typer.Option()] = None) -> None:
    """Kill, look, and tell."""
    printer, lost = Printer(), 0
    with tempfile.TemporaryDirectory() as name, _addresses(Path(name), database) as addresses:
        for address in addresses:
            lost += _try(address, kills, random.Random(seed), Path(name) / "log", printer)  # noqa: S311
    raise typer.Exit(1 if lost else 0)


@contextmanager
def _addresses(folder: Path, given: str | None) -> Iterator[list[str]]:
    sqlite = f"sqlite:///{folder}/feedback.sqlite"
    found = binaries()
    if given is not None:
        yield [given]
    elif found is None:
        yield [sqlite]
    else:
        with serving(found) as server:
            yield [sqlite, server.new_database()]


def _try(address: str, kills: int, rng: random.Random, log: Path, printer: Printer) -> int:
    requests = [f"kill-{number}" for number in range(_REQUESTS)]
    database = Database.open(address)
    add_records(database, [audit(request_id) for request_id in requests])
    database.close()
    told, started = Acknowledged(), time.monotonic()
    for _ in range(kills):
        feedback_until_killed(log, address, requests, told, moment=rng.random() * _LONGEST)
    lost = len(missing(address, told))
    kind, seconds = checked(address).get_backend_name(), time.monotonic() - started
    printer.text(f"{kind}: {kills} kills, {told.count} acknowledged, {lost} lost, {seconds:.0f} s")
    return lost


if __name__ == "__main__":
    typer.run(main)
