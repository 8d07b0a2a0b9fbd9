"""kill -9 before every single file operation of add, promote and rollback: the store stays consistent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inference.model_store import ModelStore
from inference.package import load_package
from tests.inference.models.packages import change, killed_before, make_package

_AT_MOST = 200  # file operations of one change


@pytest.mark.parametrize(
    ("action", "before", "after"), [("add", "2", "2"), ("promote", "2", "3"), ("rollback", "2", "1")]
)
def test_a_store_is_as_before_or_as_after(tmp_path: Path, action: str, before: str, after: str) -> None:
    place, packages = tmp_path / "store", [make_package(tmp_path / version, version) for version in "1234"]
    for folder in packages[:3]:
        change(str(place), "add", str(folder))
    for version in "12":
        change(str(place), "promote", version)
    shutil.copytree(place, tmp_path / "original")
    subject = {"add": str(packages[3]), "promote": "3", "rollback": ""}[action]
    seen: list[bool] = []
    for step in range(1, _AT_MOST):
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "original", place)
        was_killed = killed_before(step, str(place), action, subject)
        seen.append(_is_done(place, action, before, after))
        change(str(place), action, subject) if not seen[-1] else None  # whatever was left behind is in nobody's way
        assert _is_done(place, action, before, after)
        if not was_killed:
            break
    assert not was_killed
    assert seen == sorted(seen)  # one operation makes the difference
    assert len(seen) >= {"add": 15, "promote": 8, "rollback": 8}[action]
    assert not seen[0]
    assert seen[-2] or action == "rollback"


def _is_done(place: Path, action: str, before: str, after: str) -> bool:
    """Whether the change holds; everything that can be seen of the store is sound either way."""
    store = ModelStore(place)
    versions = {stored.description.version for stored in store.packages()}
    for stored in store.packages():
        load_package(place / stored.reference)
    champion = store.find("champion").description.version
    history = store.history()
    assert {"1", "2", "3"} <= versions
    assert champion in (before, after)
    assert history[0].champion.reference.endswith(f"/{champion}")
    assert [c.revision for c in history] == list(range(len(history), 0, -1))
    return "4" in versions if action == "add" else champion == after
