"""Label files in, labelled photos out; every mistake names its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.errors import LabelError
from datasets.label_files import clipped_box, read_coco, read_tags, read_yolo, yolo_names
from datasets.labels import Box, LabelledPhoto


def as_is(_: Path, name: str) -> str | None:
    return None if name == "ignored" else name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / "images" / name).touch()
    return tmp_path


def coco(**changes: Any) -> dict[str, Any]:
    return {
        "categories": [{"id": 7, "name": "bin"}, {"id": 3, "name": "ignored"}],
        "images": [
            {
                "id": 1,
                "file_name": "a.jpg",
                "width": 200,
                "height": 100,
                "exhaustive_for": ["bin", "road"],
                "unsure": ["road"],
                "flags": ["night"],
            },
            {"id": 2, "file_name": "b.jpg", "width": 50, "height": 50},
        ],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [20, 10, 40, 50]},
            {"image_id": 1, "category_id": 3, "bbox": [0, 0, 10, 10]},
            {"image_id": 1, "category_id": 7, "bbox": [190, 90, 40, 50]},
            {"image_id": 1, "category_id": 7, "bbox": [300, 90, 40, 50]},
        ],
        **changes,
    }


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_coco(folder: Path) -> None:
    photos = read_coco(write(folder / "x.json", coco()), folder / "images", "src", as_is)
    assert photos["a.jpg"] == LabelledPhoto(
        "src",
        folder / "images" / "a.jpg",
        (Box("bin", (0.1, 0.1, 0.3, 0.6)), Box("bin", (0.95, 0.9, 1.0, 1.0))),
        frozenset({"bin"}),  # road: somebody hesitated
        flags=frozenset({"night"}),
    )
    assert photos["b.jpg"].boxes == ()
    assert photos["b.jpg"].exhaustive_for == frozenset()


def test_coco_mistakes_name_their_place(folder: Path) -> None:
    orphan = coco(annotations=[{"image_id": 9, "category_id": 7, "bbox": [0, 0, 1, 1]}])
    with pytest.raises(LabelError, match=r"x\.json:annotations\[0\]: image_id 9 is not in images"):
        read_coco(write(folder / "x.json", orphan), folder, "src", as_is)
    (folder / "y.json").write_text("{", encoding="utf-8")
    with pytest.raises(LabelError, match=r"y\.json: not valid JSON"):
        read_coco(folder / "y.json", folder, "src", as_is)


def test_yolo(folder: Path) -> None:
    (folder / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n\n0 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    (folder / "labels" / "b.txt").touch()
    photos = read_yolo(folder / "labels", folder / "images", "src", ["ignored", "bin"], as_is, ["bin"])
    assert sorted(photos) == ["a.jpg", "b.jpg"]  # c.jpg has no label file: unknown, not empty
    assert [box.category for box in photos["a.jpg"].boxes] == ["bin"]
    assert photos["a.jpg"].boxes[0].xyxy == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert photos["b.jpg"].shows("bin") is False
    assert photos["b.jpg"].shows("road") is None


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.2", "5 0.5 0.5 0.2 0.2", "bin 0.5 0.5 0.2 0.2", "0 a b c d"])
def test_yolo_mistakes_name_file_and_line(folder: Path, line: str) -> None:
    (folder / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=r"a\.txt:2: expected `class cx cy w h` with a class below 1, but got"):
        read_yolo(folder / "labels", folder / "images", "src", ["bin"], as_is, [])


@pytest.mark.parametrize(("text", "expected"), [("names: [a, b]", ["a", "b"]), ("names: {1: b, 0: a}", ["a", "b"])])
def test_yolo_names(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert yolo_names(tmp_path / "data.yaml") == expected
    with pytest.raises(LabelError, match=r"data\.yaml:other: expected a list"):
        yolo_names(tmp_path / "data.yaml", "other")


def test_tags(folder: Path) -> None:
    (folder / "tags.csv").write_text("file,dirty,who\na.jpg,1,x\nb.jpg,0,y\n", encoding="utf-8-sig")
    photos = read_tags(folder / "tags.csv", folder / "images", "src", {"dirty": "small_ads"})
    assert photos["a.jpg"].shows("small_ads") is True
    assert photos["b.jpg"].shows("small_ads") is False
    assert photos["a.jpg"].shows("bin") is None
    (folder / "tags.csv").write_text("file,dirty\na.jpg,yes\n", encoding="utf-8")
    with pytest.raises(LabelError, match=r"tags\.csv:2: column 'dirty' must be 0 or 1, but got 'yes'"):
        read_tags(folder / "tags.csv", folder / "images", "src", {"dirty": "small_ads"})


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((-0.1, -0.1, 0.5, 0.5), (0.0, 0.0, 0.5, 0.5)),
        ((0.5, 0.5, 1.5, 1.2), (0.5, 0.5, 1.0, 1.0)),
        ((1.1, 0.5, 1.5, 1.2), None),
        ((0.5, 0.5, 0.5, 0.9), None),
    ],
)
def test_boxes_are_cut_to_the_photo(
    corners: tuple[float, float, float, float], expected: tuple[float, float, float, float] | None
) -> None:
    box = clipped_box("bin", *corners)
    assert (None if box is None else box.xyxy) == expected


@pytest.mark.parametrize("corners", [(0.5, 0.1, 0.4, 0.9), (-0.1, 0, 1, 1), (0, 0, 1, 1.01)])
def test_a_box_outside_the_photo_is_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must satisfy"):
        Box("bin", corners)


def test_label_sets_of_one_photo_are_merged(tmp_path: Path) -> None:
    make: Callable[..., LabelledPhoto] = lambda c: LabelledPhoto(  # noqa: E731
        "src", tmp_path, (Box(c, (0, 0, 1, 1)),), frozenset({c}), flags=frozenset({c})
    )
    merged = make("bin").merged(make("road"))
    assert {box.category for box in merged.boxes} == merged.exhaustive_for == merged.flags == {"bin", "road"}
