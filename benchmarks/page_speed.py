"""How fast and how heavy is the review page? `python -m benchmarks.page_speed [PHOTO] [--rounds N] [--json]`.

Starts the service and the system's chromium, puts the same photo in again and again, and takes the time from the
drop until the boxes are in a drawn frame, as the page itself measures it ("patrol:drop-to-boxes"). Without PHOTO a
picture of 12 megapixels with sensor noise is made, about as large as a phone's JPEG; it shows nothing, so that the time
ends with the answer on screen. Weight is what the browser transfers for a first visit; shift is the cumulative layout
shift from opening the page to the boxes.

Exit codes: 0 done, 2 bad usage or input.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from inference.printer import Printer
from tests import photos
from tests.e2e.browser import Visit, chromium, variables, visit
from tests.inference.service.test_server import ready_after, serving

_SIZE: Final = (4000, 3000)
_QUALITY: Final = 90
_WARM_UP: Final = 2
_BAD_INPUT: Final = 2
_MEASURE: Final = "() => performance.getEntriesByName('patrol:drop-to-boxes').map((entry) => entry.duration)"
_WATCH: Final = """globalThis.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) globalThis.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Attributes:
        photo_bytes: Size of the photo.
        first_ms: From the first drop to its boxes; the page is new.
        p50_ms: Of the drops after warming up.
        worst_ms: Of the same.
        service_ms: Median of what the service itself took, as the browser saw it from request to response.
        weight_bytes: Transferred for a first visit, compressed, without the photo and the API's answers.
        requests: Made for that.
        shift: Cumulative layout shift.
    """

    photo_bytes: int
    first_ms: float
    p50_ms: float
    worst_ms: float
    service_ms: float
    weight_bytes: int
    requests: int
    shift: float


def main(
    photo: Annotated[Path | None, typer.Argument(help="Default: a made picture of 12 megapixels.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Drops to measure, after two that warm up.")] = 15,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure the review page."""
    if photo is not None and not photo.is_file():
        Printer().error(f"{photo}: is no file")
        raise typer.Exit(_BAD_INPUT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed = _measured(photo or _made(folder), rounds, folder)
    if as_json:
        Printer().json(asdict(speed))
    else:
        Printer().table(_table(speed))


def _made(folder: Path) -> Path:
    path = folder / "twelve-megapixels.jpg"
    path.write_bytes(photos.encode(photos.noisy_scene(*_SIZE), "jpeg", quality=_QUALITY))
    return path


def _measured(photo: Path, rounds: int, folder: Path) -> Speed:
    with serving(folder / "log", **variables(folder)) as (server, http), chromium() as browser:
        ready_after(server, http)
        with visit(browser, str(http.base_url).rstrip("/")) as opened:
            opened.page.add_init_script(_WATCH)
            sizes = _transferred(opened)
            opened.open()
            opened.page.wait_for_load_state("networkidle")
            weight, requests = sum(sizes), len(sizes)
            service = [_drop(opened, photo) for _ in range(_WARM_UP + rounds)]
            times: list[float] = opened.page.evaluate(_MEASURE)
            shift: float = opened.page.evaluate("() => globalThis.shift")
    steady = times[_WARM_UP:]
    return Speed(
        photo_bytes=photo.stat().st_size,
        first_ms=round(times[0], 1),
        p50_ms=round(statistics.median(steady), 1),
        worst_ms=round(max(steady), 1),
        service_ms=round(statistics.median(service[_WARM_UP:]), 1),
        weight_bytes=weight,
        requests=requests,
        shift=round(shift, 4),
    )


def _transferred(opened: Visit) -> list[int]:
    """Bytes of every answer that is a page's own file, headers left out; fills while the page loads."""
    sizes: list[int] = []

    def finished(request: Any) -> None:
        if "/v1/" not in request.url and request.url.startswith(opened.url):
            sizes.append(request.sizes()["responseBodySize"])

    opened.page.on("requestfinished", finished)
    return sizes


def _drop(opened: Visit, photo: Path) -> float:
    """Put the photo in, wait until its boxes are measured, take it out; gives milliseconds of the request."""
    page = opened.page
    before = len(page.evaluate(_MEASURE))
    with page.expect_response("**/v1/classify") as answered:
        page.set_input_files("input.files", str(photo))
    page.wait_for_function(
        "(before) => performance.getEntriesByName('patrol:drop-to-boxes').length > before", arg=before
    )
    answered.value.finished()
    timing = answered.value.request.timing
    page.locator(".thumb-remove").click()
    page.wait_for_selector(".drop")
    return float(timing["responseEnd"] - timing["requestStart"])


def _table(speed: Speed) -> Table:
    table = Table("measure", "value")
    table.add_row("photo", f"{speed.photo_bytes / 1e6:.1f} MB")
    table.add_row("drop to boxes, p50", f"{speed.p50_ms:.0f} ms")
    table.add_row("drop to boxes, worst", f"{speed.worst_ms:.0f} ms")
    table.add_row("drop to boxes, first on a new page", f"{speed.first_ms:.0f} ms")
    table.add_row("of it the request, p50", f"{speed.service_ms:.0f} ms")
    table.add_row("page weight, compressed", f"{speed.weight_bytes / 1000:.1f} kB in {speed.requests} files")
    table.add_row("cumulative layout shift", f"{speed.shift:.4f}")
    return table


if __name__ == "__main__":
    typer.run(main)
