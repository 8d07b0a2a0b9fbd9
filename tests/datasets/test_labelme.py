"""LabelMe's JSON files, one beside each photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets import label_paths
from datasets.formats import labelme
from tests.datasets.labels_of import boxes_of, only, read_all
from tests.photos import encode, scene


def shape(kind: str | None, *points: tuple[float, float], label: str = "bin") -> dict[str, Any]:
    return {"label": label, "points": [list(p) for p in points], "group_id": None, "shape_type": kind, "flags": {}}


RECTANGLE = shape("rectangle", (20, 10), (60, 80))


def content(*shapes: Any, **changes: Any) -> dict[str, Any]:
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes) or [RECTANGLE],
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": 100,
        "imageWidth": 200,
        **changes,
    }


def put(folder: Path, value: Any, path: str = "a.json", encoding: str = "utf-8") -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode(encoding))


def test_a_file_of_the_tool(tmp_path: Path) -> None:
    put(tmp_path, content(flags={"雨天": True, "garbage": False, "remark": "text"}, imageData="A" * 1_000_000))
    photo = only(labelme, tmp_path)
    assert (photo.name, photo.size_wh, photo.file) == ("a.jpg", (200, 100), "a.json")
    assert boxes_of(photo) == [("bin", (0.1, 0.1, 0.3, 0.8))]
    assert photo.boxes[0].where == "shapes[0]"
    assert photo.present == {"雨天"}
    assert photo.absent == {"garbage"}
    assert photo.exhaustive is None


@pytest.mark.parametrize(
    ("drawn", "expected", "is_reduced"),
    [
        (shape("rectangle", (60, 80), (20, 10)), (0.1, 0.1, 0.3, 0.8), False),  # drawn from the lower right
        (shape("rectangle", (20, 10), (60, 10), (60, 80), (20, 80)), (0.1, 0.1, 0.3, 0.8), False),
        (shape("rectangle", (-20, 10), (260, 80)), (-0.1, 0.1, 1.3, 0.8), False),
        (shape("polygon", (20, 10), (60, 10), (40, 80)), (0.1, 0.1, 0.3, 0.8), True),
        (
            shape(None, (20, 10), (60, 10), (40, 80)),
            (0.1, 0.1, 0.3, 0.8),
            True,
        ),  # an old file
        (shape("linestrip", (20, 80), (60, 10)), (0.1, 0.1, 0.3, 0.8), True),
        (shape("circle", (100, 50), (130, 90)), (0.25, 0.0, 0.75, 1.0), True),
        (shape("mask", (20, 10), (60, 80)), (0.1, 0.1, 0.3, 0.8), True),
    ],
)
def test_shapes(
    tmp_path: Path, drawn: dict[str, Any], expected: tuple[float, float, float, float], is_reduced: bool
) -> None:
    put(tmp_path, content(drawn))
    photos, faults = read_all(labelme, tmp_path)
    assert boxes_of(photos[0]) == [("bin", expected)]
    assert [fault.code for fault in faults] == ["shape-reduced"] * is_reduced


@pytest.mark.parametrize(
    ("path", "stated", "name"),
    [
        ("a.json", "a.jpg", "a.jpg"),
        ("day1/a.json", "a.jpg", "day1/a.jpg"),
        ("labels/a.json", "..\\images\\a.jpg", "images/a.jpg"),
        ("a.json", "C:\\photos\\a.jpg", "C:/photos/a.jpg"),
        ("a.json", "../a.jpg", "../a.jpg"),  # refused where photos are looked up
        ("街 1.json", "", "街 1"),
    ],
)
def test_names(tmp_path: Path, path: str, stated: str, name: str) -> None:
    put(tmp_path, content(imagePath=stated), path)
    assert only(labelme, tmp_path).name == name


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig", "utf-16"])
def test_chinese_class_names_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    put(tmp_path, content(RECTANGLE | {"label": "飞线"}), encoding=encoding)
    photos, _ = read_all(labelme, tmp_path)
    assert [box.label for box in photos[0].boxes] == ["飞线"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shape("cuboid", (1, 2), (3, 4)), "'cuboid'"),
        (shape("rectangle"), "no points"),
        (shape("rectangle", (1, 2), label=" "), "no label"),
        (RECTANGLE | {"points": "x"}, "no points"),
        (RECTANGLE | {"points": [[1, "x"]]}, "not a point: [1, 'x']"),
        (RECTANGLE | {"points": [[1, 2, 3]]}, "not a point: [1, 2, 3]"),
        (RECTANGLE | {"points": [[1, float("inf")]]}, "not a point"),
        (shape("circle", (1, 2)), "a point on it"),
        ("shape", "no label"),
    ],
)
def test_an_unusable_shape_costs_only_itself(tmp_path: Path, wrong: Any, message: str) -> None:
    put(tmp_path, content(wrong, RECTANGLE))
    photos, faults = read_all(labelme, tmp_path)
    assert [box.label for box in photos[0].boxes] == ["bin"]
    assert [(fault.severity, fault.file, fault.where) for fault in faults] == [("error", "a.json", "shapes[0]")]
    assert message in faults[0].message


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ('{"flags": {},\n "shapes": [],\n "imagePath": }', "json-broken", "3"),
        ("", "json-broken", "1"),
        (json.dumps(content(imageHeight=None)), "size-missing", "imageWidth"),
        (json.dumps(content(imageWidth="x")), "size-missing", "imageWidth"),
    ],
)
def test_an_unusable_file_costs_only_itself(tmp_path: Path, text: str, code: str, where: str) -> None:
    put(tmp_path, content(imagePath="b.jpg"), "b.json")
    put(tmp_path, text, "c.json")
    photos, faults = read_all(labelme, tmp_path)
    assert [photo.name for photo in photos] == ["b.jpg"]
    assert [(fault.code, fault.file, fault.where) for fault in faults] == [(code, "c.json", where)]


def test_odd_values_of_our_own_key_do_no_harm(tmp_path: Path) -> None:
    put(tmp_path, content(street_patrol={"exhaustive": 5, "unsure": ["bin"], "flags": None, "group": 7}))
    photo = only(labelme, tmp_path)
    assert (photo.exhaustive, photo.group) == (None, "7")
    assert photo.unsure == {"bin"}


def test_a_missing_size_is_looked_up_in_the_photo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(scene(100, 200), "jpeg", orientation=8))
    put(tmp_path, content(imageHeight=None, imageWidth=None))
    assert only(labelme, tmp_path).size_wh == (100, 200)


def test_other_json_files_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, {"licence": "CC0"}, "SOURCE.json")
    put(tmp_path, [1, 2], "list.json")
    assert not labelme.recognises(tmp_path)
    put(tmp_path, content())
    assert only(labelme, tmp_path).name == "a.jpg"


def test_a_file_too_large_for_one_photo_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, content())
    monkeypatch.setattr(label_paths, "MAX_BYTES", 100)
    photos, faults = read_all(labelme, tmp_path)
    assert not photos
    assert [fault.code for fault in faults] == ["file-too-large"]
