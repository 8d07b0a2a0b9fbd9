"""Every kind of fault, planted in made labels and photos, is found with its code and place; clean ones have none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.check import CheckReport, check
from datasets.check_command import write_report
from datasets.check_settings import BalanceSettings, CheckSettings, load_check_settings
from datasets.faults import Fault
from datasets.labels import Box, LabelledPhoto
from datasets.photo_faults import CheckedPhoto
from datasets.predictions import Prediction
from datasets.store import LabelStore, SourceRecord, write_lines
from inference.categories import load_catalogue
from inference.cli import app
from tests.datasets.pictures import picture
from tests.photos import Rgb, encode, truncated

SETTINGS = CheckSettings(balance=BalanceSettings(min_boxes=0, min_photos=0, min_negatives=0))
BIN, HEAP = "waste_bin", "exposed_garbage"
Corners = tuple[float, float, float, float]
Labelled = tuple[str, Corners]
Seen = dict[str, list[Prediction]]
MIDDLE: Corners = (0.3, 0.3, 0.6, 0.6)


class Seer:
    """A model that sees what it is told, by photo name."""

    def __init__(self, seen: dict[str, list[Prediction]]) -> None:
        self.seen = seen

    def predictions(
        self, photos: Iterable[CheckedPhoto], advance: Callable[[], None]
    ) -> Iterator[tuple[CheckedPhoto, tuple[Prediction, ...]]]:
        for checked in photos:
            yield checked, tuple(self.seen.get(checked.photo.path.name, ()))
            advance()


class Folder:
    """Makes photos of a source, each another picture."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made = 0

    def photo(self, name: str, *boxes: Labelled, data: bytes | None = None, source: str = "a") -> LabelledPhoto:
        self.made += 1
        path = self.root / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(self.made, 320, 240), "jpeg") if data is None else data)
        labelled = tuple(Box(category, xyxy) for category, xyxy in boxes)
        return LabelledPhoto(source, path, labelled, exhaustive_for=frozenset({BIN, HEAP}))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "photos")


def clean(folder: Folder) -> list[LabelledPhoto]:
    """Two sources without a fault, with boxes of ordinary sizes."""
    photos = [folder.photo(f"{n}.jpg", (BIN, (0.1, 0.1, 0.3 + n / 100, 0.4)), source="ab"[n % 2]) for n in range(8)]
    return [*photos, *(folder.photo(f"n{n}.jpg", (HEAP, MIDDLE), source="ab"[n % 2]) for n in range(2))]


def checked(
    photos: list[LabelledPhoto], tmp_path: Path, seen: dict[str, list[Prediction]] | None = None
) -> CheckReport:
    return check(photos, SETTINGS, tmp_path / "cache", predictor=Seer(seen or {}))


def test_a_clean_store_has_no_findings(folder: Folder, tmp_path: Path) -> None:
    photos = clean(folder)
    seen = {p.path.name: [Prediction(b.category, 0.9, b.xyxy) for b in p.boxes] for p in photos}
    assert checked(photos, tmp_path, seen).faults == []


def grey(value: int) -> Rgb:
    return np.full((240, 320, 3), value, dtype=np.uint8)


