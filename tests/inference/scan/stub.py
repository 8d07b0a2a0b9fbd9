"""A scan whose engine is a stub: real files, real decoding, real journal, and answers that depend on the pixels."""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.engine import Engine, RawOutput
from inference.mappings import Scheme, load_schemes
from inference.package import ModelPackage, load_package
from inference.paths import CONFIGS, MODELS
from inference.photo import PhotoLimits
from inference.photo_files import SUFFIXES
from inference.printer import Printer
from inference.scan.command import Outcome, run
from inference.scan.inputs import Input
from inference.scan.journal import Journal
from inference.scan.judge import PhotoJudge
from inference.scan.record import Record
from inference.scan.settings import ScanSettings
from inference.scan.sources import Lister, ListingRules

MIB = 1024 * 1024
RULES = ListingRules(
    photo_suffixes=tuple(SUFFIXES),
    video_suffixes=(".mp4", ".avi"),
    every=1,
    all_files=False,
    limits=PhotoLimits(max_bytes=2 * MIB),
)


class StubEngine:
    """Sees one box, of a category and score that follow from the pixels."""

    def __init__(self, categories: int, seconds: float = 0) -> None:
        self._categories = categories
        self._seconds = seconds

    def run(self, tensor: NDArray[np.float32]) -> RawOutput:
        time.sleep(self._seconds)
        seed = int(float(tensor.astype(np.float64).sum()) * 1000)
        candidates = np.zeros((4 + self._categories, 1), np.float32)
        candidates[:4, 0] = (200, 200, 60 + seed % 40, 50)
        candidates[4 + seed % self._categories, 0] = 0.5 + seed % 50 / 100
        return RawOutput(candidates, None)


@cache
def scheme() -> Scheme:
    return load_schemes(CONFIGS / "mappings", load_catalogue())["gbt47678.5-2026"]


@cache
def package() -> ModelPackage:
    return load_package(MODELS / "street-patrol-n")


def stub_classifier(seconds: float = 0) -> Classifier:
    engine = StubEngine(len(package().description.categories), seconds)
    return Classifier(package(), load_catalogue(), cast("Engine", engine))


class CountingJudge:
    """A judge that remembers what it was asked."""

    def __init__(self, seconds: float = 0) -> None:
        self._judge = PhotoJudge(stub_classifier(seconds), scheme(), RULES.limits)
        self.asked: list[str] = []

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        self.asked.append(item.path)
        return self._judge.judge(item, data, sha256)


def stub_scan(
    out: Path, *sources: object, judge: Any = None, rules: ListingRules = RULES, seconds: float = 0, **settings: Any
) -> Outcome:
    """Scan sources into a folder, two photos at a time."""
    own = ScanSettings(**{"threads": 2, "readers": 3, **settings})
    with Journal(out, sync_seconds=own.sync_seconds, segment_bytes=own.segment_bytes) as journal:
        lister = Lister([str(source) for source in sources], rules)
        return run(journal, judge or CountingJudge(seconds), lister, own, Printer())


def scan_in_child(out: str, sources: list[str], seconds: float) -> None:
    """The target of a process that is to be killed."""
    stub_scan(Path(out), *sources, seconds=seconds)
    sys.exit(0)
