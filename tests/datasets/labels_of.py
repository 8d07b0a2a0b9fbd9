"""Label files read in tests, and raw photos that hypothesis makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from datasets.faults import Fault
from datasets.raw import Format, RawBox, RawPhoto

LABELS = ("垃圾满溢", "飞线/杂乱线缆", "bin", "a & b <c>", 'say "x"', "overflowing bin 2", "广告'牌")
REMARKS = ("night", "雨天", "collage")
FOLDERS = ("", "day 1/", "东街/08/", "a+b%20#/")


def read_all(form: Format, folder: Path) -> tuple[list[RawPhoto], list[Fault]]:
    """What a format reads from a folder, and what it reports."""
    faults: list[Fault] = []
    return list(form.read(folder, faults.append)), faults


def only(form: Format, folder: Path) -> RawPhoto:
    """The one photo of a folder without faults."""
    photos, faults = read_all(form, folder)
    assert not faults
    assert len(photos) == 1
    return photos[0]


def boxes_of(photo: RawPhoto) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Label and rounded corners of each box."""
    return [(box.label, tuple(round(v, 6) for v in box.xyxy)) for box in photo.boxes]  # type: ignore[misc]


def assert_same(read: Iterable[RawPhoto], expected: Iterable[RawPhoto]) -> None:
    """The photos are the same but for where they stand; boxes to a millionth of the side."""
    for got, want in zip(sorted(read, key=lambda p: p.name), sorted(expected, key=lambda p: p.name), strict=True):
        assert replace(got, boxes=(), file="", where="") == replace(want, boxes=(), file="", where="")
        assert [box.label for box in got.boxes] == [box.label for box in want.boxes]
        for box, other in zip(got.boxes, want.boxes, strict=True):
            assert box.xyxy == pytest.approx(other.xyxy, abs=1e-6)


def names(fewest: int = 0) -> st.SearchStrategy[frozenset[str]]:
    """Sets of class names."""
    return st.frozensets(st.sampled_from(LABELS), min_size=fewest, max_size=3)


def labels() -> st.SearchStrategy[str]:
    """Class names, odd ones too, but none that begins or ends with white space, and no control characters."""
    text = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)
    return st.sampled_from(LABELS) | text.map(str.strip).filter(bool)


@st.composite
def boxes(draw: st.DrawFn) -> RawBox:
    """Boxes, some of which reach out of the photo."""
    x1, y1 = draw(st.floats(-0.2, 1)), draw(st.floats(-0.2, 1))
    width, height = draw(st.floats(1e-3, 1)), draw(st.floats(1e-3, 1))
    return RawBox(draw(labels()), (x1, y1, x1 + width, y1 + height))


@st.composite
def photos(draw: st.DrawFn) -> list[RawPhoto]:
    """Photos of different names with everything that a raw photo can say, but no tag that contradicts another."""
    stems = draw(st.lists(st.sampled_from(("a", "b", "街面 01", "c.d", "e")), unique=True, max_size=4))
    return [draw(_photo(f"{draw(st.sampled_from(FOLDERS))}{stem}.jpg")) for stem in stems]


def _photo(name: str) -> st.SearchStrategy[RawPhoto]:
    tags = st.tuples(names(), names()).map(lambda pair: (pair[0], pair[1] - pair[0]))
    return st.builds(
        lambda tags, **rest: RawPhoto(name, present=tags[0], absent=tags[1], **rest),
        tags,
        boxes=st.lists(boxes(), max_size=4).map(tuple),
        size_wh=st.tuples(st.integers(16, 12_000), st.integers(16, 12_000)),
        exhaustive=st.none() | names(),
        unsure=names(),
        flags=st.frozensets(st.sampled_from(REMARKS), max_size=2),
        sha256=st.sampled_from(("", "ab" * 32)),
        group=st.sampled_from(("", "case-7")),
    )
