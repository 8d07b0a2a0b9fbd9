"""Label Studio's exports: JSON, JSON-MIN, one file a task, several labellers, skipped tasks."""

from __future__ import annotations

import json
import tracemalloc
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import parse

from datasets.formats import label_studio
from datasets.formats.label_studio_url import local_url, photo_name
from datasets.raw import RawBox, RawPhoto
from tests.datasets.labels_of import boxes_of, only, read_all

VALUE: dict[str, Any] = {"x": 10, "y": 10, "width": 20, "height": 70, "rotation": 0, "rectanglelabels": ["垃圾满溢"]}


def region(kind: str = "rectanglelabels", **value: Any) -> dict[str, Any]:
    return {
        "id": "Dx_aB91ISN",
        "type": kind,
        "from_name": "label",
        "to_name": "image",
        "original_width": 200,
        "original_height": 100,
        "image_rotation": 0,
        "value": value or VALUE,
    }


def choices(control: str, *names: str, **value: Any) -> dict[str, Any]:
    return {"type": "choices", "from_name": control, "to_name": "image", "value": {"choices": list(names), **value}}


def annotation(*results: Any, **changes: Any) -> dict[str, Any]:
    return {"id": 7, "was_cancelled": False, "ground_truth": False, "result": list(results), **changes}


def task(*annotations: Any, image: str = "/data/upload/1/0123abcd-a.jpg", **changes: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations), "predictions": [], **changes}


def put(folder: Path, value: Any, path: str = "export.json", encoding: str = "utf-8") -> None:
    (folder / path).write_bytes(json.dumps(value, ensure_ascii=False).encode(encoding))


def test_an_export(tmp_path: Path) -> None:
    tags = [choices("shown", "雨棚"), choices("absent", "bin", "stall"), choices("exhaustive", "垃圾满溢")]
    put(tmp_path, [task(annotation(region(), *tags, {"type": "textarea", "value": {"text": ["?"]}}))])
    photo = only(label_studio, tmp_path)
    assert (photo.name, photo.size_wh, photo.file, photo.where) == ("a.jpg", (200, 100), "export.json", "[0]")
    assert boxes_of(photo) == [("垃圾满溢", (0.1, 0.1, 0.3, 0.8))]
    assert photo.boxes[0].where == "[0].result[0]"
    assert photo.present == {"雨棚"}
    assert photo.absent == {"bin", "stall"}
    assert photo.exhaustive == frozenset({"垃圾满溢"})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (region(), (0.1, 0.1, 0.3, 0.8)),
        (region() | {"image_rotation": 90}, (0.1, 0.1, 0.3, 0.8)),  # how the labeller looked at it, no more
        (region(x=-10, y=10, width=140, height=70, rectanglelabels=["s"]), (-0.1, 0.1, 1.3, 0.8)),  # out of range: kept
        (region(x="10", y="10", width="20", height="70", rectanglelabels=["s"]), (0.1, 0.1, 0.3, 0.8)),
        # 40 x 20 pixels at (100, 10), turned a quarter about its upper left corner: 20 x 40 to the left of it
        (region(x=50, y=10, width=20, height=20, rotation=90, rectanglelabels=["s"]), (0.4, 0.1, 0.5, 0.5)),
        (region("polygonlabels", points=[[10, 10], [30, 10], [20, 80]], polygonlabels=["s"]), (0.1, 0.1, 0.3, 0.8)),
        (region("ellipselabels", x=20, y=45, radiusX=10, radiusY=35, ellipselabels=["s"]), (0.1, 0.1, 0.3, 0.8)),
        (region("labels", x=10, y=10, width=20, height=70, labels=["s"]), (0.1, 0.1, 0.3, 0.8)),
    ],
)
def test_regions(tmp_path: Path, result: dict[str, Any], expected: tuple[float, float, float, float]) -> None:
    put(tmp_path, [task(annotation(result))])
    assert [corners for _, corners in boxes_of(only(label_studio, tmp_path))] == [expected]


