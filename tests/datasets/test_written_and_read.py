"""What YOLO, COCO, tags and feedback write they read back, as far as each can carry it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import LabelError
from datasets.formats import coco, detect, feedback, tags, yolo
from datasets.raw import Format, RawBox, RawPhoto
from tests.datasets.labels_in import read_all

CARRIED = {
    "yolo": {"boxes"},
    "coco": {"boxes", "size_wh", "exhaustive", "present", "absent", "unsure", "flags", "sha256", "group"},
    "tags": {"present", "absent"},
    "feedback": {"boxes", "size_wh", "exhaustive", "present", "absent", "unsure", "flags", "sha256", "group"},
}
FORMATS: tuple[Format, ...] = (yolo, coco, tags, feedback)

words = st.text(st.sampled_from("abZ09_-. 垃圾满溢街拍é"), min_size=1, max_size=8).filter(
    lambda word: word == word.strip() and word.strip(".") == word
)
classes = st.sampled_from(["垃圾满溢", "waste bin", "飞线, 乱拉", 'say "so"', "0", "a=b"])
fractions = st.floats(0, 1, allow_subnormal=False)
boxes = st.builds(RawBox, classes, st.tuples(fractions, fractions, fractions, fractions))


@st.composite
def raw_photos(draw: st.DrawFn) -> list[RawPhoto]:
    folders = st.lists(words, max_size=2)
    stems = draw(st.lists(st.tuples(folders, words), max_size=4, unique_by=lambda s: "/".join([*s[0], s[1]])))
    return [draw(_photo("/".join([*folder, f"{stem}.jpg"]), number)) for number, (folder, stem) in enumerate(stems)]


@st.composite
def _photo(draw: st.DrawFn, name: str, number: int) -> RawPhoto:
    """Labels that do not contradict each other: each class plays one part."""
    parts = draw(st.dictionaries(classes, st.sampled_from(["present", "absent", "unsure"])))
    sets = {part: frozenset(c for c, p in parts.items() if p == part) for part in ("present", "absent", "unsure")}
    drawn = draw(st.lists(boxes.filter(lambda box: box.label not in sets["absent"]), max_size=4))
    return RawPhoto(
        name,
        tuple(drawn),
        draw(st.tuples(st.integers(1, 9000), st.integers(1, 9000))),
        exhaustive=draw(st.frozensets(classes)),
        flags=draw(st.frozensets(st.sampled_from(["night", "拼图"]))),
        sha256=f"{number:064x}",
        group=draw(st.sampled_from(["g 1", "案件"])),
        present=sets["present"],
        absent=sets["absent"],
        unsure=sets["unsure"],
    )


def carried(photo: RawPhoto, form: Format) -> RawPhoto:
    """The photo as the format can say it; tags say that no class was boxed exhaustively."""
    kept = {key: getattr(photo, key) for key in CARRIED[form.NAME]}
    return replace(RawPhoto(photo.name, exhaustive=frozenset() if form is tags else None), **kept)


def assert_same(read: list[RawPhoto], written: list[RawPhoto]) -> None:
    """Equal but for the place in the file, and for the last bits of a coordinate."""
    by_name = {photo.name: photo for photo in read}
    assert sorted(by_name) == sorted(photo.name for photo in written)
    assert len(read) == len(written)
    for photo in written:
        other = by_name[photo.name]
        assert replace(other, boxes=(), file="", where="") == replace(photo, boxes=())
        assert [box.label for box in other.boxes] == [box.label for box in photo.boxes]
        for box, same in zip(photo.boxes, other.boxes, strict=True):
            assert same.xyxy == pytest.approx(box.xyxy, abs=1e-9)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
@settings(max_examples=50, deadline=None)
@given(written=raw_photos())
def test_what_is_written_is_read(form: Format, written: list[RawPhoto]) -> None:
    with TemporaryDirectory() as place:
        form.write(written, Path(place))
        read, faults = read_all(form, Path(place))
    if written:
        assert not [fault for fault in faults if fault.severity != "note"]
    assert_same(read, [carried(photo, form) for photo in written])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
def test_a_second_round_changes_nothing(form: Format, tmp_path: Path) -> None:
    corners = (0.123457, 0.000001, 0.987654, 0.333333)
    photo = RawPhoto("a.jpg", (RawBox("bin", corners),), (4031, 3023), present=frozenset({"road"}))
    form.write([carried(photo, form)], tmp_path / "1")
    (once,), _ = read_all(form, tmp_path / "1")
    form.write([once], tmp_path / "2")
    (twice,), _ = read_all(form, tmp_path / "2")
    assert replace(once, boxes=()) == replace(twice, boxes=())
    assert all(tuple(round(v, 6) for v in box.xyxy) == corners for box in twice.boxes)  # as the store keeps them


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
def test_a_format_recognises_its_own_files_and_no_other(form: Format, tmp_path: Path) -> None:
    photo = RawPhoto("a.jpg", (RawBox("bin", (0.1, 0.1, 0.2, 0.2)),), (64, 48), present=frozenset({"road"}))
    form.write([photo], tmp_path)
    assert [each.NAME for each in detect(tmp_path)] == [form.NAME]


@pytest.mark.parametrize(
    ("form", "photos", "problem"),
    [
        (coco, [RawPhoto("a.jpg", (RawBox("bin", (0, 0, 1, 1)),))], "size of the photo must be known"),
        (feedback, [RawPhoto("a.jpg", (RawBox("bin", (0, 0, 1, 1)),), group="r")], "photo.width and photo.height"),
        (yolo, [RawPhoto("a.jpg"), RawPhoto("a.png")], "cannot hold it beside 'a.jpg'"),
        (tags, [RawPhoto("a.jpg", present=frozenset({"x"}), absent=frozenset({"x"}))], "contradictory tags"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    form: Format, photos: list[RawPhoto], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(LabelError, match=problem):
        form.write(photos, tmp_path)
