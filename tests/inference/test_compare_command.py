"""`patrol compare` from the outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from inference import plugins
from inference.cli import app
from tests import photos
from tests.shared import shared

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005


def compare(*arguments: object, exit_code: int = 0) -> str:
    done = RUNNER.invoke(app, ["compare", *map(str, arguments)])
    assert done.exit_code == exit_code, done.output
    return done.output


def document(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compare(*arguments, "--json"))
    return found


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.jpg"
    path.write_bytes(photos.encode(photos.scene(), "jpeg"))
    return path


def test_a_pair_of_real_photos_of_one_place() -> None:
    folder = shared("data", "amsterdam-patrol")
    pair = json.loads((folder / "pairs.json").read_text("utf-8"))[0]
    names = [folder / "images" / pair[side] for side in ("before", "after")]
    found = document(*names)
    assert found["same_place"]["by"] == "view"
    assert found["collage"] is None
    assert {change["verdict"] for change in found["changes"]} <= {"still", "gone", "cannot_tell"}
    assert all(change["reason_zh"] for change in found["changes"])
    table = compare(*names)
    assert "画面吻合" in table
    assert found["changes"][0]["verdict_zh"] in table


def test_a_real_collage_is_cut_and_can_be_turned_round() -> None:
    source = shared("data", "gbs111-cn")
    images = json.loads((source / "patrol_labels.coco.json").read_text("utf-8"))["images"]
    validation = set(json.loads((source / "splits.json").read_text("utf-8"))["val"])
    names = [i["file_name"] for i in images if "collage" in i["flags"] and i["file_name"] in validation]
    path = source / "images" / names[1]
    forth, back = document(path, "--same-place"), document(path, "--same-place", "--swap")
    assert forth["collage"] == back["collage"]
    assert forth["collage"]["axis"] == "y"
    assert (forth["before"], forth["after"]) == (back["after"], back["before"])
    assert "--swap" in compare(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.jpg", None, "cannot be read"),
        ("empty.jpg", b"", "0 bytes"),
        ("text.jpg", b"hello", "no known picture"),
    ],
)
def test_what_is_no_photo_is_refused(plain: Path, name: str, content: bytes | None, says: str) -> None:
    path = plain.with_name(name)
    if content is not None:
        path.write_bytes(content)
    assert says in compare(plain, path, exit_code=2)
    assert says in compare(path, exit_code=2)


def test_a_single_picture_is_no_collage(plain: Path) -> None:
    plain.write_bytes(photos.encode(np.full((200, 300, 3), 90, np.uint8), "jpeg"))
    assert "patrol compare BEFORE AFTER" in compare(plain, exit_code=2)


def test_nothing_suggested_is_said(plain: Path) -> None:
    plain.write_bytes(photos.encode(np.full((200, 300, 3), 90, np.uint8), "jpeg"))
    assert "均无建议类别" in compare(plain, plain, "--same-place")
