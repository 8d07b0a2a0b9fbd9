"""CVAT's XML for images: every shape, and what people and exports do to it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from datasets.formats import cvat
from tests.datasets.labels_of import boxes_of, only, read_all

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task/></meta>\n'
BOX = '<box label="bin" source="manual" occluded="1" xtl="20" ytl="10" xbr="60" ybr="80" z_order="0"></box>'


def image(*shapes: str, name: str = "a.jpg", size: str = 'width="200" height="100"', number: int = 0) -> str:
    return f'<image id="{number}" name="{name}" {size}>\n' + "\n".join(shapes) + "\n</image>\n"


def put(folder: Path, *images: str, tail: str = "</annotations>\n") -> None:
    (folder / "annotations.xml").write_text(HEAD + "".join(images) + tail, encoding="utf-8")


def test_an_export(tmp_path: Path) -> None:
    shapes = [
        BOX.replace("></box>", '><attribute name="severity">hazard</attribute></box>'),
        '<tag label="雨天" source="manual"></tag>',
    ]
    put(tmp_path, image(*shapes, name="day1\\a.jpg"))
    photo = only(cvat, tmp_path)
    assert (photo.name, photo.size_wh, photo.where) == ("day1/a.jpg", (200, 100), "image[@id='0']")
    assert boxes_of(photo) == [("bin", (0.1, 0.1, 0.3, 0.8))]
    assert photo.boxes[0].where == "image[@id='0']/box[1]"
    assert photo.present == {"雨天"}
    assert (photo.absent, photo.exhaustive) == (frozenset(), None)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ('<polygon label="s" points="20,10;60,10;40,80"/>', (0.1, 0.1, 0.3, 0.8)),
        ('<polyline label="s" points="20.00,80.00;60.00,10.00"/>', (0.1, 0.1, 0.3, 0.8)),
        ('<points label="s" points="20,10;60,80"/>', (0.1, 0.1, 0.3, 0.8)),
        ('<ellipse label="s" cx="40" cy="45" rx="20" ry="35"/>', (0.1, 0.1, 0.3, 0.8)),
        ('<ellipse label="s" cx="40" cy="45" rx="35" ry="20" rotation="90"/>', (0.1, 0.1, 0.3, 0.8)),
        ('<mask label="s" rle="1, 2, 2, 2, 1" left="20" top="10" width="4" height="2"/>', (0.105, 0.1, 0.115, 0.12)),
        ('<mask label="s" rle="205, 390, 205" left="0" top="0" width="200" height="4"/>', (0.0, 0.01, 1.0, 0.03)),
        (
            '<skeleton label="s"><points label="1" outside="0" points="20,10"/>'
            '<points label="2" outside="1" points="0,0"/><points label="3" outside="0" points="60,80"/></skeleton>',
            (0.1, 0.1, 0.3, 0.8),
        ),
        (
            '<cuboid label="s" xtl1="20" ytl1="10" xbl1="20" ybl1="70" xtr1="50" ytr1="10" xbr1="50" ybr1="70" '
            'xtl2="30" ytl2="20" xbl2="30" ybl2="80" xtr2="60" ytr2="20" xbr2="60" ybr2="80"/>',
            (0.1, 0.1, 0.3, 0.8),
        ),
    ],
)
def test_shapes_are_reduced_to_the_box_around_them(
    tmp_path: Path, shape: str, expected: tuple[float, float, float, float]
) -> None:
    put(tmp_path, image(shape), image(shape, number=1))
    photos, faults = read_all(cvat, tmp_path)
    assert boxes_of(photos[0]) == [("s", expected)]
    assert [(fault.code, fault.severity) for fault in faults] == [("shape-reduced", "note")]
    assert faults[0].message.startswith("2 个")


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        ("0.0", (0.1, 0.1, 0.3, 0.5)),
        ("90", (0.1, 0.1, 0.3, 0.5)),  # 40 x 40 pixels: a quarter turn changes nothing
        ("45", (0.058579, 0.017157, 0.341421, 0.582843)),
        ("359.99999", (0.1, 0.1, 0.3, 0.5)),
    ],
)
def test_a_turned_box_turns_about_its_centre(
    tmp_path: Path, rotation: str, expected: tuple[float, float, float, float]
) -> None:
    put(tmp_path, image(f'<box label="s" xtl="20" ytl="10" xbr="60" ybr="50" rotation="{rotation}"/>'))
    assert boxes_of(only(cvat, tmp_path))[0][1] == pytest.approx(expected, abs=1e-6)


def test_shapes_outside_the_photo_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, image(BOX, BOX.replace("occluded", 'outside="1" occluded')))
    assert len(only(cvat, tmp_path).boxes) == 1


@pytest.mark.parametrize(
    ("shape", "code", "message"),
    [
        ('<cube label="s" points="1,2"/>', "shape-unknown", "cube"),
        (BOX.replace('xtl="20"', ""), "box-broken", "'xtl' is missing"),
        (BOX.replace('"20"', '"abc"'), "box-broken", "'abc'"),
        (BOX.replace('"20"', '"inf"'), "box-broken", "inf"),
        (BOX.replace('"bin"', '" "'), "box-broken", "no label"),
        ('<polygon label="s" points="1,2;3"/>', "box-broken", "polygon is left out"),
        ('<polygon label="s" points=""/>', "box-broken", "polygon is left out"),
        ('<mask label="s" rle="8" left="0" top="0" width="4" height="2"/>', "box-broken", "the mask is empty"),
        ('<skeleton label="s"/>', "box-broken", "no joint"),
    ],
)
def test_an_unusable_shape_costs_only_itself(tmp_path: Path, shape: str, code: str, message: str) -> None:
    put(tmp_path, image(shape, BOX, number=7))
    photos, faults = read_all(cvat, tmp_path)
    assert [box.label for box in photos[0].boxes] == ["bin"]
    assert (faults[0].code, faults[0].name, faults[0].file) == (code, "a.jpg", "annotations.xml")
    assert faults[0].where.startswith("image[@id='7']/")
    assert message in faults[0].message


@pytest.mark.parametrize(
    ("images", "code", "where"),
    [
        ((image(BOX, name=""),), "name-missing", "image[@id='0']"),
        ((image(BOX, size=""),), "size-missing", "image[@id='0']"),
        ((image(BOX, size='width="0" height="x"'),), "size-missing", "image[@id='0']"),
        (('<track id="3" label="bin"/>',), "video-track", "track[@id='3']"),
    ],
)
def test_an_unusable_photo_costs_only_itself(tmp_path: Path, images: tuple[str, ...], code: str, where: str) -> None:
    put(tmp_path, *images, image(BOX, name="c.jpg", number=9))
    photos, faults = read_all(cvat, tmp_path)
    assert [photo.name for photo in photos] == ["c.jpg"]
    assert [(fault.code, fault.severity, fault.where) for fault in faults] == [(code, "error", where)]


def test_a_broken_file_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    put(tmp_path, image(BOX), image(BOX, name="b.jpg", number=1), "<image id='2' name='c.jpg'><box></image>", tail="")
    photos, faults = read_all(cvat, tmp_path)
    assert [photo.name for photo in photos] == ["a.jpg", "b.jpg"]
    assert [(fault.code, fault.file, fault.where) for fault in faults] == [("xml-broken", "annotations.xml", "11")]


def test_entities_are_refused(tmp_path: Path) -> None:
    text = '<!DOCTYPE annotations [<!ENTITY x "1"><!ENTITY y "&x;&x;">]><annotations><image name="&y;"/></annotations>'
    (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
    assert cvat.recognises(tmp_path)
    photos, faults = read_all(cvat, tmp_path)
    assert not photos
    assert [(fault.code, fault.severity, fault.file) for fault in faults] == [
        ("xml-entities", "error", "annotations.xml")
    ]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    remark = (
        f'<box label="bin" xtl="1" ytl="1" xbr="2" ybr="2"><attribute name="remark">{"长" * 10_000}</attribute></box>'
    )

    def peak(photos: int) -> int:
        put(tmp_path, *(image(remark, number=number) for number in range(photos)))
        tracemalloc.start()
        try:
            assert sum(1 for _ in cvat.read(tmp_path, print)) == photos
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(400) < 1.2 * peak(100)  # 12 and 3 megabytes of XML
