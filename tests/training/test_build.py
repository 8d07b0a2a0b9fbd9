"""The shipped weights, exported again: torch and ONNX agree on real photos, and a package comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from datasets.collection import Collection
from datasets.freeze import FreezeOptions, freeze
from datasets.load_version import labelled_photos
from datasets.settings import DataSettings, SplitSettings
from datasets.source import SourceOptions, read_source
from datasets.store import LabelStore
from datasets.versions import Versions
from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.engine import Engine
from inference.package import load_package
from inference.paths import CONFIGS, MODELS
from tests.datasets.stores import fill
from tests.shared import shared
from training.build import build_package
from training.evaluation_settings import BootstrapSettings, EvaluationSettings
from training.export import load_detector
from training.parity import compare
from training.settings import load_train_settings

PACKAGE = MODELS / "street-patrol-n"
SOURCES = ("cables_web_poles", "gbs111-cn")


def test_the_shipped_model_says_what_torch_says_on_real_photos() -> None:
    photos = sorted(shared("data", "gbs111-cn", "images").iterdir())[::20]
    settings = load_train_settings()
    package = load_package(PACKAGE)
    limit = settings.parity
    parity = compare(
        load_detector(PACKAGE / "weights.pt"),
        Engine(package.model_path, "cpu"),
        photos,
        package.description.categories,
        package.description.input,
        package.description.nms,
        limit.max_score_difference,
    )
    assert parity.photos >= 100
    assert parity.boxes > 0
    assert parity.max_score_difference <= limit.max_score_difference
    assert parity.min_iou >= limit.min_iou


def some_photos(folder: Path, settings: DataSettings) -> Collection:
    """A few photos of two sources, frozen."""
    catalogue, store = load_catalogue(), LabelStore(folder)
    for name in SOURCES:
        source = read_source(shared("data", name), catalogue, SourceOptions(settings.sources[name].class_map))
        chosen = source.photos[:: len(source.photos) // 30]
        fill(store, name, chosen, licence=source.licence, attribution=source.attribution)
    split = SplitSettings(val_fraction=0.6, test_fraction=0.1)
    freeze(store, "few", FreezeOptions(split=split), catalogue)
    return labelled_photos(DataSettings(root=folder, version="few"), catalogue, CONFIGS)


def test_a_package_is_built_checked_and_usable(tmp_path: Path) -> None:
    settings = load_train_settings()
    settings = settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"start": shared("weights", "yolo11n.pt")}),
            "parity": settings.parity.model_copy(update={"photos": 4}),
        }
    )
    catalogue = load_catalogue()
    shipped = load_package(PACKAGE).description
    collection = some_photos(tmp_path / "data", settings.data)
    target = tmp_path / "models" / "new"
    target.mkdir(parents=True)
    (target / "old").touch()
    left_out = {"signboard": "for this test"}
    few = EvaluationSettings(bootstrap=BootstrapSettings(resamples=50))
    build_package(
        PACKAGE / "weights.pt",
        settings,
        collection,
        catalogue,
        shipped.categories,
        left_out,
        target,
        evaluation=few,
    )
    assert sorted(p.name for p in target.iterdir()) == [
        "golden.json",
        "model.json",
        "model.onnx",
        "report.md",
        "weights.pt",
    ]
    assert [p.name for p in target.parent.iterdir()] == ["new"]  # nothing half-made is left behind
    description = load_package(target).description
    assert description.categories == shipped.categories
    assert description.data.version == Versions(tmp_path / "data" / "versions").find("few").record.short
    assert {s.name for s in description.data.sources} == set(SOURCES)
    assert all(s.licence for s in description.data.sources)
    assert set(description.categories) < set(description.decisions)
    assert {"garbage", "disorderly_parking", "street_trading"} <= set(description.decisions)
    figures = description.metrics["evaluation"]["val"]["whole"]["categories"]["overflowing_bin"]["detection"]["ap50"]
    assert 0 < figures["lower"] < figures["value"] < figures["upper"] <= 1
    card = (target / "report.md").read_text(encoding="utf-8")
    assert f"{figures['value']:.3f} ({figures['lower']:.3f}–{figures['upper']:.3f})" in card
    assert "for this test" in card
    for text in ("不能做什么", "从不提出", description.data.version, *(s.licence for s in description.data.sources)):
        assert text in card
    assert description.reference is not None
    assert description.reference.photos == len(collection.part("val"))
    json.loads((target / "model.json").read_text(encoding="utf-8"))
    assert not any(str(tmp_path).encode() in file.read_bytes() for file in target.iterdir())  # no word of the machine
    photo = collection.photos[0].path.read_bytes()
    assert Classifier.load(target, catalogue, "cpu").classify(photo).photo.width > 0
