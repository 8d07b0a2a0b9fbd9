"""What a model store promises: packages never change, one champion, every change explained."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from inference.model_files import StoreError
from inference.model_store import GateError, ModelStore
from inference.package import PackageError, load_package
from tests.inference.models.packages import SHIPPED, change, make_package


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """Versions 1, 2 and 3 of a model; 1 is champion."""
    models = ModelStore(tmp_path / "store")
    for version in "123":
        models.add(make_package(tmp_path / version, version, content=version.encode()))
    models.promote("1", by="me", why="the first")
    return models


def gate_report(store: ModelStore, candidate: str, champion: str, *, passed: bool = True) -> dict[str, Any]:
    """What of a gate's report a store looks at, and something that it keeps."""
    names = {"candidate": candidate, "champion": champion}
    pinned = {role: store.find(name).pinned.model_dump() for role, name in names.items()}
    return {"passed": passed, **pinned, "figures": [1, 2]}


def champion(store: ModelStore) -> str:
    return store.find("champion").description.version


def test_a_package_is_kept_whole_and_read_only(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "store" / "street-patrol-n" / "2"
    assert load_package(folder).description.version == "2"
    assert all(path.stat().st_mode & 0o222 == 0 for path in folder.iterdir())
    assert [p.description.version for p in store.packages()] == ["1", "2", "3"]
    assert store.fetch("2", tmp_path / "cache").folder == folder  # nothing to fetch on a disk


def test_a_version_never_changes(store: ModelStore, tmp_path: Path) -> None:
    before = store.find("2")
    assert store.add(tmp_path / "2") == before  # the same again is no change
    with pytest.raises(StoreError, match="packages never change: give yours a new version"):
        store.add(make_package(tmp_path / "other", "2", content=b"other"))
    assert store.find("2") == before


def test_a_damaged_package_is_not_added(store: ModelStore, tmp_path: Path) -> None:
    folder = make_package(tmp_path / "4", "4")
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(PackageError, match=r"model\.onnx"):
        store.add(folder)
    with pytest.raises(StoreError, match="no folder name"):
        store.add(make_package(tmp_path / "5", "../5"))
    assert len(store.packages()) == 3


def test_promote_and_roll_back_walk_along_the_history(store: ModelStore) -> None:
    for version in "23":
        store.promote(version, by="me", why="better", is_ungated=True)
    assert (champion(store), store.find("previous").description.version) == ("3", "2")
    assert store.rollback(by="me", why="bins are worse").champion.reference == "street-patrol-n/2"
    store.rollback(by="me", why="still")  # never back to 3, which was left on purpose
    assert champion(store) == "1"
    with pytest.raises(StoreError, match="no previous champion"):
        store.rollback(by="me", why="more")
    told = [(c.revision, c.action, c.champion.reference[-1], c.why) for c in store.history()]
    assert told == [
        (5, "rollback", "1", "still"),
        (4, "rollback", "2", "bins are worse"),
        (3, "promote", "3", "better"),
        (2, "promote", "2", "better"),
        (1, "promote", "1", "the first"),
    ]


def test_promoting_the_champion_again_changes_nothing(store: ModelStore) -> None:
    assert store.promote("champion", by="you", why="again").by == "me"
    assert len(store.history()) == 1


def test_the_gate_is_asked_about_these_two_packages(store: ModelStore) -> None:
    passed = gate_report(store, "2", "1")
    refusals: list[tuple[dict[str, Any] | None, str]] = [
        (None, "the gate was not asked"),
        ({"passed": True}, "none that `patrol gate` writes"),
        ({**passed, "passed": False}, "refused street-patrol-n/2"),
        (gate_report(store, "3", "1"), "about street-patrol-n/3, not about this street-patrol-n/2"),
        (gate_report(store, "2", "3"), "compared with street-patrol-n/3, but the champion is street-patrol-n/1"),
    ]
    for report, why in refusals:
        with pytest.raises(GateError, match=why):
            store.promote("2", by="me", why="better", gate=report)
    assert champion(store) == "1"
    store.promote("2", by="me", why="better", gate=passed)
    current = store.current()
    assert current is not None
    assert current.gate == passed  # kept as it is
    with pytest.raises(GateError, match=r"compared with .*/1, but the champion is .*/2"):
        store.promote("3", by="me", why="late", gate=gate_report(store, "3", "1"))


@pytest.mark.parametrize(
    ("name", "why"),
    [("4", "no package has the name or version '4'; there are: street-patrol-n/1, "), ("previous", "no previous yet")],
)
def test_a_model_that_is_not_there_is_named(store: ModelStore, name: str, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        store.find(name)


def test_a_version_of_two_models_needs_the_model(store: ModelStore, tmp_path: Path) -> None:
    folder = make_package(tmp_path / "other", "1")
    document = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**document, "name": "other"}), "utf-8")
    store.add(folder)
    with pytest.raises(StoreError, match="several packages have"):
        store.find("1")
    assert store.find("other/1").description.name == "other"


def test_a_champion_that_was_changed_by_hand_is_not_served(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "store" / "street-patrol-n" / "1" / "model.json"
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace("AGPL", "BGPL"), "utf-8")
    with pytest.raises(StoreError, match="changed since it was promoted"):
        store.fetch("champion", tmp_path / "cache")
    assert "changed since it was promoted" in (store.verify("street-patrol-n/1").problem or "")


def test_verify_replays_golden_outputs(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.add(SHIPPED)
    verified = store.verify("0.1.0")
    assert verified.problem is None
    assert set(verified.golden) == {"blocks", "noise"}
    damaged = tmp_path / "street-patrol-n" / "0.1.0" / "model.onnx"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert "the file was changed or damaged" in (store.verify("0.1.0").problem or "")


def test_promotions_at_the_same_time_come_one_after_the_other(store: ModelStore, tmp_path: Path) -> None:
    place, rounds = str(tmp_path / "store"), 6
    with ProcessPoolExecutor(3, mp_context=get_context("forkserver")) as pool:
        for done in [pool.submit(_promote_in_turn, place, version, rounds) for version in "123"]:
            done.result()
    history = store.history()
    assert [c.revision for c in history] == list(range(len(history), 0, -1))
    for later, earlier in pairwise(history):
        assert later.before == (earlier.champion, *earlier.before)
        assert later.champion != earlier.champion


def _promote_in_turn(place: str, version: str, rounds: int) -> None:
    for _ in range(rounds):
        change(place, "promote", version)


def test_a_damaged_history_is_named_and_never_guessed(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "_promotions" / "000001.json").write_text("{")
    with pytest.raises(StoreError, match=r"000001\.json: damaged"):
        store.packages()


def test_a_store_that_is_not_there_is_empty(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none")
    assert store.packages() == []
    assert store.current() is None
    assert not (tmp_path / "none").exists()


def test_a_package_vanished_from_the_store_is_named(store: ModelStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store" / "street-patrol-n" / "1")
    with pytest.raises(StoreError, match="is missing; put the package back"):
        store.find("champion")