@pytest.mark.parametrize(
    ("code", "severity", "data"),
    [
        ("photo-unreadable", "error", b"not a photo"),
        ("truncated", "error", truncated(encode(picture(70, 320, 240), "jpeg"))),
        ("tiny", "warning", encode(picture(71, 120, 90), "jpeg")),
        ("blank", "warning", encode(grey(120), "jpeg")),
        ("blurred", "warning", encode(np.asarray(cv2.blur(picture(72, 320, 240), (31, 31)), np.uint8), "jpeg")),
        ("dark", "note", encode((picture(73, 320, 240) // 10).astype(np.uint8), "jpeg")),
        ("overexposed", "note", encode((235 + picture(74, 320, 240) // 13).astype(np.uint8), "jpeg")),
    ],
)
def test_a_bad_photo_is_found(code: str, severity: str, data: bytes, folder: Folder, tmp_path: Path) -> None:
    photos = [*clean(folder), folder.photo("bad.jpg", data=data)]
    found = checked(photos, tmp_path).faults
    assert (code, severity, "a", "bad.jpg") in {(f.code, f.severity, f.source, f.name) for f in found}
    assert {fault.name for fault in found} == {"bad.jpg"}


def test_a_missing_photo_and_one_without_labels_are_found(folder: Folder, tmp_path: Path) -> None:
    gone, bare = folder.photo("gone.jpg"), replace(folder.photo("bare.jpg"), exhaustive_for=frozenset())
    gone.path.unlink()
    found = {(fault.code, fault.name) for fault in checked([*clean(folder), gone, bare], tmp_path).faults}
    assert found == {("photo-missing", "gone.jpg"), ("photo-unlabelled", "bare.jpg")}


@pytest.mark.parametrize(
    ("code", "boxes"),
    [
        ("box-large", [(0.0, 0.0, 1.0, 0.99)]),
        ("box-tiny", [(0.5, 0.5, 0.51, 0.6)]),
        ("box-duplicated", [MIDDLE, (0.3, 0.31, 0.6, 0.6)]),
        ("box-nested", [MIDDLE, (0.35, 0.35, 0.45, 0.5)]),
    ],
)
def test_a_bad_box_is_found(code: str, boxes: list[Corners], folder: Folder, tmp_path: Path) -> None:
    found = checked([*clean(folder), folder.photo("bad.jpg", *((HEAP, box) for box in boxes))], tmp_path).faults
    assert [(fault.code, fault.name) for fault in found] == [(code, "bad.jpg")]
    assert found[0].details is not None
    assert [box["xyxy"] for box in found[0].details["boxes"]] == [pytest.approx(list(box)) for box in boxes]


def test_a_box_far_larger_than_its_category_is_found(folder: Folder, tmp_path: Path) -> None:
    usual = [
        folder.photo(
            f"u{n}.jpg", *((BIN, (x, y, x + 0.1 + n / 500, y + 0.1)) for x in (0.1, 0.4, 0.7) for y in (0.1, 0.6))
        )
        for n in range(8)
    ]
    odd = folder.photo("odd.jpg", (BIN, (0.05, 0.05, 0.95, 0.9)))
    found = [fault for fault in checked([*usual, odd], tmp_path).faults if fault.code == "box-large"]
    assert [fault.name for fault in found] == ["odd.jpg"]


def copied(folder: Folder, name: str, *boxes: Labelled, mirrored: bool, source: str = "b") -> LabelledPhoto:
    """A smaller copy of picture 500."""
    small = np.asarray(cv2.resize(picture(500, 320, 240), (240, 240), interpolation=cv2.INTER_AREA), np.uint8)
    rgb = np.ascontiguousarray(small[:, ::-1]) if mirrored else small
    return folder.photo(name, *boxes, data=encode(rgb, "jpeg", quality=70), source=source)


def original(folder: Folder, *boxes: Labelled) -> LabelledPhoto:
    return folder.photo("original.jpg", *boxes, data=encode(picture(500, 320, 240), "jpeg"))


@pytest.mark.parametrize(
    ("parts", "code", "severity"),
    [
        ((None, None), "near-duplicate", "warning"),
        (("train", "train"), "near-duplicate", "warning"),
        (("train", "val"), "split-leak", "error"),
        (("test", "train"), "split-leak", "error"),
    ],
)
def test_a_copy_in_another_source_is_found(
    parts: tuple[None, None], code: str, severity: str, folder: Folder, tmp_path: Path
) -> None:
    first = replace(original(folder, (BIN, MIDDLE)), split=parts[0])
    second = replace(copied(folder, "copy.jpg", (BIN, MIDDLE), mirrored=False), split=parts[1])
    found = checked([*clean(folder), first, second], tmp_path)
    assert [(f.code, f.severity, f.name) for f in found.faults] == [(code, severity, "original.jpg")]
    assert found.faults[0].details is not None
    assert found.faults[0].details["other"] == {"source": "b", "name": "copy.jpg"}
    assert found.has_errors is (severity == "error")


def test_the_same_file_twice_is_found(folder: Folder, tmp_path: Path) -> None:
    first = original(folder, (BIN, MIDDLE))
    second = folder.photo("again.jpg", (BIN, MIDDLE), data=first.path.read_bytes())
    assert [(f.code, f.name) for f in checked([*clean(folder), first, second], tmp_path).faults] == [
        ("exact-duplicate", "original.jpg")
    ]


@pytest.mark.parametrize(
    ("here", "there", "mirrored", "expected"),
    [
        ([(BIN, MIDDLE)], [(BIN, MIDDLE)], False, None),
        ([(BIN, (0.1, 0.3, 0.3, 0.6))], [(BIN, (0.7, 0.3, 0.9, 0.6))], True, None),  # the mirror image's place
        ([(BIN, (0.1, 0.3, 0.3, 0.6))], [(BIN, (0.1, 0.3, 0.3, 0.6))], True, "boxes-contradict"),
        ([(BIN, MIDDLE)], [(BIN, (0.6, 0.6, 0.9, 0.9))], False, "boxes-contradict"),
        ([(BIN, MIDDLE)], [(HEAP, MIDDLE)], False, "labels-contradict"),
        ([(BIN, MIDDLE)], [], False, "labels-contradict"),
    ],
)
def test_contradicting_labels_of_copies_are_found(
    here: list[Labelled],
    there: list[Labelled],
    mirrored: bool,
    expected: str | None,
    folder: Folder,
    tmp_path: Path,
) -> None:
    pair = [original(folder, *here), copied(folder, "copy.jpg", *there, mirrored=mirrored)]
    found = {fault.code for fault in checked([*clean(folder), *pair], tmp_path).faults} - {"near-duplicate"}
    assert found == ({expected} if expected else set())


def seen(category: str, xyxy: Corners, score: float = 0.9) -> list[Prediction]:
    return [Prediction(category, score, xyxy)]


@pytest.mark.parametrize(
    ("code", "boxes", "prediction"),
    [
        ("label-missed", [(BIN, (0.7, 0.7, 0.9, 0.9))], seen(HEAP, (0.1, 0.1, 0.4, 0.4))),
        ("label-swapped", [(BIN, MIDDLE)], seen(HEAP, (0.31, 0.3, 0.6, 0.61))),
        ("label-misplaced", [(BIN, MIDDLE)], seen(BIN, (0.42, 0.42, 0.72, 0.72))),
        ("tag-overlooked", [], seen(HEAP, MIDDLE)),
    ],
)
def test_a_label_that_the_model_doubts_is_found(
    code: str, boxes: list[Labelled], prediction: list[Prediction], folder: Folder, tmp_path: Path
) -> None:
    photos = [*clean(folder), folder.photo("doubted.jpg", *boxes)]
    found = checked(photos, tmp_path, {"doubted.jpg": prediction}).faults
    assert [(fault.code, fault.name) for fault in found] == [(code, "doubted.jpg")]


@pytest.mark.parametrize(
    ("boxes", "prediction"),
    [
        ([(BIN, MIDDLE)], seen(BIN, (0.3, 0.3, 0.59, 0.6))),
        ([(HEAP, (0.2, 0.2, 0.8, 0.8))], seen(HEAP, (0.5, 0.5, 0.7, 0.7))),  # a bag of the heap
        ([(BIN, MIDDLE), (HEAP, MIDDLE)], [*seen(BIN, MIDDLE), *seen(HEAP, MIDDLE)]),
        ([(BIN, MIDDLE)], [*seen(BIN, MIDDLE), *seen(HEAP, MIDDLE, 0.15)]),
    ],
)
def test_a_label_that_the_model_shares_is_not_doubted(
    boxes: list[Labelled], prediction: list[Prediction], folder: Folder, tmp_path: Path
) -> None:
    photos = [*clean(folder), folder.photo("fine.jpg", *boxes)]
    assert not checked(photos, tmp_path, {"fine.jpg": prediction}).faults


@pytest.mark.parametrize("known", ["nobody looked for it", "somebody hesitated", "tagged without a box"])
def test_nothing_is_doubted_where_the_labels_do_not_say(known: str, folder: Folder, tmp_path: Path) -> None:
    changes = {
        "nobody looked for it": {"exhaustive_for": frozenset({BIN})},
        "somebody hesitated": {"unsure": frozenset({HEAP})},
        "tagged without a box": {"present": frozenset({HEAP})},
    }
    photo = replace(folder.photo("a.jpg"), **changes[known])  # type: ignore[arg-type]
    assert not checked([*clean(folder), photo], tmp_path, {"a.jpg": seen(HEAP, MIDDLE)}).faults


def test_what_a_category_lacks_is_told(folder: Folder, tmp_path: Path) -> None:
    settings = CheckSettings(balance=BalanceSettings(min_boxes=3, min_photos=3, min_negatives=9))
    found = check(clean(folder), settings, tmp_path / "cache").faults
    told = {(fault.code, fault.details["category"]) for fault in found if fault.details}
    assert told == {("few-boxes", HEAP), ("few-photos", HEAP), ("few-negatives", BIN), ("few-negatives", HEAP)}


def test_what_the_import_told_is_not_told_again(folder: Folder, tmp_path: Path) -> None:
    gone = folder.photo("gone.jpg")
    gone.path.unlink()
    told = Fault("photo-missing", "error", "not there", "a", "gone.jpg")
    report = check([*clean(folder), gone], SETTINGS, tmp_path / "cache", imported=[told])
    assert report.faults == [told]


def test_the_worst_come_first(tmp_path: Path) -> None:
    faults = [Fault("blurred", "warning", "m", score=0.2), Fault("blurred", "warning", "m", score=0.9)]
    report = check([], SETTINGS, tmp_path, imported=[*faults, Fault("photo-unreadable", "error", "m", score=0.1)])
    assert [(fault.code, fault.score) for fault in report.faults] == [
        ("photo-unreadable", 0.1),
        ("blurred", 0.9),
        ("blurred", 0.2),
    ]


def stored(photos: list[LabelledPhoto], root: Path, faults: Iterable[Fault] = ()) -> LabelStore:
    store = LabelStore(root)
    for source in sorted({photo.source for photo in photos}):
        about = SourceRecord(name=source, licence="CC0-1.0", attribution="nobody", origin="made")
        store.write(about, [photo for photo in photos if photo.source == source], faults)
    return store


def test_the_command_reports_finds_leaks_and_writes_a_gallery(folder: Folder, tmp_path: Path) -> None:
    left: Corners = (0.1, 0.3, 0.3, 0.6)
    pair = [original(folder, (BIN, left)), copied(folder, "<b>.jpg", (BIN, left), mirrored=True)]
    mended = Fault("box-outside", "warning", "cut to the photo", name="0.jpg", file="x.txt", where="3")
    store = stored([*clean(folder), *pair], tmp_path / "data", [mended])
    version = store.versions_folder / "v1"
    version.mkdir(parents=True)
    parts = zip(pair, ("train", "val"), strict=True)
    write_lines(version / "manifest.jsonl", ({"source": p.source, "name": p.path.name, "split": s} for p, s in parts))
    command = ["data", "check", "--data", str(store.root), "--no-model", "--splits", "v1", "--json"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert {"split-leak", "boxes-contradict", "box-outside"} <= {fault["code"] for fault in report["faults"]}
    assert json.loads((tmp_path / "out" / "check.json").read_text("utf-8")) == report
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "重复照片跨训练与评估" in page
    assert "<b>.jpg" not in page
    assert "&lt;b&gt;.jpg" in page
    thumbnails = {path.name for path in (tmp_path / "out" / "thumbnails").iterdir()}
    assert thumbnails
    assert all(f"thumbnails/{name}" in page for name in thumbnails)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere"),
        (["--splits", "v9"], "v9"),
        (["--out", "."], "--out"),
    ],
)
def test_bad_usage_is_refused_and_named(arguments: list[str], said: str, folder: Folder, tmp_path: Path) -> None:
    store = stored([folder.photo("a.jpg")], tmp_path / "data")
    done = CliRunner().invoke(app, ["data", "check", "--data", str(store.root), "--no-model", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_a_page_shows_the_worst_of_each_kind_and_says_what_it_leaves_out(folder: Folder, tmp_path: Path) -> None:
    photos = [folder.photo(f"{n}.jpg", data=encode(grey(40 * n), "png")) for n in range(1, 6)]
    report = checked(photos, tmp_path)
    write_report(report, tmp_path / "out", load_catalogue(), limit=2)
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert page.count('data-kind="blank"') == 2
    assert "only in check.json" in page


def test_the_shipped_settings_are_read() -> None:
    assert load_check_settings().duplicates.near_correlation == CheckSettings().duplicates.near_correlation
