"""How long, and with how much memory, is a decompression bomb refused? `python -m benchmarks.bomb [--json]`.

Each file of `tests.bombs` is read as an upload is, with the service's limits. Memory is what the process needed
beyond what it held before, at its highest (VmHWM of Linux, reset before each); time is the median of several reads.
The first line is a photo of 12 megapixels, which shows what is measured where something unfolds; it is not judged.

Exit codes: 0 every bomb refused within the limits, 1 some not.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from inference.photo import PhotoError, read_photo
from inference.printer import Printer
from tests import photos
from tests.bombs import bombs

_KIB: Final = 1024
_MIB: Final = 1024 * 1024
_TARGET_SIDE: Final = 640  # of the shipped model's input


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a bomb was met.

    Attributes:
        name: Of the bomb.
        bytes: Of the file.
        code: Of the error, or None if the file was read as a photo.
        milliseconds: Median time.
        most_milliseconds: Longest time.
        memory_mb: Most memory beyond what was held before, in MiB.
    """

    name: str
    bytes: int
    code: str | None
    milliseconds: float
    most_milliseconds: float
    memory_mb: float


def measure(name: str, data: bytes, repeats: int) -> Refusal:
    """Read a bomb several times."""
    code: str | None = None
    spent: list[float] = []
    memory = 0
    for _ in range(repeats):
        before = _reset_peak()
        started = time.perf_counter()
        try:
            read_photo(data, target_side=_TARGET_SIDE)
        except PhotoError as error:
            code = error.code
        spent.append((time.perf_counter() - started) * 1000)
        memory = max(memory, _status("VmHWM") - before)
    return Refusal(name, len(data), code, round(median(spent), 2), round(max(spent), 2), round(memory / _MIB, 1))


def _reset_peak() -> int:
    """Forget the highest memory so far; gives what is held now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * _KIB
    raise OSError(f"/proc/self/status has no {field}; this benchmark needs Linux")


def _table(control: Refusal, refusals: list[Refusal], most_ms: float, most_mb: float) -> Table:
    table = Table("bomb", "bytes", "refused as", "ms, median", "ms, most", "MiB", "within limits")
    for one in (control, *refusals):
        table.add_row(
            one.name,
            f"{one.bytes:,}",
            one.code or "read",
            f"{one.milliseconds:.2f}",
            f"{one.most_milliseconds:.2f}",
            f"{one.memory_mb:.1f}",
            Text("-", "dim") if one is control else _mark(_is_fine(one, most_ms, most_mb)),
        )
    return table


def _mark(is_fine: bool) -> Text:
    return Text("yes", "green") if is_fine else Text("no", "bold red")


def _is_fine(one: Refusal, most_ms: float, most_mb: float) -> bool:
    return one.code is not None and one.milliseconds < most_ms and one.memory_mb < most_mb


def main(
    repeats: Annotated[int, typer.Option(min=1, help="Reads of each file.")] = 20,
    most_ms: Annotated[float, typer.Option(help="Milliseconds a refusal may take, median.")] = 10,
    most_mb: Annotated[float, typer.Option(help="MiB it may need.")] = 20,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Read decompression bombs of every format."""
    printer = Printer()
    for kind in ("jpeg", "png", "webp", "bmp", "tiff", "heif"):  # decoders load their libraries on their first photo
        read_photo(photos.encode(photos.scene(), kind), target_side=_TARGET_SIDE)
    control = measure("a photo", photos.encode(photos.scene(4000, 3000), "png", compress_level=1), 1)
    refusals = [measure(name, data, repeats) for name, data in bombs().items()]
    if as_json:
        printer.json({"control": asdict(control), "refusals": [asdict(one) for one in refusals]})
    else:
        printer.table(_table(control, refusals, most_ms, most_mb))
    raise typer.Exit(0 if all(_is_fine(one, most_ms, most_mb) for one in refusals) else 1)


if __name__ == "__main__":
    typer.run(main)