@pytest.mark.parametrize(
    ("result", "code", "message"),
    [
        (region("brushlabels", format="rle", rle=[1], brushlabels=["s"]), "shape-unknown", "'brushlabels'"),
        (region("keypointlabels", x=1, y=1, width=1, keypointlabels=["s"]), "shape-unknown", "'keypointlabels'"),
        (region(**{**VALUE, "rectanglelabels": []}), "box-broken", "no label"),
        (region(**{**VALUE, "x": "left"}), "box-broken", "x is not a number: 'left'"),
        (region("polygonlabels", points=[], polygonlabels=["s"]), "box-broken", "no points"),
        (region("polygonlabels", points=[[1]], polygonlabels=["s"]), "box-broken", "not a point: [1]"),
        (region() | {"value": None}, "box-broken", "no value"),
        ({"type": "rectanglelabels", "value": {**VALUE, "rotation": 5}}, "box-broken", "needs original_width"),
        (region() | {"type": ["rectanglelabels"]}, "box-broken", "no label"),
    ],
)
def test_an_unusable_region_costs_only_itself(tmp_path: Path, result: Any, code: str, message: str) -> None:
    put(tmp_path, [task(annotation(result, region()))])
    photos, faults = read_all(label_studio, tmp_path)
    assert [box.label for box in photos[0].boxes] == ["垃圾满溢"]
    assert [(fault.code, fault.name, fault.where) for fault in faults] == [(code, "a.jpg", "[0].result[0]")]
    assert message in faults[0].message


def test_choices_about_a_region_say_nothing_about_the_photo(tmp_path: Path) -> None:
    put(tmp_path, [task(annotation(region(), choices("severity", "hazard", x=10, y=10, width=20, height=70)))])
    assert not only(label_studio, tmp_path).present


@pytest.mark.parametrize(
    ("unlabelled", "reason"),
    [
        (task(), "task-unlabelled"),
        (task(annotation(was_cancelled=True)), "task-unlabelled"),
        (task(predictions=[annotation(region())]), "task-unlabelled"),
        (task(annotation(), image="data:image/png;base64,AAAA"), "name-missing"),
        (task(annotation(), image=""), "name-missing"),
        ({"id": 2, "data": ["x"], "annotations": []}, "name-missing"),
        ("text", "name-missing"),
    ],
)
def test_unlabelled_is_not_empty(tmp_path: Path, unlabelled: Any, reason: str) -> None:
    put(tmp_path, [task(annotation(), image="images/empty.jpg"), unlabelled])
    photos, faults = read_all(label_studio, tmp_path)
    assert [(photo.name, photo.boxes) for photo in photos] == [("images/empty.jpg", ())]
    assert [(fault.code, fault.where) for fault in faults] == [(reason, "[1]")]


def by(stamp: str, *labels: str, **changes: Any) -> dict[str, Any]:
    return annotation(*(region(**{**VALUE, "rectanglelabels": [name]}) for name in labels), updated_at=stamp, **changes)


@pytest.mark.parametrize(
    ("annotations", "taken", "disagree"),
    [
        ((by("2026-01-02", "new"), by("2026-01-01", "old")), ["new"], "1 of 1"),
        ((by("2026-01-02", "new"), by("2026-01-01", "old", ground_truth=True)), ["old"], "1 of 1"),
        ((by("2026-01-01", "same"), by("2026-01-02", "same")), ["same"], None),
        ((by("2026-01-01", "a", "b"), by("2026-01-02", "b", "a")), ["b", "a"], None),
        ((by("2026-01-03", "x", was_cancelled=True), by("2026-01-01", "old")), ["old"], None),
        ((by("2026-01-01", "a"), by("2026-01-02", "a"), by("2026-01-03", "b")), ["b"], "2 of 2"),
    ],
)
def test_several_labellers(tmp_path: Path, annotations: Any, taken: list[str], disagree: str | None) -> None:
    put(tmp_path, [task(*annotations)])
    photos, faults = read_all(label_studio, tmp_path)
    assert [box.label for box in photos[0].boxes] == taken
    assert [fault.code for fault in faults] == ["annotators-disagree"] * (disagree is not None)
    assert disagree is None or disagree in faults[0].message


def test_boxes_in_other_places_are_a_disagreement(tmp_path: Path) -> None:
    moved = region(**{**VALUE, "x": 60})
    put(tmp_path, [task(annotation(region(), updated_at="1"), annotation(moved, updated_at="2"))])
    assert [fault.code for fault in read_all(label_studio, tmp_path)[1]] == ["annotators-disagree"]


def row(number: int, annotation_id: int | None, **results: Any) -> dict[str, Any]:
    return {
        "image": f"s3://bucket/day/{number}.jpg",
        "city": "上海",
        "id": number,
        **results,
        "annotator": 1,
        "annotation_id": annotation_id,
        "created_at": "2026-01-01",
        "updated_at": f"2026-01-0{annotation_id}",
        "lead_time": 3.5,
    }


