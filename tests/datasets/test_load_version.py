"""Training, evaluation and the model card read a frozen version, and refuse one that is not what was frozen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from datasets.collection import Collection
from datasets.errors import LabelError
from datasets.freeze import FreezeOptions, freeze
from datasets.load_version import labelled_photos
from datasets.settings import DataSettings
from datasets.store import LabelStore
from datasets.versions import Version
from inference.categories import Catalogue, load_catalogue
from inference.errors import ConfigError
from inference.paths import CONFIGS
from tests.datasets.stores import fill, labelled, picture, some_store, write_photos
from training.settings import load_train_settings

CATALOGUE = load_catalogue()


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    store = some_store(tmp_path, 60)
    paths = write_photos(tmp_path / "photos" / "far", range(100, 110))
    fill(store, "far", (labelled(p, "far", ["waste_bin"]) for p in paths), held_out=True, stretched=True)
    proposed = write_photos(tmp_path / "photos" / "split", range(200, 204))
    fill(store, "split", (labelled(p, "split", split="val" if i else "train") for i, p in enumerate(proposed)))
    return store


@pytest.fixture
def version(store: LabelStore) -> Version:
    return freeze(store, "may", FreezeOptions(), CATALOGUE).version


def load(store: LabelStore, name: str = "may", catalogue: Catalogue = CATALOGUE) -> Collection:
    return labelled_photos(DataSettings(root=store.root, version=name), catalogue, CONFIGS)


def test_a_collection_is_what_was_frozen(store: LabelStore, version: Version) -> None:
    collection = load(store)
    assert collection.version == version.record.id[:12]
    frozen = {row.photo.key: row.photo for row in version.photos()}
    assert {photo.key: photo for photo in collection.photos} == frozen
    assert [photo.key for photo in collection.photos] == sorted(frozen)
    assert {source.name: (source.licence, len(source.photos)) for source in collection.sources} == {
        "far": ("CC0", 10),
        "split": ("CC0", 4),
        "street": ("CC0", 60),
    }
    assert collection.stretched == {"far"}
    assert collection.held_out == ["far"]
    assert collection.proposed_val == {"split/000201.png", "split/000202.png", "split/000203.png"}
    assert len(collection.part("test")) > 10


@pytest.mark.parametrize("by", ["name", "id", "folder"])
def test_it_is_found_by_name_id_or_folder(store: LabelStore, version: Version, by: str) -> None:
    names = {"name": "may", "id": version.record.short, "folder": str(version.folder)}
    assert load(store, names[by]).version == version.record.short


def test_later_imports_change_nothing(store: LabelStore, version: Version) -> None:
    before = load(store)
    fill(store, "street", [])
    shutil.rmtree(store.sources_folder / "far")
    assert load(store).photos == before.photos
    assert load(store).version == version.record.short


def test_photos_that_vanished_or_changed_stop_training_by_name(store: LabelStore, version: Version) -> None:
    paths = {row.photo.key: row.photo.path for row in version.photos()}
    paths["street/000003.png"].unlink()
    paths["street/000004.png"].write_bytes(picture(4444))
    with pytest.raises(
        LabelError,
        match=r"2 photos are missing or changed: street/000003\.png \(the photo is missing.*000004\.png \(ch",
    ):
        load(store)


def test_a_version_that_was_tampered_with_is_not_trained_on(store: LabelStore, version: Version) -> None:
    manifest = version.folder / "manifest.jsonl"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace('"split":"test"', '"split":"train"', 1))
    with pytest.raises(LabelError, match=r"not as it was frozen: .*manifest\.jsonl: changed or missing"):
        load(store)


def test_a_category_that_is_gone_is_named(store: LabelStore, version: Version) -> None:
    fewer = Catalogue(category for id_, category in CATALOGUE.items() if id_ != "street_vendor")
    with pytest.raises(LabelError, match=r"categories\.yaml does not know street_vendor"):
        load(store, version.record.name, fewer)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"version": "may", "sources": {"a": {}}}, "exactly one of"),
        ({}, "exactly one of"),
        ({"version": "may", "split_seed": 3}, "`version` fixes the split: take out split_seed"),
    ],
)
def test_train_yaml_names_either_sources_or_a_version(tmp_path: Path, data: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DataSettings.model_validate({"root": "data", **data})
    recipe = yaml.safe_load((CONFIGS / "train.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump({**recipe, "data": {"root": "data", **data}}), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"train\.yaml:1: data is .*exactly one of|train\.yaml:1: data is .*take out split_seed"
    ):
        load_train_settings(path)
    path.write_text(yaml.safe_dump({**recipe, "data": {"root": "data", "version": "may"}}), encoding="utf-8")
    assert load_train_settings(path).data.version == "may"
