"""Changing the model under load: `python -m benchmarks.service_swaps --photos FOLDER [--swaps 200]`.

Clients send photos without a pause while the service is made to answer with one of three versions after the other, so
that each is loaded, verified and warmed anew. Every answer must be 200 and name a version that was active at some time
while its request was answered. Memory is told with one model, with the previous kept, and after the last swap.

Exit codes: 0 no request and no swap failed, 1 some did.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.memory import MemoryWatch
from benchmarks.serving import Client, Load, Server, jpeg_files, multipart, quantile, service
from inference.package import DESCRIPTION
from inference.paths import MODELS
from inference.photo_files import photo_files
from inference.printer import Printer

_PATH = "/v1/classify"
_ANSWERED = 200


def make_versions(folder: Path, versions: int) -> list[str]:
    """Copies of the shipped model under versions of their own, below a folder."""
    names = [f"swap-{number}" for number in range(versions)]
    for name in names:
        shutil.copytree(MODELS / "street-patrol-n", folder / name)
        path = folder / name / DESCRIPTION
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"version": name}), "utf-8")
    return names


def swap(server: Server, version: str) -> tuple[int, float]:
    """(status, seconds) of making a version answer."""
    started = time.perf_counter()
    status, _ = server.post("/v1/models/activate", {"version": version})
    return status, time.perf_counter() - started


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos.")],
    swaps: int = 200,
    clients: int = 8,
    megapixels: float = 1,
    *,
    keep_previous: Annotated[bool, typer.Option(help="As the setting.")] = True,
) -> None:
    """Swap, and tell what came of it."""
    printer = Printer()
    bodies = [multipart(data) for data in jpeg_files(photo_files([photos])[:4], 4, megapixels)]
    load, lock, ended, versions = Load(), threading.Lock(), threading.Event(), Counter[str]()

    def ask(server: Server, number: int) -> None:
        client = Client(server.port, _PATH, load, lock)
        for body in cycle(bodies[number % len(bodies) :] + bodies[: number % len(bodies)]):
            if ended.is_set():
                break
            status, answer = client.ask(body)
            if status == _ANSWERED:
                with lock:
                    versions[json.loads(answer)["model"]["version"]] += 1
        client.close()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(clients) as pool:
        names = make_versions(Path(folder), 3)
        with service(models_dir=folder, keep_previous=keep_previous) as server, MemoryWatch(server) as memory:
            asking = [pool.submit(ask, server, number) for number in range(clients)]
            time.sleep(3)
            one, taken, marks = server.memory(), [], []
            for version in islice(cycle(names), swaps):
                taken.append(swap(server, version))
                marks.append(server.memory())
            ended.set()
            for each in asking:
                each.result()
            time.sleep(1)
            last = server.memory()
    failed = load.statuses.total() - load.statuses[_ANSWERED]
    unswapped = sum(status != _ANSWERED for status, _ in taken)
    seconds = [each for _, each in taken]
    printer.text(f"{swaps} swaps, {unswapped} failed; load to switch p50 {statistics.median(seconds):.2f} s")
    printer.text(
        f"{load.statuses.total()} requests, {failed} failed; p50 {load.quantile(0.5):.0f}, "
        f"p99 {load.quantile(0.99):.0f} ms; answered by {dict(sorted(versions.items()))}"
    )
    printer.text(
        f"memory: {one:.0f} MiB under load with one model, {quantile(marks[: len(marks) // 4 or 1], 0.5):.0f} in the "
        f"first quarter of the swaps, {quantile(marks[-(len(marks) // 4 or 1) :], 0.5):.0f} in the last, {last:.0f} "
        f"afterwards; previous model {'kept' if keep_previous else 'dropped'}"
    )
    printer.text(memory.told())
    raise typer.Exit(int(bool(failed or unswapped)))


if __name__ == "__main__":
    typer.run(main)