def test_json_min(tmp_path: Path) -> None:
    box = {**VALUE, "original_width": 200, "original_height": 100}
    rows = [
        row(1, 1, label=[box], shown="雨棚"),
        row(2, 2, label=[{**box, "rectanglelabels": ["old"]}]),
        row(2, 3, label=[{**box, "rectanglelabels": ["new"]}], absent={"choices": ["bin", "stall"]}),
        row(3, None),
    ]
    put(tmp_path, rows)
    photos, faults = read_all(label_studio, tmp_path)
    assert [photo.name for photo in photos] == ["day/1.jpg", "day/2.jpg"]
    assert (photos[0].present, photos[0].size_wh) == (frozenset({"雨棚"}), (200, 100))
    assert boxes_of(photos[1]) == [("new", (0.1, 0.1, 0.3, 0.8))]
    assert photos[1].absent == {"bin", "stall"}
    assert [fault.code for fault in faults] == ["annotators-disagree", "task-unlabelled"]


def test_files_of_one_task_and_of_one_annotation(tmp_path: Path) -> None:
    put(tmp_path, task(annotation(region()), image="a.jpg"), "1.json")
    put(tmp_path, {"completions": [annotation(region())], "data": {"img": "b.jpg"}, "id": 2}, "2.json")  # before 1.0
    put(tmp_path, {**annotation(region()), "task": {"id": 3, "data": {"image": "c.jpg"}}}, "3.json")
    assert [photo.name for photo in read_all(label_studio, tmp_path)[0]] == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig", "utf-16"])
def test_chinese_class_names_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    put(tmp_path, [task(annotation(region()))], encoding=encoding)
    photos, _ = read_all(label_studio, tmp_path)
    assert [box.label for box in photos[0].boxes] == ["垃圾满溢"]


def test_a_broken_file_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    text = json.dumps([task(annotation(region()), image=f"{n}.jpg") for n in range(3)])
    (tmp_path / "export.json").write_text(text[: text.rindex("2.jpg")], encoding="utf-8")
    photos, faults = read_all(label_studio, tmp_path)
    assert [photo.name for photo in photos] == ["0.jpg", "1.jpg"]
    assert [(fault.code, fault.file) for fault in faults] == [("json-broken", "export.json")]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/data/local-files/?d=day%201/%E8%A1%97.jpg", "day 1/街.jpg"),
        ("/data/local-files?d=a.jpg", "a.jpg"),
        ("/data/upload/12/0123abcd-a-b.jpg", "a-b.jpg"),
        ("https://label.city.cn/data/upload/12/0123abcd-%E8%A1%97.jpg", "街.jpg"),
        ("/storage-data/uploaded/?filepath=upload/1/0123abcd-a.jpg", "a.jpg"),
        ("s3://bucket/day 1/a%20b.jpg", "day 1/a%20b.jpg"),
        ("gs://bucket/a.jpg", "a.jpg"),
        (f"/tasks/5/resolve/?fileuri={urlsafe_b64encode(b's3://bucket/x/a.jpg').decode()}", "x/a.jpg"),
        ("https://host/photos/a%20b.jpg?sign=1&x=/2.png", "photos/a b.jpg"),
        ("images/a.jpg", "images/a.jpg"),
        ("C:\\photos\\a.jpg", "C:/photos/a.jpg"),
        ("data:image/png;base64,AAAA", ""),
    ],
)
def test_addresses(url: str, name: str) -> None:
    assert photo_name(url) == name


@pytest.mark.parametrize("name", ["a.jpg", "day 1/街+&#%25.jpg"])
def test_our_own_addresses(name: str) -> None:
    assert photo_name(local_url(name)) == name


def test_the_interface_offers_every_class(tmp_path: Path) -> None:
    photo = RawPhoto("a.jpg", (RawBox("飞线/杂乱", (0, 0, 1, 1)),), present=frozenset({"bin"}), flags=frozenset({"雨"}))
    label_studio.write([photo], tmp_path)
    view = parse(tmp_path / "label_config.xml").getroot()
    assert [label.get("value") for label in view.iter("Label")] == ["飞线/杂乱", "bin"]
    offered = {control.get("name"): [each.get("value") for each in control] for control in view.iter("Choices")}
    assert offered["exhaustive"] == ["飞线/杂乱", "bin"]
    assert offered["flags"] == ["雨"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(tasks: int) -> int:
        fat = task(annotation(region()), image="a.jpg")
        fat["data"]["remark"] = "长" * 20_000
        put(tmp_path, [fat] * tasks)
        tracemalloc.start()
        try:
            assert sum(1 for _ in label_studio.read(tmp_path, print)) == tasks
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(400) < 1.2 * peak(100)  # 24 and 6 megabytes of JSON


def test_no_photos_at_all(tmp_path: Path) -> None:
    label_studio.write([], tmp_path)
    assert json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8")) == []
