"""How much the service adds to decoding and the engine, and what others add: `python -m benchmarks.service_load`.

Closed loop: each client sends its next photo when the last one is answered. Everything is measured in one run, in
turn, several rounds over, on the same photos; servers whose turn it is not are stopped (SIGSTOP). Shown per size and
number of clients: photos a second, latencies, the rate as a share of decoding plus engine alone (`read_photo`, then
`Classifier.infer`, as many at a time as clients, at most as many as the service judges at a time), and the median
latency beyond theirs. Clients and servers share the cores: so the share at 8 clients contains the clients' own work.

Photos: `--photos FOLDER`, resized to each of `--megapixels`. Yardsticks: `benchmarks.yardstick_litserve` and `_naive`.
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.serving import Body, Load, Server, closed_loop, jpeg_files, multipart, running, service
from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.paths import MODELS
from inference.photo import read_photo
from inference.photo_files import photo_files
from inference.printer import Printer
from inference.settings import ServiceSettings

_BARE = "decoding + engine"
_SERVICE = "street-patrol"


@dataclass(frozen=True, slots=True)
class Way:
    """A server to ask.

    Attributes:
        server: Running.
        path: That is asked.
        body: Of a photo.
    """

    server: Server
    path: str
    body: Callable[[bytes], Body]

    def ask(self, files: Sequence[bytes], clients: int, seconds: float) -> Load:
        """Let it run, ask it in a closed loop, and stop it."""
        self.server.resume()
        bodies = [self.body(data) for data in files]
        try:
            return closed_loop(self.server.port, self.path, bodies, clients=clients, seconds=seconds)
        finally:
            self.server.pause()


def base64_json(data: bytes) -> Body:
    """A photo as LitServe's examples take it."""
    return Body(json.dumps({"image": base64.b64encode(data).decode()}).encode(), "application/json")


def file_field(data: bytes) -> Body:
    """A photo in a form field `file`."""
    body = multipart(data)
    return Body(body.content.replace(b'name="photos"', b'name="file"', 1), body.media_type)


def bare(classifier: Classifier, files: Sequence[bytes], workers: int, seconds: float) -> Load:
    """Decoding and the engine alone, so many photos at a time."""
    side = classifier.package.description.input.longest_side
    load, started = Load(), time.perf_counter()

    def work(number: int) -> None:
        turn = number
        while (begun := time.perf_counter()) - started < seconds:
            classifier.infer(read_photo(files[turn % len(files)], target_side=side))
            load.latencies.append(time.perf_counter() - begun)
            turn += 1

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    load.seconds = time.perf_counter() - started
    return load


def start(stack: ExitStack, *, yardsticks: bool) -> dict[str, Way]:
    """The servers, each warmed up and stopped."""
    ways = {_SERVICE: Way(stack.enter_context(service()), "/v1/classify", multipart)}
    if yardsticks:
        for name, body in (("litserve", base64_json), ("naive", file_field)):
            command = [sys.executable, "-m", f"benchmarks.yardstick_{name}"]
            server = stack.enter_context(running(command, "/health", "YARDSTICK_PORT"))
            ways[name] = Way(server, "/predict", body)
    return ways


def measure(
    ways: dict[str, Way], classifier: Classifier, files: Sequence[bytes], clients: int, seconds: float, rounds: int
) -> dict[str, Load]:
    """What each way does, over rounds that go through all of them in turn."""
    workers = min(clients, ServiceSettings().workers)
    found = {name: Load() for name in (_BARE, *ways)}
    for way in ways.values():
        way.ask(files, clients, min(1.0, seconds))  # warm
    for _ in range(rounds):
        found[_BARE].add(bare(classifier, files, workers, seconds))
        for name, way in ways.items():
            found[name].add(way.ask(files, clients, seconds))
    return found


def add_rows(table: Table, megapixels: float, clients: int, found: dict[str, Load]) -> None:
    """One line per way."""
    base, ours = found[_BARE], found[_SERVICE]
    for name, load in found.items():
        failed = sum(count for status, count in load.statuses.items() if status != 200)  # noqa: PLR2004
        table.add_row(
            f"{megapixels:g}",
            str(clients),
            name,
            f"{load.rate:.1f}",
            f"{load.rate / base.rate:.2f}",
            f"{ours.rate / load.rate:.2f}" if load.rate else "-",
            *(f"{load.quantile(share):.1f}" for share in (0.5, 0.95, 0.99)),
            f"{load.quantile(0.5) - base.quantile(0.5):+.1f}" if clients == 1 else "-",
            str(failed),
        )


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos.")],
    megapixels: Annotated[list[float], typer.Option(help="Sizes of the photos.")] = [1, 12],  # noqa: B006
    clients: Annotated[list[int], typer.Option(help="Clients at a time.")] = [1, 8],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="Of one measurement.")] = 10,
    rounds: int = 3,
    count: Annotated[int, typer.Option(help="Photos of each size.")] = 8,
    *,
    yardsticks: Annotated[bool, typer.Option(help="Also LitServe and the naive endpoint.")] = True,
) -> None:
    """Measure, and show rates, latencies and ratios."""
    printer = Printer()
    classifier = Classifier.load(MODELS / "street-patrol-n", load_catalogue(), "auto", ServiceSettings().engine_threads)
    sources = sorted(photo_files([photos]), key=lambda path: -path.stat().st_size)[:count]
    columns = "MP clients way photos/s share ours/this p50_ms p95_ms p99_ms added_p50_ms failed"
    table = Table(*columns.split())
    with ExitStack() as stack:
        ways = start(stack, yardsticks=yardsticks)
        for way in ways.values():
            way.server.pause()
        for size in megapixels:
            files = jpeg_files(sources, count, size)
            for number in clients:
                add_rows(table, size, number, measure(ways, classifier, files, number, seconds, rounds))
            printer.text(f"{size:g} MP: files of {statistics.mean(map(len, files)) / 1e6:.2f} MB on average")
    table.caption = f"{rounds} rounds of {seconds:g} s; provider {classifier.engine.provider}"
    printer.table(table)


if __name__ == "__main__":
    typer.run(main)
