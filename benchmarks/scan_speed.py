"""Photos a second of a scan against `yolo predict`, and against its own limits: `python -m benchmarks.scan_speed`.

Everything is measured in one run, in turn, several times over, on the same photos in the same folder; medians are
shown. `yolo predict` is ultralytics with the same weights and input size and its defaults, but without writing
pictures (its default is to write them, which would be slower still). The limits: decoding alone with as many threads
as the scan, the engine alone with as many runs at a time. Where both share the same cores, no program that does both
can reach the smaller of the two; what it can reach is shown as well: 1 / (1 / decoding + 1 / engine).

Photos: `--photos FOLDER`, resized to `--megapixels` where given, written anew so that no two are the same file.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.table import Table

from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.mappings import load_schemes
from inference.paths import CONFIGS, MODELS
from inference.photo import DEFAULT_LIMITS, read_photo
from inference.photo_files import photo_files
from inference.printer import Printer
from inference.scan.command import run
from inference.scan.journal import Journal
from inference.scan.judge import PhotoJudge
from inference.scan.settings import ScanSettings
from inference.scan.sources import Lister, ListingRules

_QUALITY, _FULL_SIZE = 92, 1_000_000


def make_photos(sources: Sequence[Path], folder: Path, count: int, megapixels: float | None) -> list[Path]:
    """So many JPEG files from some photos, no two the same.

    Args:
        sources: The photos.
        folder: Where to write.
        count: How many.
        megapixels: Size to give them; None: as they are.
    """
    folder.mkdir()
    for number in range(count):
        rgb = read_photo(sources[number % len(sources)].read_bytes(), target_side=_FULL_SIZE).rgb
        if megapixels is not None:
            scale = (megapixels * 1e6 / (rgb.shape[0] * rgb.shape[1])) ** 0.5
            rgb = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        bgr[:2, :2] = number % 256, number // 256 % 256, 0
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return photo_files([folder])


def by_scan(classifier: Classifier, folder: Path, threads: int | None) -> Callable[[], None]:
    """A whole scan, journal and all."""
    catalogue = load_catalogue()
    scheme = next(iter(load_schemes(CONFIGS / "mappings", catalogue).values()))
    settings = ScanSettings(threads=threads)
    rules = ListingRules(settings.photo_suffixes, settings.video_suffixes, settings.every, False, DEFAULT_LIMITS)

    def scan() -> None:
        with (
            tempfile.TemporaryDirectory() as out,
            Journal(Path(out), sync_seconds=settings.sync_seconds, segment_bytes=settings.segment_bytes) as journal,
        ):
            judge = PhotoJudge(classifier, scheme, DEFAULT_LIMITS)
            run(journal, judge, Lister([str(folder)], rules), settings, Printer())

    return scan


def by_decoding(classifier: Classifier, files: Sequence[Path], workers: int) -> Callable[[], None]:
    """Reading and decoding alone."""
    side = classifier.package.description.input.longest_side

    def decode() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda file: read_photo(file.read_bytes(), target_side=side).width, files))

    return decode


def by_engine(classifier: Classifier, files: Sequence[Path], workers: int) -> Callable[[], None]:
    """The engine alone."""
    shape = classifier.engine.input_shape
    tensor = np.random.default_rng(1).random(shape, np.float32)

    def infer() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: classifier.engine.run(tensor).candidates.shape, files))

    return infer


def by_yolo(weights: Path, folder: Path, size: int) -> Callable[[], None]:
    """`yolo predict` with the same weights and size, and its defaults."""
    from ultralytics import YOLO

    model = YOLO(weights)
    model.predict(source=np.zeros((size, size, 3), np.uint8), imgsz=size, verbose=False)  # sets itself up

    def predict() -> None:
        for _ in model.predict(source=str(folder), imgsz=size, stream=True, save=False, verbose=False):
            pass

    return predict


def measure(ways: dict[str, Callable[[], None]], photos: int, rounds: int) -> dict[str, float]:
    """Photos a second by each way, the median over rounds that go through all ways in turn."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            found[name].append(photos / (time.perf_counter() - started))
    return {name: statistics.median(rates) for name, rates in found.items()}


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos.")],
    count: int = 300,
    megapixels: Annotated[float | None, typer.Option(help="Size to give them.")] = None,
    rounds: int = 3,
    threads: Annotated[int | None, typer.Option(help="Of the scan; default: as many as cores.")] = None,
    model: Annotated[Path, typer.Option(help="Model package.")] = MODELS / "street-patrol-n",
) -> None:
    """Measure, and show photos a second and their ratios."""
    printer = Printer()
    workers = ScanSettings(threads=threads).workers
    classifier = Classifier.load(model, load_catalogue(), "auto", 1)
    size = classifier.package.description.input.longest_side
    with tempfile.TemporaryDirectory() as name:
        sources = sorted(photo_files([photos]), key=lambda path: -path.stat().st_size)[:count]
        files = make_photos(sources, Path(name) / "photos", count, megapixels)
        folder = files[0].parent
        ways = {
            "patrol scan": by_scan(classifier, folder, threads),
            "yolo predict": by_yolo(model / "weights.pt", folder, size),
            "decoding alone": by_decoding(classifier, files, workers),
            "engine alone": by_engine(classifier, files, workers),
        }
        rates = measure(ways, len(files), rounds)
    scan, decoding, engine = rates["patrol scan"], rates["decoding alone"], rates["engine alone"]
    limits = {
        "yolo predict": rates["yolo predict"],
        "min(decoding, engine)": min(decoding, engine),
        "both on the same cores": 1 / (1 / decoding + 1 / engine),
    }
    table = Table(
        "way", "photos/s", "scan / this", caption=f"{count} photos, {workers} threads, {classifier.engine.provider}"
    )
    for way, rate in {**rates, **limits}.items():
        table.add_row(way, f"{rate:.1f}", f"{scan / rate:.2f}")
    printer.table(table)


if __name__ == "__main__":
    typer.run(main)
