"""What do broken photos do to the photo path? `python -m benchmarks.fuzz_photos [--inputs 20000] [--seed 7]`.

Real photos (else a made-up scene), written in every encoding in which photos arrive, are broken by seed and read as
the service reads them, in a process that may die of it: an input that raises anything but PhotoError, crashes the
process or takes longer than `--patience` is a finding. A share of the inputs goes through a real server, which must
answer each without a 5xx. The slowest inputs are shown, each with the number that makes it again.

Exit codes: 0 nothing found, 1 something found, 2 bad usage or input.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.table import Table

from benchmarks.mutations import mutant
from inference.letterbox import InputRecipe, letterboxed, resize
from inference.photo import PhotoError, read_photo
from inference.printer import Printer
from inference.quality import measure
from tests import photos

_CLEAN, _FOUND = 0, 1
_SHOWN: Final = 10
_SIDE: Final = 320  # pixels: small files, so that most time goes into what is odd about them
_SEED_PHOTOS: Final = 3
_KIBIBYTE: Final = 1024
_MILLI: Final = 1000
_START: Final = 60.0  # seconds in which a process must have started
_SERVER_ERROR: Final = 500
_ROOT: Final = Path(__file__).resolve().parents[1]
_PHOTOS: Final = _ROOT.parent / "shared" / "data" / "gbs111-cn" / "images"
_PROGRAM: Final = (
    "from inference.service.server import run; from inference.settings import load_settings; run(load_settings())"
)
_RECIPE: Final = InputRecipe()
_SUCCESS: Final = frozenset({"read", "degraded"})


Reader = Callable[[bytes], str]
"""Reads a file and says what came of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one input did.

    Attributes:
        index: Its number.
        what: read, degraded, the code of a PhotoError, an HTTP status, or what went wrong.
        seconds: How long it took.
        is_finding: Whether it must not happen.
    """

    index: int
    what: str
    seconds: float
    is_finding: bool


@dataclass(slots=True)
class Tally:
    """What all inputs did.

    Attributes:
        counts: Inputs by what they did.
        findings: Those that must not happen.
        slowest: The slowest, slowest first.
        peak_mib: Memory of the reading process at its peak.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Outcome] = field(default_factory=list)
    slowest: list[Outcome] = field(default_factory=list)
    peak_mib: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one input."""
        self.counts[outcome.what] += 1
        if outcome.is_finding:
            self.findings.append(outcome)
        self.slowest = sorted([*self.slowest, outcome], key=lambda each: -each.seconds)[:_SHOWN]


def seed_files(folder: Path) -> dict[str, bytes]:
    """Whole files to break: some photos of a folder, else a made-up scene, in every encoding."""
    paths = sorted(folder.iterdir())[:_SEED_PHOTOS] if folder.is_dir() else []
    scenes = {path.stem: read_photo(path.read_bytes(), target_side=_SIDE).rgb for path in paths}
    shrunk = {name: resize(rgb, _SIDE, _SIDE) for name, rgb in scenes.items()}
    sources = shrunk or {"scene": photos.noisy_scene(_SIDE, _SIDE)}
    return {
        f"{name}/{encoding}": data for name, rgb in sources.items() for encoding, data in photos.encodings(rgb).items()
    }


def read(data: bytes) -> str:
    """Take a file as far as the model's input; say what came of it."""
    try:
        photo = read_photo(data, target_side=_RECIPE.longest_side, allow_degraded=True)
    except PhotoError as error:
        return error.code
    letterboxed(photo, _RECIPE)
    measure(photo.rgb)
    return "degraded" if photo.degraded else "read"


def _read_all(files: Mapping[str, bytes], seed: int, first: int, last: int, reader: Reader, sender: Connection) -> None:
    """In a process of its own: say each input's number before it is read, and what came of it afterwards."""
    for index in range(first, last):
        data = mutant(files, seed, index).data
        sender.send(index)
        started = time.perf_counter()
        try:
            what, is_finding = reader(data), False
        except Exception as error:  # whatever it is, it is the finding
            what, is_finding = f"{type(error).__name__}: {error}", True
        sender.send(Outcome(index, what, time.perf_counter() - started, is_finding))
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTE)


def fuzz(
    files: Mapping[str, bytes], seed: int, inputs: int, patience: float, printer: Printer, reader: Reader = read
) -> Tally:
    """Read many broken files, going on behind each that kills or stalls its process."""
    tally = Tally()
    first = 0
    with printer.progress("inputs", inputs) as advance:
        while first < inputs:
            for outcome in _survived(files, seed, range(first, inputs), patience, reader, tally):
                tally.add(outcome)
                advance()
                first = outcome.index + 1
    return tally


