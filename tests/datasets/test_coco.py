"""COCO files: what they say, what is wrong with them, and how little memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datasets.formats import coco, detect
from datasets.raw import RawBox, RawPhoto
from tests.datasets.labels_in import box, image, put_coco, read_all

ROOT = Path(__file__).resolve().parents[2]


def test_everything_a_file_says(tmp_path: Path) -> None:
    said = {"exhaustive_for": ["bin"], "unsure": ["road"], "flags": ["night"], "present": ["sign"], "absent": ["pole"]}
    put_coco(tmp_path / "x.json", [image(7, "一.jpg", **said), image(8, "b.jpg")], [box(7, 1)], ["road", "bin"])
    assert detect(tmp_path) == [coco]
    (first, second), faults = read_all(coco, tmp_path)
    assert not faults
    assert first == RawPhoto(
        "一.jpg",
        (RawBox("bin", (8 / 64, 8 / 48, 24 / 64, 24 / 48), "annotations[0]"),),
        (64, 48),
        exhaustive=frozenset({"bin"}),
        present=frozenset({"sign"}),
        absent=frozenset({"pole"}),
        unsure=frozenset({"road"}),
        flags=frozenset({"night"}),
        file="x.json",
        where="images[0]",
    )
    assert second.boxes == ()
    assert second.exhaustive is None  # the file does not say


@pytest.mark.parametrize(
    ("annotation", "code", "problem"),
    [
        ({"image_id": 9, "category_id": 0, "bbox": [0, 0, 1, 1]}, "photo-missing", "image_id 9"),
        ({"image_id": 1, "category_id": 5, "bbox": [0, 0, 1, 1]}, "box-broken", "category_id 5 is not in categories"),
        ({"image_id": 1, "category_id": 0, "bbox": [0, 0, 1]}, "box-broken", "must be [x, y, width, height]"),
        ({"image_id": 1, "category_id": 0, "bbox": [0, 0, "w", 1]}, "box-broken", "could not convert"),
        ({"image_id": 1, "category_id": 0}, "box-broken", "bbox must be"),
        ({"image_id": 1, "bbox": [0, 0, 1, 1]}, "box-broken", "'category_id'"),
        (["no", "map"], "box-broken", ""),
    ],
)
def test_a_broken_annotation_is_named_and_the_rest_read(
    tmp_path: Path, annotation: Any, code: str, problem: str
) -> None:
    put_coco(tmp_path / "x.json", [image(1, "a.jpg", exhaustive_for=["bin"])], [annotation, box(1)], ["bin"])
    (photo,), (fault,) = read_all(coco, tmp_path)
    assert (fault.code, fault.file, fault.where) == (code, "x.json", "annotations[0]")
    assert problem in fault.message
    assert len(photo.boxes) == 1
    its_own = isinstance(annotation, dict) and annotation["image_id"] == 1
    assert photo.exhaustive == frozenset(() if its_own else ("bin",))  # a lost box makes silence no evidence


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"id": 1}, "photo-broken"),
        ({"file_name": "a.jpg"}, "photo-broken"),
        ({"id": 1, "file_name": "a.jpg"}, "size-missing"),
        ({"id": 1, "file_name": "a.jpg", "width": 0, "height": 5}, "size-missing"),
    ],
)
def test_a_broken_image(tmp_path: Path, entry: dict[str, Any], code: str) -> None:
    put_coco(tmp_path / "x.json", [entry, image(2, "b.jpg")], [box(1), box(2)], ["bin"])
    read, faults = read_all(coco, tmp_path)
    assert faults[0].code == code
    assert faults[0].where == "images[0]"
    assert [len(photo.boxes) for photo in read if photo.name == "b.jpg"] == [1]
    assert all(photo.exhaustive == frozenset() for photo in read if photo.name == "a.jpg")


def test_polygons_crowds_and_repeated_ids(tmp_path: Path) -> None:
    polygon = {"image_id": 1, "category_id": 0, "segmentation": [[8, 8, 24, 8, 24, 24]]}
    crowd = {"image_id": 1, "category_id": 1, "iscrowd": 1, "segmentation": {"counts": "x", "size": [1, 1]}}
    images = [image(1, "a.jpg", exhaustive_for=["bin", "bike"]), image(1, "b.jpg")]
    put_coco(tmp_path / "x.json", images, [polygon, crowd], ["bin", "bike"])
    (photo,), (fault,) = read_all(coco, tmp_path)
    assert photo.boxes[0].xyxy == (8 / 64, 8 / 48, 24 / 64, 24 / 48)
    assert photo.present == {"bike"}
    assert photo.exhaustive == frozenset({"bin"})  # bikes are there, but not each one boxed
    assert (fault.code, fault.name) == ("photo-broken", "b.jpg")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_cut_file_gives_what_stands_before_the_cut(tmp_path: Path, keep: float) -> None:
    images = [image(n, f"{n}.jpg", exhaustive_for=["bin"]) for n in range(50)]
    whole = json.dumps(
        {"categories": [{"id": 0, "name": "bin"}], "images": images, "annotations": [box(n) for n in range(50)]}
    )
    cut = int(len(whole) * keep)
    (tmp_path / "x.json").write_text(whole[:cut], encoding="utf-8")
    read, (fault,) = read_all(coco, tmp_path)
    assert (fault.code, fault.file, fault.where) == ("json-broken", "x.json", f"byte {cut}")
    before = whole[:cut]
    assert len(read) == before.count('"exhaustive_for": ["bin"]}')
    assert sum(len(photo.boxes) for photo in read) == before.count('"bbox": [8, 8, 16, 16]}')
    assert all(photo.exhaustive == frozenset() for photo in read)  # boxes after the cut may be theirs


def test_a_mistake_in_the_middle_is_named_to_the_byte(tmp_path: Path) -> None:
    text = json.dumps({"images": [image(n, f"{n}.jpg") for n in range(2000)], "annotations": [], "categories": []})
    at = len(text) // 2 + text[len(text) // 2 :].index("}, {") + 1
    (tmp_path / "x.json").write_text(text[:at] + "?" + text[at:], encoding="utf-8")
    read, (fault,) = read_all(coco, tmp_path)
    assert len(read) == text[:at].count("file_name")
    assert fault.where == f"byte {at + 1}"


def test_gbk_file_and_class_names(tmp_path: Path) -> None:
    document = {
        "images": [image(1, "街道.jpg")],
        "annotations": [box(1)],
        "categories": [{"id": 0, "name": "垃圾满溢"}],
    }
    (tmp_path / "x.json").write_bytes(json.dumps(document, ensure_ascii=False).encode("gbk"))
    (photo,), (fault,) = read_all(coco, tmp_path)
    assert (photo.name, photo.boxes[0].label) == ("街道.jpg", "垃圾满溢")
    assert (fault.code, fault.severity, fault.file) == ("not-utf8", "note", "x.json")


@pytest.mark.parametrize("text", ['{"images": 3}', "[1, 2]", '{"a": {"images": {}}}', "no json", ""])
def test_other_json_is_not_taken_for_coco(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    assert not coco.recognises(tmp_path)


READ = """
import resource, sys
from pathlib import Path
from datasets.formats import coco
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(len(photo.boxes) for photo in coco.read(folder, lambda fault: None))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_flat_on_a_large_file(tmp_path: Path) -> None:
    small, large = (_memory_of_reading(tmp_path / str(n), n) for n in (20_000, 200_000))
    assert large - small < 12 * 1024


def _memory_of_reading(folder: Path, annotations: int) -> int:
    """KiB that a process grows by when it reads a file of so many boxes, about 150 bytes each."""
    folder.mkdir()
    segmentation = [[float(n) for n in range(16)]]
    with (folder / "x.json").open("w", encoding="utf-8") as file:
        file.write('{"annotations": [')
        for number in range(annotations):
            entry = {"id": number, "segmentation": segmentation, "area": 1.0, **box(number % 100)}
            file.write(("," if number else "") + json.dumps(entry))
        images = [image(n, f"{n}.jpg") for n in range(100)]
        file.write(f'], "images": {json.dumps(images)}, "categories": [{{"id": 0, "name": "bin"}}]}}')
    command = [sys.executable, "-c", READ, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == annotations
    return grown
