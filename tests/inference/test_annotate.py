"""Boxes and labels on photos: where they lie, that they can be read, that every name has its glyphs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageFont

from inference.annotate import FONT, _place, annotate
from inference.answer import DetectionAnswer, PhotoAnswer, SuggestionAnswer
from inference.categories import load_catalogue
from inference.decide import Decision
from inference.wording import DECISIONS, FAILED, SCORE, VERDICTS, Lang, percent, short

CATALOGUE = load_catalogue()
Rgb = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def suggestion(category: str, decision: Decision = "suggest", probability: float = 0.8) -> SuggestionAnswer:
    entry = CATALOGUE[category]
    return SuggestionAnswer(
        category=category,
        name_zh=entry.name_zh,
        name_en=entry.name_en,
        probability=probability,
        decision=decision,
        codes=[],
        department="",
        photo_indexes=[0],
    )


def detection(category: str, box: Box, score: float = 0.5) -> DetectionAnswer:
    context = CATALOGUE[category].role == "context"
    return DetectionAnswer(category=category, score=score, box=[float(pixel) for pixel in box], context=context)


def answer(
    *detections: DetectionAnswer, suggestions: tuple[SuggestionAnswer, ...] = (), size: tuple[int, int] = (800, 600)
) -> PhotoAnswer:
    return PhotoAnswer(
        index=0,
        filename="a.jpg",
        sha256="",
        width=size[0],
        height=size[1],
        verdict="issue",
        warnings=[],
        suggestions=list(suggestions),
        detections=list(detections),
        error=None,
    )


def grey(width: int, height: int, value: int = 128) -> Rgb:
    return np.full((height, width, 3), value, np.uint8)


def changed(before: Rgb, after: Rgb) -> Box:
    """What differs: (x1, y1, x2, y2), both ends included."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def draw(rgb: Rgb, photo: PhotoAnswer, lang: Lang = "zh") -> Rgb:
    return annotate(rgb, photo, CATALOGUE, lang)


# ------------------------------------------------------------------------------------------- glyphs


@pytest.fixture(scope="module")
def font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, 32)


def drawn(char: str, font: ImageFont.FreeTypeFont) -> bytes:
    return bytes(font.getmask(char))


def texts() -> Iterator[str]:
    for category in CATALOGUE.values():
        yield from (category.name_zh, category.name_en)
    for words in (*VERDICTS.values(), *DECISIONS.values(), FAILED, SCORE):
        yield from words.values()
    yield "0123456789%"


def test_every_character_of_every_name_has_a_glyph(font: ImageFont.FreeTypeFont) -> None:
    missing = drawn("\uffff", font)
    without = {char for char in set("".join(texts())) - {" "} if drawn(char, font) in (missing, b"")}
    assert not without


def test_a_character_without_glyph_would_be_found(font: ImageFont.FreeTypeFont) -> None:
    assert drawn("\U00020000", font) == drawn("\uffff", font)


def test_the_font_is_small_and_has_its_licence_beside_it() -> None:
    assert FONT.stat().st_size < 3 * 1024 * 1024
    assert "SIL OPEN FONT LICENSE Version 1.1" in FONT.with_name("OFL.txt").read_text("utf-8")


# -------------------------------------------------------------------------------------------- boxes


def test_nothing_found_changes_nothing() -> None:
    rgb = grey(200, 100)
    assert np.array_equal(draw(rgb, answer()), rgb)


def test_the_photo_itself_is_not_drawn_on() -> None:
    rgb = grey(200, 100)
    draw(rgb, answer(detection("damaged_road", (10, 10, 50, 50))))
    assert (rgb == 128).all()


@pytest.mark.parametrize("scale", [0.25, 0.5, 1, 2])
def test_boxes_are_scaled_from_full_size_to_the_picture(scale: float) -> None:
    rgb = grey(round(1600 * scale), round(1200 * scale))
    box = (400, 600, 1200, 1000)
    drawn_on = draw(rgb, answer(detection("waste_bin", box), size=(1600, 1200)))
    left, _, right, bottom = changed(rgb, drawn_on)  # the label lies above, between left and right
    expected = [round(pixel * scale) for pixel in box]
    assert (left, right) == pytest.approx((expected[0], expected[2]), abs=2)
    assert bottom == pytest.approx(expected[3], abs=2)


def test_the_inside_of_a_box_stays_as_it_was() -> None:
    rgb = grey(800, 600)
    drawn_on = draw(rgb, answer(detection("damaged_road", (100, 200, 700, 500))))
    assert (drawn_on[210:490, 110:690] == 128).all()


def colours(rgb: Rgb) -> set[tuple[int, ...]]:
    """Colours of the left edge of the box (100, 200, 700, 500), from outside to inside."""
    return {tuple(pixel) for pixel in rgb[300, 95:115].tolist()}


def test_each_kind_of_box_has_its_colour() -> None:
    box = (100, 200, 700, 500)
    kinds = [
        answer(detection("damaged_road", box), suggestions=(suggestion("damaged_road", "prefill"),)),
        answer(detection("damaged_road", box), suggestions=(suggestion("damaged_road", "suggest"),)),
        answer(detection("damaged_road", box)),
        answer(detection("waste_bin", box)),
    ]
    seen = [colours(draw(grey(800, 600), photo)) - {(128, 128, 128), (255, 255, 255)} for photo in kinds]
    assert all(len(one) == 1 for one in seen)
    assert len(set.union(*seen)) == 4


def test_context_boxes_are_thinner_and_grey() -> None:
    box = (100, 200, 700, 500)

    def line(photo: PhotoAnswer) -> Rgb:
        edge = draw(grey(1600, 1200), photo)[600, 190:230]
        return np.asarray(edge[(edge != 128).any(axis=1) & (edge != 255).any(axis=1)], np.uint8)

    context = line(answer(detection("waste_bin", box)))
    suggested = line(answer(detection("damaged_road", box), suggestions=(suggestion("damaged_road"),)))
    assert len(context) < len(suggested)
    assert np.ptp(context[0]) == 0