def _survived(
    files: Mapping[str, bytes], seed: int, numbers: range, patience: float, reader: Reader, tally: Tally
) -> Iterator[Outcome]:
    """Outcomes up to the end, or to the input that ended the process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_read_all, args=(files, seed, numbers.start, numbers.stop, reader, sender))
    process.start()
    sender.close()
    current, started = numbers.start, time.perf_counter()
    allowed = patience + _START  # the first message also waits for the process
    try:
        while True:
            if not receiver.poll(allowed):
                process.kill()
                yield Outcome(current, f"takes longer than {patience:g} s", patience, is_finding=True)
                return
            match receiver.recv():
                case int(index):
                    current, started, allowed = index, time.perf_counter(), patience
                case Outcome() as outcome:
                    yield outcome
                case float(peak):
                    tally.peak_mib = max(tally.peak_mib, peak)
                    return
    except EOFError:
        process.join()
        seconds = time.perf_counter() - started
        yield Outcome(current, f"kills the process (exit code {process.exitcode})", seconds, is_finding=True)
    finally:
        process.join()
        receiver.close()


@contextmanager
def _server() -> Iterator[httpx.Client]:
    """A real server, ready; what it writes goes with it."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        environment = os.environ | {"PATROL_PORT": "0", "PATROL_LOG_LEVEL": "info", "PYTHONPATH": str(_ROOT)}
        command = [sys.executable, "-c", _PROGRAM]
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)  # noqa: S603
        try:
            with httpx.Client(base_url=_url(Path(log.name), process), timeout=120, trust_env=False) as http:
                while http.get("/readyz").status_code != httpx.codes.OK:
                    time.sleep(0.1)
                yield http
        finally:
            process.terminate()
            process.wait(60)


def _url(log: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"url": "' in line:
                return line.partition('"url": "')[2].partition('"')[0]
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')}")


def fuzz_server(files: Mapping[str, bytes], seed: int, inputs: int, printer: Printer) -> Tally:
    """Post the first broken files to a real server."""
    tally = Tally()
    with _server() as http, printer.progress("requests", inputs) as advance:
        for index in range(inputs):
            started = time.perf_counter()
            response = http.post("/v1/classify", files={"photos": ("photo", mutant(files, seed, index).data)})
            seconds = time.perf_counter() - started
            is_finding = response.status_code >= _SERVER_ERROR
            tally.add(Outcome(index, f"HTTP {response.status_code}", seconds, is_finding))
            advance()
    return tally


def bomb() -> tuple[float, float]:
    """Seconds and MiB that refusing a PNG takes that would unfold to half a gigabyte."""
    data = photos.bomb_png()
    read(photos.encode(photos.scene(), "png"))  # what is loaded once is not the bomb's
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = _memory("VmRSS")
    started = time.perf_counter()
    if read(data) in _SUCCESS:
        raise RuntimeError("the bomb was not refused")
    seconds = time.perf_counter() - started
    return seconds, max(0.0, _memory("VmHWM") - before)


def _memory(name: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at the peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / _KIBIBYTE


def table(title: str, tally: Tally) -> Table:
    """What inputs did, how many, for people."""
    found = Table("what came of it", "inputs", title=title)
    for what, count in tally.counts.most_common():
        found.add_row(what, f"{count:,}")
    return found


def slowest_table(files: Mapping[str, bytes], seed: int, tally: Tally) -> Table:
    """The slowest inputs, with what makes each again."""
    found = Table("number", "ms", "what came of it", "made of", "by", title="slowest")
    for outcome in (*tally.findings, *tally.slowest):
        one = mutant(files, seed, outcome.index)
        found.add_row(
            str(one.index), f"{outcome.seconds * _MILLI:,.0f}", outcome.what[:80], one.origin, ", ".join(one.changes)
        )
    return found


def main(
    *,
    inputs: Annotated[int, typer.Option(min=1, help="Broken files to read.")] = 20_000,
    server_share: Annotated[float, typer.Option(min=0, max=1, help="Share also posted to a real server.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Another one breaks other bytes.")] = 7,
    patience: Annotated[float, typer.Option(min=1, help="Seconds that an input may take.")] = 30.0,
    folder: Annotated[Path, typer.Option("--photos", help="Real photos to break.")] = _PHOTOS,
    save: Annotated[Path | None, typer.Option(help="Folder to write findings to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")] = False,
) -> None:
    """Break photos and see what becomes of them."""
    printer = Printer()
    seconds, mebibytes = bomb()
    files = seed_files(folder)
    local = fuzz(files, seed, inputs, patience, printer)
    requests = round(inputs * server_share)
    remote = fuzz_server(files, seed, requests, printer) if requests else Tally()
    findings = [*local.findings, *remote.findings]
    if save is not None:
        _save(files, seed, findings, save)
    if as_json:
        printer.json(_document(local, remote, bomb=(seconds, mebibytes)))
    else:
        printer.table(table(f"{inputs:,} files of {len(files)} encoded photos, seed {seed}", local))
        printer.table(slowest_table(files, seed, local))
        printer.text(f"peak memory of the reading process: {local.peak_mib:,.0f} MiB")
        if requests:
            printer.table(table(f"{requests:,} requests to a real server", remote))
            printer.table(slowest_table(files, seed, remote))
        printer.text(f"a PNG that unfolds to 528 MB is refused in {seconds * _MILLI:.1f} ms, {mebibytes:.1f} MiB more")
    raise typer.Exit(_FOUND if findings else _CLEAN)


def _document(local: Tally, remote: Tally, bomb: tuple[float, float]) -> dict[str, object]:
    return {
        "read": dict(local.counts),
        "requests": dict(remote.counts),
        "findings": [{"number": each.index, "what": each.what} for each in (*local.findings, *remote.findings)],
        "slowest_ms": [round(each.seconds * _MILLI, 1) for each in local.slowest],
        "peak_mib": round(local.peak_mib),
        "bomb": {"ms": round(bomb[0] * _MILLI, 2), "mib": round(bomb[1], 1)},
    }


def _save(files: Mapping[str, bytes], seed: int, findings: list[Outcome], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for outcome in findings:
        (folder / f"{seed}-{outcome.index}").write_bytes(mutant(files, seed, outcome.index).data)


if __name__ == "__main__":
    typer.run(main)
