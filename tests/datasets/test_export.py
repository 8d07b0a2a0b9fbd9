"""Exports: labels that fit the pixels beside them, photos that tell nothing, and nothing half-written."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner, Result

from datasets.cli import app
from datasets.errors import LabelError
from datasets.export import LAYOUTS, ExportOptions, export
from datasets.export_names import PhotoNames, class_names
from datasets.formats import BY_NAME
from datasets.importing import ImportOptions, import_source
from datasets.labelled_set import open_set
from datasets.labels import Box, LabelledPhoto
from datasets.raw import RawPhoto
from datasets.rows import to_row
from datasets.store import LabelStore, SourceRecord, write_lines
from inference.categories import load_catalogue
from inference.faces import FaceBlur
from tests.datasets.labels_of import read_all
from tests.photos import encode, exif_block, scene

RED = Box("overflowing_bin", (0.09375, 0.125, 0.28125, 0.25))  # where tests.photos.scene has its red rectangle
GPS = {1: "N", 2: (31.0, 13.0, 49.0), 3: "E", 4: (121.0, 28.0, 12.0)}
IDS = class_names(load_catalogue(), "id")


def photo_file(path: Path, orientation: int = 1) -> Path:
    """A photo with everything that cameras and programs write beside the pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", "Li")
        notes.add_itxt("XML:com.adobe.xmp", "<x/>")
        path.write_bytes(encode(scene(), "png", pnginfo=notes, exif=exif_block(gps=GPS), icc_profile=b"i" * 128))
        return path
    block = exif_block(orientation=orientation, taken_at="2024:05:06 07:08:09", gps=GPS)
    options = {"exif": block, "comment": b"taken by Li", "icc_profile": b"i" * 128, "xmp": b"<x/>"}
    path.write_bytes(encode(scene(), "jpeg", orientation=orientation, subsampling=0, **options))
    return path


def photos_in(folder: Path) -> list[LabelledPhoto]:
    every = frozenset({"overflowing_bin", "illegal_awning"})
    upright = LabelledPhoto("street", photo_file(folder / "a.jpg"), (RED,), every, group="street/1", split="train")
    turned = replace(upright, path=photo_file(folder / "b" / "turned.JPG", 6), name="b/turned.JPG", split="val")
    lossless = LabelledPhoto(
        "street",
        photo_file(folder / "c.png"),
        present=frozenset({"exposed_garbage"}),
        exhaustive_for=every,
        unsure=frozenset({"banner_slogan"}),
        flags=frozenset({"night"}),
    )
    return [upright, turned, lossless]


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    store = LabelStore(tmp_path / "data")
    about = SourceRecord(name="street", licence="CC BY 4.0", attribution="Li Ming 李明", origin="/somewhere")
    store.write(about, photos_in(tmp_path / "photos"), [])
    return store


def exported(store: LabelStore, form: str, out: Path, *, name: str = "street", blur: FaceBlur | None = None) -> Path:
    export(open_set(store, name), store, out, ExportOptions(form, "copy", IDS, blur), lambda: None)
    return out


def patrol(store: LabelStore, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["export", *arguments, "--data", str(store.root)])


def freeze(store: LabelStore, name: str, photos: Iterable[LabelledPhoto]) -> None:
    """A version as `patrol data freeze` writes it, as far as exports need it."""
    folder = store.versions_folder / name
    folder.mkdir(parents=True)
    rows = [{**to_row(photo), "source": photo.source, "licence": "CC BY 4.0", "sha256": ""} for photo in photos]
    write_lines(folder / "manifest.jsonl", rows)


@pytest.mark.parametrize("form", LAYOUTS)
def test_boxes_lie_where_the_pixels_show_the_thing(store: LabelStore, form: str, tmp_path: Path) -> None:
    out = exported(store, form, tmp_path / "out")
    photos, faults = read_all(BY_NAME[form], out)
    assert not [fault for fault in faults if fault.severity == "error"]
    place = out if LAYOUTS[form].prefix else out / LAYOUTS[form].photos
    assert len(photos) == 3
    for photo in photos:
        with Image.open(place / photo.name) as image:
            size, pixels = image.size, np.asarray(image)
        assert photo.size_wh in (None, size)
        assert (size, pixels.shape) == ((320, 240), (240, 320, 3))
        for box in photo.boxes:
            x1, y1, x2, y2 = (round(v * side) for v, side in zip(box.xyxy, (320, 240, 320, 240), strict=True))
            inside = pixels[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].reshape(-1, 3).mean(axis=0)
            assert inside == pytest.approx((230, 30, 30), abs=12)
    assert sum(len(photo.boxes) for photo in photos) == (0 if form == "tags" else 2)