@pytest.mark.parametrize("ground", [0, 105, 128, 255])
def test_a_box_shows_on_any_ground(ground: int) -> None:
    photo = answer(detection("waste_bin", (100, 200, 700, 500)))
    edge = draw(grey(800, 600, ground), photo)[300, 90:120].astype(int)
    assert np.abs(edge - ground).max() > 100


def test_a_box_of_a_suggested_parent_carries_the_parent() -> None:
    box = (100, 200, 700, 500)
    parent = answer(detection("exposed_garbage", box), suggestions=(suggestion("garbage", "prefill"),))
    own = answer(detection("exposed_garbage", box), suggestions=(suggestion("exposed_garbage", "prefill"),))
    assert colours(draw(grey(800, 600), parent)) == colours(draw(grey(800, 600), own))
    assert not np.array_equal(draw(grey(800, 600), parent), draw(grey(800, 600), own))


# ------------------------------------------------------------------------------------------- labels

corner = st.integers(-50, 1700)
boxes = st.tuples(corner, corner, corner, corner).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@settings(max_examples=200, deadline=None)
@given(box=boxes, label=st.tuples(st.integers(1, 300), st.integers(1, 40)), others=st.lists(boxes, max_size=5))
def test_labels_never_leave_the_picture(box: Box, label: tuple[int, int], others: list[Box]) -> None:
    x1, y1, x2, y2 = _place(box, label, (300, 40), others)
    assert (x2 - x1 + 1, y2 - y1 + 1) == label
    assert 0 <= x1 <= x2 < 300
    assert 0 <= y1 <= y2 < 40


def test_labels_of_one_place_do_not_cover_each_other() -> None:
    first = _place((100, 100, 200, 200), (90, 20), (800, 600), [])
    second = _place((100, 100, 200, 200), (90, 20), (800, 600), [first])
    assert first == (100, 80, 189, 99)
    assert second[1] > first[3] or second[0] > first[2]


def test_a_crowd_leaves_out_labels_but_no_box() -> None:
    crowd = [detection("damaged_road", (300, 300, 400 + 3 * n, 400 + 3 * n), 0.5) for n in range(30)]
    picture = draw(grey(800, 600), answer(*crowd))
    one = draw(grey(800, 600), answer(crowd[0]))
    assert not np.array_equal(picture, one)
    assert changed(grey(800, 600), picture)[3] >= 400 + 3 * 29


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (1600, 8), (8, 1600), (60, 40)])
def test_tiny_pictures_get_boxes_whatever_becomes_of_the_label(size: tuple[int, int]) -> None:
    photo = answer(detection("damaged_road", (0, 0, *size)), size=size)
    assert draw(grey(*size), photo).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("box", [(790, 590, 800, 600), (0, 0, 800, 600), (-20, -20, 5, 5), (900, 700, 950, 800)])
def test_boxes_at_and_beyond_the_border_are_drawn_within(box: Box) -> None:
    rgb = grey(800, 600)
    left, top, right, bottom = changed(rgb, draw(rgb, answer(detection("damaged_road", box))))
    assert left >= 0
    assert top >= 0
    assert right < 800
    assert bottom < 600


def test_labels_are_in_the_language_asked_for() -> None:
    photo = answer(detection("damaged_road", (300, 300, 400, 400)), suggestions=(suggestion("damaged_road"),))
    assert not np.array_equal(draw(grey(800, 600), photo, "zh"), draw(grey(800, 600), photo, "en"))


def two_boxes(probability: float, first: float, second: float) -> Rgb:
    boxes_found = (
        detection("damaged_road", (100, 100, 700, 250), first),
        detection("damaged_road", (100, 400, 700, 550), second),
    )
    suggested = suggestion("damaged_road", "suggest", probability)
    return draw(grey(800, 600), answer(*boxes_found, suggestions=(suggested,)))


def test_the_strongest_box_carries_the_probability_and_the_others_their_score() -> None:
    picture = two_boxes(0.83, 0.6, 0.4)
    assert np.array_equal(picture, two_boxes(0.83, 0.7, 0.4))
    assert changed(picture, two_boxes(0.64, 0.6, 0.4))[3] < 100
    assert changed(picture, two_boxes(0.83, 0.6, 0.2))[1] > 250


def test_many_threads_draw_the_same_picture() -> None:
    photo = answer(
        detection("damaged_road", (100, 100, 700, 500)), detection("waste_bin", (10, 300, 90, 500)), size=(800, 600)
    )
    alone = draw(grey(800, 600), photo)
    with ThreadPoolExecutor(8) as executor:
        together = list(executor.map(lambda _: draw(grey(800, 600), photo), range(40)))
    assert all(np.array_equal(picture, alone) for picture in together)


# -------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("share", "expected"), [(0, "0%"), (0.0001, "1%"), (0.5, "50%"), (0.946, "95%"), (0.9999, "99%"), (1, "100%")]
)
def test_percent_claims_certainty_only_where_there_is(share: float, expected: str) -> None:
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("暴露垃圾(含打包垃圾、散落垃圾)", "暴露垃圾"),
        ("非机动车（共享）", "非机动车"),
        ("waste bin", "waste bin"),
        ("(x)", "(x)"),
    ],
)
def test_short_names_have_no_brackets(name: str, expected: str) -> None:
    assert short(name) == expected


def test_short_names_still_tell_categories_apart() -> None:
    assert len({short(category.name_zh) for category in CATALOGUE.values()}) == len(CATALOGUE)
