"""Three times as many requests as the service can answer: `python -m benchmarks.service_overload --photos FOLDER`.

First its own rate is measured in a closed loop, then requests are sent at a multiple of it, by the clock, whatever
becomes of the earlier ones (open loop). What must come out: no 5xx, no request without an answer, every answer that
the service logged as sent received; a bounded wait of those taken on; flat memory. The bound is twice what a photo
waits that finds the queue full: (queue + threads) / rate of those taken on.

Exit codes: 0 all of that, 1 some of it not.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.memory import MemoryWatch
from benchmarks.serving import Body, Client, Load, Server, closed_loop, jpeg_files, multipart, service
from inference.photo_files import photo_files
from inference.printer import Printer
from inference.settings import ServiceSettings

_PATH = "/v1/classify"
_SERVER_ERROR = 500
_ANSWERED = 200
_BOUND_SLACK = 2.0  # the wait is counted by the clients, who are as short of processor time as the service


def open_loop(port: int, bodies: Sequence[Body], *, rate: float, seconds: float, clients: int) -> tuple[Load, float]:
    """Send requests by the clock.

    Args:
        port: On loopback.
        bodies: Sent in turn.
        rate: Requests a second.
        seconds: For which they are sent.
        clients: Connections, as many as may wait for an answer at a time.

    Returns:
        What came of it, and the share of requests that were sent late because every client waited.
    """
    load, lock, late = Load(), threading.Lock(), 0
    numbers = itertools.count()
    total = int(rate * seconds)
    started = time.perf_counter()

    def work(_: int) -> None:
        nonlocal late
        client = Client(port, _PATH, load, lock)
        while (number := next(numbers)) < total:
            wait = started + number / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            elif wait < -1 / rate:
                late += 1
            client.ask(bodies[number % len(bodies)])
        client.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    load.seconds = time.perf_counter() - started
    return load, late / total


def logged(server: Server, status: int) -> int:
    """Requests to classify that the service logged with this status."""
    return sum(line.get("path") == _PATH and line.get("status") == status for line in server.log_lines())


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos.")],
    seconds: Annotated[float, typer.Option(help="Of overload.")] = 60,
    factor: Annotated[float, typer.Option(help="Times the rate that the service can answer.")] = 3,
    megapixels: float = 1,
    clients: Annotated[int, typer.Option(help="Connections.")] = 160,
) -> None:
    """Measure, and say whether it held."""
    printer, settings = Printer(), ServiceSettings()
    bodies = [multipart(data) for data in jpeg_files(photo_files([photos])[:8], 8, megapixels)]
    with service() as server:
        own = closed_loop(server.port, _PATH, bodies, clients=4 * settings.workers, seconds=max(3.0, seconds / 6))
        before = logged(server, _ANSWERED)
        with MemoryWatch(server) as memory:
            load, late = open_loop(server.port, bodies, rate=factor * own.rate, seconds=seconds, clients=clients)
        answered = logged(server, _ANSWERED) - before
    bound = _BOUND_SLACK * (settings.queue_photos + settings.workers) / load.rate
    errors = sum(count for status, count in load.statuses.items() if status >= _SERVER_ERROR)
    lost = load.statuses[0] + max(0, answered - load.statuses[_ANSWERED])
    printer.text(
        f"own rate {own.rate:.1f} photos/s; sent {factor * own.rate:.1f}/s for {seconds:g} s, late: {late:.0%}"
    )
    printer.text(f"answers: {dict(sorted(load.statuses.items()))}; rate of those taken on {load.rate:.1f}/s")
    printer.text(f"5xx: {errors}; without an answer: {lost}")
    printer.text(
        f"taken on: p50 {load.quantile(0.5):.0f}, p95 {load.quantile(0.95):.0f}, p99 {load.quantile(0.99):.0f} ms; "
        f"bound {bound * 1000:.0f} ms = {_BOUND_SLACK:g} x (queue {settings.queue_photos} + threads "
        f"{settings.workers}) / rate of those taken on"
    )
    printer.text(memory.told())
    raise typer.Exit(int(bool(errors or lost or load.quantile(0.99) > bound * 1000)))


if __name__ == "__main__":
    typer.run(main)
