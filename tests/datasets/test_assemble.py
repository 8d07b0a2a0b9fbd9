"""From what label files state to what the project knows: classes, photos, boxes, sizes, what was searched for."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from datasets.class_map import UnmappedClassesError, parse_class_map
from datasets.errors import LabelError
from tests.datasets.labels_in import SIZE, Store, box, image, photo_bytes, put_coco, put_photos

BIN = {"bin": "waste_bin"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    put_photos(place / "images", ["a.jpg", "b.jpg"])
    return place


def one_photo(folder: Path, name: str, boxes: list[dict[str, Any]] | None = None, **more: Any) -> None:
    put_coco(folder / "x.json", [image(1, name, **more)], [box(1)] if boxes is None else boxes, ["bin", "road"])


def test_an_unmapped_class_stops_the_import_with_every_name(folder: Path, store: Store) -> None:
    names = ["垃圾满溢", "Waste-Bin", "zzz"]
    put_coco(folder / "x.json", [image(1, "a.jpg")], [box(1, 0), box(1, 0), box(1, 1), box(1, 2)], names)
    with pytest.raises(UnmappedClassesError) as caught:
        store.take(folder)
    assert caught.value.counts == {"垃圾满溢": 2, "Waste-Bin": 1, "zzz": 1}
    text = str(caught.value)
    assert "class '垃圾满溢' is not mapped to a category; nearest ids: overflowing_bin" in text  # offered, not applied
    assert "nearest ids: waste_bin" in text
    assert "class 'zzz' is not mapped to a category; no id is like it (1 labels)" in text
    assert not store.labels.sources()


def test_class_maps_add_up_and_null_leaves_out(folder: Path, store: Store) -> None:
    (folder / "SOURCE.json").write_text(json.dumps({"class_map": {"bin": "damaged_road", "road": None}}), "utf-8")
    one_photo(folder, "a.jpg", [box(1, 0), box(1, 1)])
    done = store.take(folder, class_map=BIN)
    assert done.boxes == {"waste_bin": 1}
    assert done.about.class_map == {"bin": "waste_bin", "road": None}


def test_a_class_named_like_a_rollup_is_pointed_out(folder: Path, store: Store) -> None:
    put_coco(folder / "x.json", [image(1, "a.jpg")], [box(1)], ["garbage"])
    store.take(folder)
    (fault,) = [fault for fault in store.faults if fault.code == "class-is-parent"]
    assert "map it to one of overflowing_bin, exposed_garbage, rubble_muck_pile" in fault.message


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["Bin=waste_bin", "x=null", "y="], {"Bin": "waste_bin", "x": None, "y": None}),
        (["a=b=waste_bin"], {"a=b": "waste_bin"}),
        (["map.yaml"], {"垃圾桶": "waste_bin", "x": None}),
        (["map.json"], {"垃圾桶": "waste_bin"}),
    ],
)
def test_ways_to_state_a_map(
    entries: list[str], expected: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("map.yaml").write_text("垃圾桶: waste_bin\nx: null\n", encoding="utf-8")
    Path("map.json").write_text('{"垃圾桶": "waste_bin"}', encoding="utf-8")
    assert parse_class_map(entries) == expected


@pytest.mark.parametrize(
    ("text", "problem"), [("[a]", "expected a map"), ("1: waste_bin", "must be text"), ("a: [", "not valid")]
)
def test_a_broken_map_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(LabelError, match=rf"m\.yaml.*{problem}"):
        parse_class_map([str(tmp_path / "m.yaml")])
    with pytest.raises(LabelError, match="neither NAME=ID nor a file"):
        parse_class_map(["nothing"])


def test_a_map_to_no_category_is_refused(folder: Path, store: Store) -> None:
    one_photo(folder, "a.jpg")
    with pytest.raises(LabelError, match="mapped to 'waste_bins', which is no category; nearest ids: waste_bin"):
        store.take(folder, class_map={"bin": "waste_bins"})


@pytest.mark.parametrize(
    ("on_disk", "stated", "how"),
    [
        ("a.jpg", "a.jpg", None),
        ("a.jpg", "images/a.jpg", None),
        ("u/a.jpg", "u\\a.jpg", "backslashes"),
        ("u/a.jpg", "D:\\work\\images\\u\\a.jpg", "full path"),
        ("u/a.jpg", "/home/x/images/u/a.jpg", "full path"),
        ("a b.jpg", "a%20b.jpg", "percent-decoded"),
        ("街.jpg", "%E8%A1%97.jpg", "percent-decoded"),
        ("a.JPG", "A.jpg", "other case"),
        ("a.png", "a.jpg", "other ending"),
        ("u/v/a.jpg", "a.jpg", "in another folder"),
        ("街道.jpg", "街道.jpg".encode("gbk").decode("latin-1"), "read as gb18030, not latin-1"),
        ("街道.jpg", "街道.jpg".encode().decode("latin-1"), "read as utf-8, not latin-1"),
        ("街道.jpg".encode("gbk").decode("cp437"), "街道.jpg", "read as cp437, not gb18030"),
        (os.fsdecode("街道.jpg".encode("gbk")), "街道.jpg", "GBK bytes on disk"),
    ],
)
def test_photos_are_found_by_mended_names(
    tmp_path: Path, store: Store, on_disk: str, stated: str, how: str | None
) -> None:
    folder = tmp_path / "source"
    put_photos(folder / "images", [on_disk])
    one_photo(folder, stated, exhaustive_for=["waste_bin"])
    done = store.take(folder, class_map=BIN)
    assert list(store.photos) == [on_disk]
    assert store.photos[on_disk].path.is_file()
    mended = [fault for fault in store.faults if fault.code == "name-mended"]
    assert done.boxes == {"waste_bin": 1}
    assert len(mended) == (how is not None)
    assert all(str(how) in fault.message for fault in mended)


@pytest.mark.parametrize("name", ["../../outside.jpg", "/etc/passwd", "C:\\outside.jpg", "images/../../outside.jpg"])
def test_no_name_leads_out_of_the_source(folder: Path, store: Store, name: str) -> None:
    put_photos(folder.parent, ["outside.jpg"])
    put_coco(folder / "x.json", [image(1, name), image(2, "a.jpg")], [box(1), box(2)], ["bin"])
    store.take(folder, class_map=BIN)
    assert list(store.photos) == ["a.jpg"]
    (fault,) = [fault for fault in store.faults if fault.code == "path-escape"]
    assert (fault.severity, fault.file, fault.where) == ("error", "x.json", "images[0]")


def test_no_link_leads_out_of_the_source(folder: Path, store: Store) -> None:
    put_photos(folder.parent / "elsewhere", ["c.jpg"])
    (folder / "images" / "c.jpg").symlink_to(folder.parent / "elsewhere" / "c.jpg")
    (folder / "more").symlink_to(folder.parent / "elsewhere")
    put_coco(folder / "x.json", [image(1, "c.jpg"), image(2, "a.jpg")], [box(1), box(2)], ["bin"])
    store.take(folder, class_map=BIN)
    assert list(store.photos) == ["a.jpg"]
    assert sorted({fault.name for fault in store.faults if fault.code == "path-escape"}) == [
        "c.jpg",
        "images/c.jpg",
        "more",
    ]


def test_missing_ambiguous_and_unlabelled_photos(folder: Path, store: Store) -> None:
    put_photos(folder / "images", ["u/t.jpg", "v/t.jpg"])
    images = [image(1, "no.jpg"), image(2, "t.jpg"), image(3, "a.jpg")]
    put_coco(folder / "x.json", images, [box(1), box(2), box(3)], ["bin"])
    store.take(folder, class_map=BIN)
    found = {(fault.code, fault.severity, fault.name, fault.where) for fault in store.faults}
    assert ("photo-missing", "error", "no.jpg", "images[0]") in found
    assert ("photo-ambiguous", "error", "t.jpg", "images[1]") in found
    assert ("photo-unlabelled", "note", "b.jpg", "") in found
    assert list(store.photos) == ["a.jpg"]


@pytest.mark.parametrize(
    ("bbox", "code", "severity", "kept"),
    [
        ((-6.4, 0, 16, 16), "box-outside", "warning", 1),
        ((-0.05, 0, 16, 16), None, None, 1),  # the rounding of a tool
        ((100, 0, 16, 16), "box-outside", "error", 0),
        ((8, 8, 0, 16), "box-degenerate", "error", 0),
        ((8, 8, -4, 16), "box-degenerate", "error", 0),
    ],
)
def test_boxes_that_cannot_be(
    folder: Path, store: Store, bbox: tuple[float, ...], code: str | None, severity: str | None, kept: int
) -> None:
    one_photo(folder, "a.jpg", [box(1, 0, bbox)], exhaustive_for=["bin", "road"])
    store.take(folder, class_map={**BIN, "road": "damaged_road"})
    photo = store.photos["a.jpg"]
    assert len(photo.boxes) == kept
    assert all(0 <= value <= 1 for box in photo.boxes for value in box.xyxy)
    assert photo.shows("damaged_road") is False
    assert photo.shows("waste_bin") is (True if kept else None)  # a lost box is no evidence of absence
    faults = [fault for fault in store.faults if fault.code.startswith("box-")]
    assert [(f.code, f.severity, f.where) for f in faults] == ([(code, severity, "annotations[0]")] if code else [])


def test_the_same_box_twice_is_kept_once_also_across_label_sets(folder: Path, store: Store) -> None:
    one_photo(folder, "a.jpg", [box(1), box(1)], exhaustive_for=["bin"])
    put_coco(folder / "y.json", [image(1, "a.jpg", exhaustive_for=["road"])], [box(1), box(1, 1)], ["bin", "road"])
    done = store.take(folder, class_map={**BIN, "road": "damaged_road"})
    assert done.boxes == {"waste_bin": 1, "damaged_road": 1}
    assert store.photos["a.jpg"].exhaustive_for == {"waste_bin", "damaged_road"}
    assert [f.file for f in store.faults if f.code == "box-duplicated"] == ["x.json", "y.json"]


@pytest.mark.parametrize(
    ("stated", "orientation", "severity", "is_kept"),
    [
        (SIZE, 1, None, True),
        ((SIZE[0] * 2, SIZE[1] * 2), 1, "warning", True),
        ((50, 50), 1, "warning", True),
        (SIZE, 6, None, True),  # upright 64x48, stored 48x64
        (SIZE[::-1], 6, "error", False),  # drawn on the photo as it is stored
    ],
)
def test_a_size_that_is_not_the_photos(
    tmp_path: Path, store: Store, stated: tuple[int, int], orientation: int, severity: str | None, is_kept: bool
) -> None:
    folder = tmp_path / "source"
    put_photos(folder, ["a.jpg"], photo_bytes(orientation))
    put_photos(folder, ["b.jpg"])
    images = [image(1, "a.jpg") | {"width": stated[0], "height": stated[1]}, image(2, "b.jpg")]
    put_coco(folder / "x.json", images, [box(1)], ["bin"])
    store.take(folder, class_map=BIN)
    assert ("a.jpg" in store.photos) is is_kept
    assert [f.severity for f in store.faults if f.code == "size-mismatch"] == ([severity] if severity else [])
    if not is_kept:
        assert any("not turned as its EXIF asks" in fault.message for fault in store.faults)


@pytest.mark.parametrize(
    ("in_file", "in_papers", "in_options", "expected"),
    [
        (["bin"], ["damaged_road"], ["street_vendor"], {"waste_bin"}),
        (None, ["damaged_road"], ["street_vendor"], {"damaged_road"}),
        (None, None, ["street_vendor"], {"street_vendor"}),
        (None, None, None, set()),
        ([], ["damaged_road"], None, set()),
    ],
)
def test_who_says_what_was_searched_for(
    folder: Path,
    store: Store,
    in_file: list[str] | None,
    in_papers: list[str] | None,
    in_options: list[str] | None,
    expected: set[str],
) -> None:
    (folder / "SOURCE.json").write_text(json.dumps({"exhaustive_for": in_papers}), encoding="utf-8")
    stated: dict[str, Any] = {} if in_file is None else {"exhaustive_for": in_file}
    one_photo(folder, "a.jpg", **stated)
    given = None if in_options is None else frozenset(in_options)
    done = store.take(folder, class_map=BIN, exhaustive_for=given)
    assert store.photos["a.jpg"].exhaustive_for == expected
    is_silent = in_file is in_papers is in_options is None
    assert ("exhaustive-unknown" in store.codes()) is is_silent
    assert done.unknown == (0 if expected else 1)


def test_an_unknown_category_searched_for_is_refused(folder: Path, store: Store) -> None:
    one_photo(folder, "a.jpg")
    with pytest.raises(LabelError, match=r"--exhaustive-for.*'waste_bins' is no category; nearest ids: waste_bin"):
        store.take(folder, class_map=BIN, exhaustive_for=frozenset({"waste_bins"}))


def test_feedback_finds_its_photo_by_content(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "fb"
    right, wrong = photo_bytes(), photo_bytes(3)
    put_photos(tmp_path / "archive", ["x/IMG_1.jpg"], right)
    put_photos(tmp_path / "archive", ["IMG_1.jpg"], wrong)
    folder.mkdir()
    rows = [
        {"photo": {"filename": "IMG_1.jpg", "sha256": hashlib.sha256(right).hexdigest()}, "confirmed": ["waste_bin"]},
        {"photo": {"filename": "IMG_1.jpg", "sha256": "0" * 64}, "rejected": ["waste_bin"]},
    ]
    base = {"schema": "street-patrol/feedback/1", "request_id": "r", "confirmed_at": "2026-01-01T00:00:00Z"}
    text = "".join(json.dumps(base | row) + "\n" for row in rows)
    (folder / "feedback.jsonl").write_text(text, encoding="utf-8")
    store.take(folder, photos=tmp_path / "archive")
    assert list(store.photos) == ["x/IMG_1.jpg"]
    assert store.photos["x/IMG_1.jpg"].shows("waste_bin") is True
    assert store.photos["x/IMG_1.jpg"].group == "r"
    assert "photo-changed" in store.codes()
