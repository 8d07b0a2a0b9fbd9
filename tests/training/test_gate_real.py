"""The gate on real photos: the shipped model against itself and against copies that were made worse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from benchmarks.degraded import Change, degrade, noisy, shuffled, without
from datasets.labels import LabelledPhoto
from datasets.source import SourceOptions, read_source
from inference.categories import load_catalogue
from inference.package import load_package
from inference.paths import MODELS
from inference.printer import Printer
from tests.shared import shared
from training.gate_command import gate_packages
from training.gate_photos import GatePhotos
from training.gate_report import GateReport, reasons, render
from training.gate_settings import GateSettings

SHIPPED = MODELS / "street-patrol-n"
CATEGORIES = load_package(SHIPPED).description.categories
BIN, GARBAGE = CATEGORIES.index("overflowing_bin"), CATEGORIES.index("exposed_garbage")
PHOTOS = 100


@pytest.fixture(scope="module")
def photos() -> GatePhotos:
    """Validation photos, which the shipped model was not trained on."""
    folder = shared("data", "gbs111-cn")
    names = set(json.loads((folder / "splits.json").read_text("utf-8"))["val"][:PHOTOS])
    source = read_source(folder, load_catalogue(), SourceOptions())
    chosen: list[LabelledPhoto] = [photo for photo in source.photos if photo.path.name in names]
    return GatePhotos(tuple(chosen), frozenset(), "made", "val", frozenset(), (), champion_known=True)


@pytest.fixture(scope="module")
def judged(photos: GatePhotos, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Change], GateReport]:
    """A copy of the shipped model, changed, against the shipped model."""

    def against_the_shipped(change: Change) -> GateReport:
        folder = degrade(SHIPPED, tmp_path_factory.mktemp("degraded") / "package", "9.9.9", change)
        packages = load_package(folder), load_package(SHIPPED)
        return gate_packages(*packages, photos, load_catalogue(), GateSettings(resamples=500), Printer().progress)

    return against_the_shipped


def test_a_copy_that_computes_the_same_passes(judged: Callable[[Change], GateReport]) -> None:
    report = judged(lambda _, value: value)
    assert report.passed
    assert all(one.difference == 0 for one in report.judgement.comparisons)
    assert "通过" in render(report)


@pytest.mark.parametrize(
    ("change", "categories"),
    [
        (without(len(CATEGORIES), GARBAGE), {"exposed_garbage"}),
        (shuffled(len(CATEGORIES), BIN, GARBAGE), {"exposed_garbage", "overflowing_bin"}),
        (noisy(0.3), {"exposed_garbage", "overflowing_bin"}),
    ],
    ids=["a category is never seen", "two categories are swapped", "noise on every filter"],
)
def test_a_copy_made_worse_is_refused_by_name(
    judged: Callable[[Change], GateReport], change: Change, categories: set[str]
) -> None:
    report = judged(change)
    assert not report.passed
    assert categories <= {refusal.category for refusal in report.judgement.refusals}
    text = " ".join(zh + en for zh, en in reasons(report))
    assert "暴露垃圾（exposed_garbage）" in text
    assert report.examples
    assert all(Path(photo.path).is_file() for photo in report.examples.values())
    assert all(f"`{key}`" in render(report) for key in report.examples)
