"""Source folders, with a made one for the mistakes and the real ones for the figures of their README."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.collection import collect, version_of
from datasets.errors import LabelError
from datasets.settings import DataSettings, SourceSettings
from datasets.source import SourceOptions, read_source
from inference.categories import Catalogue, load_catalogue
from inference.paths import CONFIGS, MODELS
from tests.shared import shared
from training.settings import load_train_settings


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def make_source(root: Path, name: str, class_map: dict[str, str | None], names: list[str]) -> Path:
    folder = root / name
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    about = {"licence": "CC0", "attribution": "me", "class_map": class_map, "exhaustive_for": ["waste_bin"]}
    (folder / "SOURCE.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "data.yaml").write_text(f"names: {json.dumps(names)}", encoding="utf-8")
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), cv2.resize(pixels[:8, :8], (64, 64)))
        (folder / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    return folder


def test_classes_are_matched_by_name_and_an_unknown_one_stops_the_import(tmp_path: Path, catalogue: Catalogue) -> None:
    source = read_source(make_source(tmp_path, "good", {"Bin": "waste_bin"}, ["Bin"]), catalogue)
    assert {box.category for p in source.photos for box in p.boxes} == {"waste_bin"}
    folder = make_source(tmp_path, "bad", {}, ["overflowing_bins"])
    with pytest.raises(
        LabelError, match="'overflowing_bins' is not mapped to a category; nearest ids: overflowing_bin"
    ):
        read_source(folder, catalogue)
    mapped = read_source(folder, catalogue, SourceOptions(class_map={"overflowing_bins": None}))
    assert all(not p.boxes for p in mapped.photos)


def test_a_missing_photo_or_source_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    folder = make_source(tmp_path, "one", {"Bin": "waste_bin"}, ["Bin"])
    coco = {
        "categories": [],
        "annotations": [],
        "images": [{"id": 1, "file_name": "no.png", "width": 1, "height": 1}],
    }
    (folder / "labels.coco.json").write_text(json.dumps(coco), encoding="utf-8")
    with pytest.raises(LabelError, match=r"labelled photos are missing: no\.png"):
        read_source(folder, catalogue)
    settings = DataSettings(
        root=tmp_path,
        sources={"none": SourceSettings()},
        val_fraction=0.5,
        split_seed=0,
        near_duplicate_bits=0,
    )
    with pytest.raises(LabelError, match=r"none: no SOURCE\.json there"):
        collect(settings, catalogue, tmp_path)


def test_the_version_depends_on_content_labels_and_parts_alone(tmp_path: Path, catalogue: Catalogue) -> None:
    folder = make_source(tmp_path / "a", "one", {"Bin": "waste_bin"}, ["Bin"])
    make_source(tmp_path / "b", "one", {"Bin": "waste_bin"}, ["Bin"])

    def version(root: str) -> str:
        settings = DataSettings(
            root=tmp_path / root,
            sources={"one": SourceSettings()},
            val_fraction=0.5,
            split_seed=0,
            near_duplicate_bits=10,
        )
        return collect(settings, catalogue, tmp_path).version

    first = version("a")
    assert version("b") == first  # another folder
    (folder / "labels" / "3.txt").write_text("0 0.5 0.5 0.5 0.4\n", encoding="utf-8")
    assert version("a") != first  # another label


REAL = {  # photos with it, boxes: as ../shared/data/README.md counts them over all sources
    "overflowing_bin": 2745,
    "exposed_garbage": 1735,
    "waste_bin": 1654,
    "overhead_cable_mess": 179,
    "illegal_awning": 138,
    "street_vendor": 31,
}


@pytest.mark.timeout(600)
def test_the_real_sources_split_by_group_without_leaks(catalogue: Catalogue) -> None:
    root = shared("data")
    settings = load_train_settings(CONFIGS / "train.yaml").data.model_copy(update={"root": root})
    collection = collect(settings, catalogue, CONFIGS)
    boxes = Counter(box.category for p in collection.photos for box in p.boxes)
    assert {category: boxes[category] for category in REAL} == REAL
    parts: dict[str, set[str | None]] = {}
    for photo in collection.photos:
        parts.setdefault(photo.group, set()).add(photo.split)
    assert all(len(found) == 1 for found in parts.values())
    proposed = {p.key for p in collection.part("val") if p.source == "gbs111-cn"}
    assert proposed == collection.proposed_val
    assert {p.source for p in collection.part("test")} == {n for n, s in settings.sources.items() if s.held_out}
    assert version_of(collection.photos) == collection.version
    shipped = json.loads((MODELS / "street-patrol-n" / "model.json").read_text(encoding="utf-8"))
    assert collection.version == shipped["data"]["version"]  # the shipped model is judged on exactly these labels
