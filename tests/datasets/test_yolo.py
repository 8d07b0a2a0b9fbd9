"""YOLO label files, laid out in every usual way; every mistake names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.errors import LabelError
from datasets.formats import detect, yolo
from tests.datasets.labels_in import put_photos, read_all

LINE = "0 0.5 0.5 0.2 0.4\n"


def put(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize(
    ("files", "photos", "expected"),
    [
        ({"data.yaml": "names: [bin]", "labels/a.txt": LINE}, ["images/a.jpg"], ["a.jpg"]),
        ({"data.yaml": "names: {0: bin}", "labels/x/a.txt": LINE}, ["images/x/a.PNG"], ["x/a.PNG"]),
        ({"data.yaml": "names: [bin]", "train/labels/a.txt": LINE}, ["train/images/a.jpg"], ["train/images/a.jpg"]),
        ({"classes.txt": "bin\n", "a.txt": LINE}, ["a.jpg"], ["a.jpg"]),
        ({"labels/classes.txt": "bin\n", "labels/a.txt": LINE}, ["labels/a.jpg"], ["labels/a.jpg"]),
        (
            {"data.yaml": "names: [bin]\ntrain: list.txt", "list.txt": "./images/a.b.jpg\n", "labels/a.b.txt": LINE},
            [],
            ["a.b.jpg"],
        ),
        (
            {"data.yaml": "names: [bin]\ntrain: [l.txt]", "l.txt": "D:\\x\\images\\u\\a.jpg\n", "labels/u/a.txt": LINE},
            [],
            ["u/a.jpg"],
        ),
        ({"data.yaml": "names: [bin]", "labels/a_jpg.rf.0.txt": LINE}, ["images/a_jpg.rf.0.jpg"], ["a_jpg.rf.0.jpg"]),
    ],
)
def test_every_usual_layout(tmp_path: Path, files: dict[str, str], photos: list[str], expected: list[str]) -> None:
    put_photos(tmp_path, photos)
    assert yolo in detect(put(tmp_path, files))
    read, faults = read_all(yolo, tmp_path)
    assert [photo.name for photo in read] == expected
    assert not faults
    assert [b.label for b in read[0].boxes] == ["bin"]
    assert read[0].boxes[0].xyxy == pytest.approx((0.4, 0.3, 0.6, 0.7))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0 0.5 0.5 0.2", "expected `class cx cy w h` or a polygon, got 4 values"),
        ("5 0.5 0.5 0.2 0.2", "the first value must be a class in 0..0, but is '5'"),
        ("bin 0.5 0.5 0.2 0.2", "but is 'bin'"),
        ("0 a b c d", "not a number"),
        ("0 nan 0.5 0.2 0.2", "not a finite number"),
        ("0 0.5 0.5 0.2 0.2 0.93", "6 values are a prediction"),
    ],
)
def test_a_broken_line_costs_itself_and_what_its_photo_seems_not_to_show(
    tmp_path: Path, line: str, problem: str
) -> None:
    put(tmp_path, {"data.yaml": "names: [bin]", "labels/a.txt": f"{LINE}\n{line}\n", "labels/b.txt": ""})
    (first, second), (fault,) = read_all(yolo, tmp_path)
    assert problem in fault.message
    assert (fault.file, fault.where, fault.severity) == ("labels/a.txt", "3", "error")
    assert len(first.boxes) == 1
    assert first.exhaustive == frozenset()
    assert second.exhaustive is None


def test_shapes_become_boxes_with_one_note(tmp_path: Path) -> None:
    polygon = "0 0.1 0.2 0.5 0.1 0.3 0.6\n"
    put(tmp_path, {"data.yaml": "names: [bin]", "labels/a.txt": polygon * 2, "labels/b.txt": polygon})
    read, (fault,) = read_all(yolo, tmp_path)
    assert read[0].boxes[0].xyxy == (0.1, 0.1, 0.5, 0.6)
    assert (fault.code, fault.severity, fault.file, fault.where) == ("polygon-reduced", "note", "labels/a.txt", "1")
    assert "3 shapes" in fault.message


def test_keypoints_are_left_aside(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.2 0.4 0.1 0.1 2\n"
    put(tmp_path, {"data.yaml": "names: [bin]\nkpt_shape: [1, 3]", "labels/a.txt": line})
    (photo,), faults = read_all(yolo, tmp_path)
    assert photo.boxes[0].xyxy == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert not faults


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"labels/a.txt": LINE}, r"data\.yaml:names: .*nothing names their classes"),
        ({"labels/a.txt": LINE, "data.yaml": "names: 3"}, r"data\.yaml:names: expected a list of class names"),
        ({"labels/a.txt": LINE, "data.yaml": "names: [a"}, r"data\.yaml:\d+: not valid YAML"),
        ({"labels_x/a.txt": LINE, "data.yaml": "names: [a]"}, r"data\.yaml:x_names: no class names for labels_x/"),
    ],
)
def test_without_class_names_nothing_is_guessed(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    assert yolo in detect(put(tmp_path, files))
    with pytest.raises(LabelError, match=problem):
        read_all(yolo, tmp_path)


def test_two_label_sets_have_names_of_their_own(tmp_path: Path) -> None:
    settings = "names: [bin]\nawning_names: [canopy]"
    put(tmp_path, {"data.yaml": settings, "labels/a.txt": LINE, "labels_awning/a.txt": LINE})
    read, _ = read_all(yolo, tmp_path)
    assert [(photo.file, photo.boxes[0].label) for photo in read] == [
        ("labels/a.txt", "bin"),
        ("labels_awning/a.txt", "canopy"),
    ]


def test_gbk_class_names(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": "names: [垃圾桶, 垃圾满溢]"}, "gbk")
    put(tmp_path, {"labels/照片.txt": "1 0.5 0.5 0.2 0.4\n"})
    (photo,), (fault,) = read_all(yolo, tmp_path)
    assert (photo.name, photo.boxes[0].label) == ("照片", "垃圾满溢")
    assert fault.code == "not-utf8"


def test_unlisted_label_files_are_counted(tmp_path: Path) -> None:
    files = {
        "data.yaml": "names: [bin]\ntrain: l.txt",
        "l.txt": "images/a.jpg\n",
        "labels/a.txt": "",
        "labels/b.txt": "",
    }
    read, (fault,) = read_all(yolo, put(tmp_path, files))
    assert [photo.name for photo in read] == ["a.jpg"]
    assert fault.code == "not-listed"