def only_pixels(path: Path) -> bool:
    """Whether a file's own structure holds nothing but what decoding needs."""
    data = path.read_bytes()
    if path.suffix == ".png":
        kinds, at = [], 8
        while at < len(data):
            kinds.append(data[at + 4 : at + 8])
            at += 12 + int.from_bytes(data[at : at + 4], "big")
        return set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
    markers, at = [], 2
    while data[at + 1] != 0xDA:
        markers.append(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return set(markers) <= {0xE0, 0xDB, 0xC0, 0xC4} and data[6:10] == b"JFIF" and data.endswith(b"\xff\xd9")


def test_photos_tell_nothing_but_their_pixels(store: LabelStore, tmp_path: Path) -> None:
    originals = {path: path.read_bytes() for path in (tmp_path / "photos").rglob("*") if path.is_file()}
    assert not any(only_pixels(path) for path in originals)
    out = exported(store, "coco", tmp_path / "out")
    copies = sorted(path for path in (out / "images").rglob("*") if path.is_file())
    assert [path.relative_to(out / "images").as_posix() for path in copies] == ["a.jpg", "b/turned.JPG", "c.png"]
    for path in copies:
        assert only_pixels(path)
        assert b"Li" not in path.read_bytes()[:1000]
    assert all(path.read_bytes() == data for path, data in originals.items())


@pytest.mark.parametrize("form", LAYOUTS)
def test_the_table_of_what_a_format_carries_is_true(form: str, tmp_path: Path) -> None:
    full = RawPhoto(
        "a.jpg",
        size_wh=(320, 240),
        exhaustive=frozenset({"x"}),
        present=frozenset({"p"}),
        absent=frozenset({"q"}),
        unsure=frozenset({"u"}),
        flags=frozenset({"night"}),
        group="g",
    )
    BY_NAME[form].write([full], tmp_path)
    (photo,), _ = read_all(BY_NAME[form], tmp_path)
    kept = {key for key in ("exhaustive", "present", "absent", "unsure", "flags", "group") if getattr(photo, key)}
    assert kept == LAYOUTS[form].carries - {"boxes"}
    assert all(getattr(photo, key) == getattr(full, key) for key in kept)


@pytest.mark.parametrize("form", LAYOUTS)
def test_what_is_exported_can_be_imported_again(store: LabelStore, form: str, tmp_path: Path) -> None:
    out = exported(store, form, tmp_path / "out")
    done = import_source(out, store, load_catalogue(), ImportOptions(name="again"))
    assert done.faults == {}
    carries = LAYOUTS[form].carries
    again, before = list(store.photos("again")), list(store.photos("street"))
    assert [photo.name for photo in again] == [photo.name for photo in before]
    for photo, original in zip(again, before, strict=True):
        assert photo.boxes == (original.boxes if "boxes" in carries else ())
        assert photo.flags == (original.flags if "flags" in carries else frozenset())
        assert photo.unsure == (original.unsure if "unsure" in carries else frozenset())
        assert photo.split == original.split
        for category in original.exhaustive_for:
            assert photo.shows(category) is original.shows(category)


def test_the_documented_table_is_true() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "label-formats.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    header, written = rows[0], {row[0].strip("`"): row for row in rows[2:]}
    columns = dict(
        zip(header[3:], ("boxes", "present", "absent", "exhaustive", "unsure", "flags", "group"), strict=True)
    )
    assert list(written) == list(LAYOUTS)
    for form, row in written.items():
        said = {columns[title] for title, cell in zip(header[3:], row[3:], strict=True) if cell == "yes"}
        assert said == LAYOUTS[form].carries
        assert row[2] == (f"{LAYOUTS[form].photos}/" if LAYOUTS[form].photos else "beside them")


def test_what_is_lost_is_said(store: LabelStore, tmp_path: Path) -> None:
    result = patrol(store, "street", "--format", "voc", "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["photos"], answer["boxes"]) == (3, 2)
    assert answer["lost"] == {"flags": 1, "group": 2, "present": 1, "unsure": 1}  # what was searched for: SOURCE.json
    about = json.loads((tmp_path / "out" / "SOURCE.json").read_text(encoding="utf-8"))
    assert about["exhaustive_for"] == ["illegal_awning", "overflowing_bin"]
    assert (about["licence"], about["attribution"]) == ("CC BY 4.0", "Li Ming 李明")


def test_attribution_and_parts_go_along(store: LabelStore, tmp_path: Path) -> None:
    out = exported(store, "coco", tmp_path / "out")
    notice = (out / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for text in ("CC BY 4.0", "Li Ming 李明", "photos: 3", "without any metadata", "number plates are as they were"):
        assert text in notice
    assert json.loads((out / "splits.json").read_text(encoding="utf-8")) == {
        "train": ["a.jpg"],
        "val": ["b/turned.JPG"],
    }


def test_chinese_class_names(store: LabelStore, tmp_path: Path) -> None:
    patrol(store, "street", "--format", "cvat", "--out", str(tmp_path / "out"), "--names", "zh")
    photos, _ = read_all(BY_NAME["cvat"], tmp_path / "out")
    assert {box.label for photo in photos for box in photo.boxes} == {"垃圾满溢"}
    about = json.loads((tmp_path / "out" / "SOURCE.json").read_text(encoding="utf-8"))
    assert about["class_map"]["垃圾满溢"] == "overflowing_bin"


def test_a_photo_that_cannot_be_read_costs_only_itself(store: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "photos" / "a.jpg").unlink()
    (tmp_path / "photos" / "c.png").write_bytes(b"no picture")
    result = patrol(store, "street", "--format", "yolo", "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 1
    failures = json.loads(result.stdout)["failures"]
    assert [failure["photo"] for failure in failures] == ["street/a.jpg", "street/c.png"]
    assert sorted(path.name for path in (tmp_path / "out" / "labels").rglob("*.txt")) == ["turned.txt"]


def test_a_frozen_version_keeps_its_sources_apart(store: LabelStore, tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos")
    freeze(store, "v1", [photos[0], replace(photos[0], source="other"), replace(photos[1], source="other")])
    out = exported(store, "coco", tmp_path / "out", name="v1")
    names = sorted(path.relative_to(out / "images").as_posix() for path in (out / "images").rglob("*.*"))
    assert names == ["other/a.jpg", "other/b/turned.JPG", "street/a.jpg"]
    assert "## other" in (out / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_a_photo_that_changed_since_it_was_frozen_is_left_out(store: LabelStore, tmp_path: Path) -> None:
    (photo, *_) = photos_in(tmp_path / "photos")
    freeze(store, "v1", [])
    write_lines(store.versions_folder / "v1" / "manifest.jsonl", [{**to_row(photo), "source": "street", "sha256": "0"}])
    with pytest.raises(LabelError, match=r"v1: .*no photo could be exported.*changed since the version was frozen"):
        exported(store, "coco", tmp_path / "out", name="v1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "--format", "coco"), "neither a source nor a version; there are: street"),
        (("street", "--format", "pdf"), "cannot export as 'pdf'; there are yolo, coco, voc"),
        (("street", "--format", "coco", "--photos", "link", "--blur-faces"), "only copies can be blurred"),
        (("street", "--format", "coco", "--photos", "link", "--zip"), "cannot hold links"),
    ],
)
def test_mistakes_leave_nothing_behind(
    store: LabelStore, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = patrol(store, *arguments, "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, LabelError)
    assert message in str(result.exception)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_ever_overwritten(store: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert patrol(store, "street", "--format", "coco", "--out", str(tmp_path / "out")).exit_code == 0  # it was empty
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    again = patrol(store, "street", "--format", "coco", "--out", str(tmp_path / "out"))
    assert "never overwritten" in str(again.exception)


def test_an_export_that_fails_half_way_leaves_nothing(
    store: LabelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.export.attribution", lambda *_: 1 / 0)
    before = sorted(tmp_path.iterdir())
    result = patrol(store, "street", "--format", "coco", "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, ZeroDivisionError)
    assert sorted(tmp_path.iterdir()) == before


def test_a_zip_file_holds_the_same(store: LabelStore, tmp_path: Path) -> None:
    assert patrol(store, "street", "--format", "voc", "--out", str(tmp_path / "street"), "--zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "street.zip") as archive:
        names = archive.namelist()
    assert "street/ATTRIBUTION.md" in names
    assert "street/JPEGImages/b/turned.JPG" in names
    assert not (tmp_path / "street").exists()


@pytest.mark.parametrize("mode", ["link", "none"])
def test_photos_may_stay_where_they_are(store: LabelStore, tmp_path: Path, mode: str) -> None:
    assert patrol(store, "street", "--format", "coco", "--out", str(tmp_path / "out"), "--photos", mode).exit_code == 0
    photos, _ = read_all(BY_NAME["coco"], tmp_path / "out")
    assert {photo.size_wh for photo in photos} == {(320, 240)}  # upright, the turned one too
    link = tmp_path / "out" / "images" / "b" / "turned.JPG"
    assert link.is_symlink() == (mode == "link")


def test_faces_are_blurred_in_the_copies(store: LabelStore, tmp_path: Path) -> None:
    def whole_left_half(rgb: np.ndarray) -> list[tuple[float, float, float, float, float]]:
        return [(0.0, 0.0, rgb.shape[1] / 2, float(rgb.shape[0]), 0.9)]

    out = exported(store, "coco", tmp_path / "out", blur=FaceBlur(finder=whole_left_half))
    copy = cv2.imread(str(out / "images" / "c.png"))
    assert copy is not None
    assert np.ptp(copy[:, :20], axis=(0, 1)).max() < 150 < np.ptp(scene()[:, :120], axis=(0, 1)).max()
    assert "3 patches that may be faces were blurred, for good" in (out / "ATTRIBUTION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.heic", "a.jpg", "A.png"], ["a.heic.jpg", "a.jpg", "A-2.png"]),
        (["d/a.jpg", "a.jpg", "d/a.png"], ["d/a.jpg", "a.jpg", "d/a-2.png"]),
    ],
)
def test_label_files_never_meet(names: list[str], expected: list[str]) -> None:
    given = PhotoNames(by_source=False, as_copies=True)
    assert [given.name(LabelledPhoto("s", Path(name), name=name)) for name in names] == expected


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "C:\\a.jpg"])
def test_names_stay_inside(name: str) -> None:
    with pytest.raises(LabelError, match="leads out of its folder"):
        PhotoNames(by_source=True, as_copies=True).name(LabelledPhoto("s", Path("a.jpg"), name=name))
