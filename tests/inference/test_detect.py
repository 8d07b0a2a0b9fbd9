"""Raw output -> detections, on outputs made by hand and against a suppression written the slow way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference import detect as module
from inference.detect import detect
from inference.detections import Detections
from inference.letterbox import Placement
from inference.package import NmsRecipe

CATEGORIES = ("garbage_bag", "bin", "pothole")
SAME = Placement(1, 1, 0, 0)
SIZE = (640, 640)

Box = tuple[float, ...]
Candidate = tuple[Box, dict[str, float]]


def output(*candidates: Candidate) -> NDArray[np.float32]:
    """Raw output whose anchors are ((x1, y1, x2, y2), category -> score)."""
    raw = np.zeros((4 + len(CATEGORIES), len(candidates)), np.float32)
    for anchor, ((x1, y1, x2, y2), scores) in enumerate(candidates):
        raw[:4, anchor] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        for category, score in scores.items():
            raw[4 + CATEGORIES.index(category), anchor] = score
    return raw


def recipe(floor: float = 0.05, iou: float = 0.6, most: int = 300) -> NmsRecipe:
    return NmsRecipe(score_floor=floor, iou=iou, max_detections=most)


def found(*candidates: Candidate, nms: NmsRecipe | None = None, score_floor: float | None = None) -> Detections:
    return detect(output(*candidates), CATEGORIES, nms or recipe(), SAME, SIZE, score_floor)


def rows(detections: Detections) -> list[tuple[str, float, list[float]]]:
    return list(
        zip(
            detections.categories,
            [round(score, 4) for score in detections.scores.tolist()],
            detections.xyxy.tolist(),
            strict=True,
        )
    )


A, B = (100, 100, 200, 200), (300, 300, 400, 400)

# ----------------------------------------------------------------------------------------------- floor


@pytest.mark.parametrize(
    ("score", "floor", "override", "is_kept"),
    [
        (0.06, 0.05, None, True),
        (0.04, 0.05, None, False),
        (0.05, 0.05, None, True),
        (0.04, 0.05, 0.01, True),
        (0.06, 0.05, 0.5, False),
        (0.06, 0.05, 0.0, True),
        (1.0, 0.05, 1.0, True),
        (0.0, 0.05, None, False),
    ],
)
def test_floor(score: float, floor: float, override: float | None, *, is_kept: bool) -> None:
    assert bool(len(found((A, {"bin": score}), nms=recipe(floor), score_floor=override))) is is_kept


@pytest.mark.parametrize("raw", [output(), output((A, {})), output((A, {"bin": 0.01}), (B, {"pothole": 0.02}))])
def test_nothing_found_is_an_empty_answer(raw: NDArray[np.float32]) -> None:
    nothing = detect(raw, CATEGORIES, recipe(), SAME, SIZE)
    assert (nothing.xyxy.shape, nothing.scores.shape, nothing.categories) == ((0, 4), (0,), ())
    assert nothing.xyxy.dtype == nothing.scores.dtype == np.float32


@pytest.mark.parametrize("shape", [(4, 10), (8, 10), (6, 10), (7,), (1, 7, 10), (10, 7)])
def test_output_of_another_model_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"raw must have shape \(7, anchors\), but got \(") as caught:
        detect(np.zeros(shape, np.float32), CATEGORIES, recipe(), SAME, SIZE)
    assert str(shape) in str(caught.value)


# ----------------------------------------------------------------------------------------- suppression


def test_strongest_first_whatever_the_category() -> None:
    answer = found((A, {"bin": 0.3}), (B, {"bin": 0.9}), ((0, 0, 50, 50), {"pothole": 0.5}))
    assert answer.scores.tolist() == pytest.approx([0.9, 0.5, 0.3])


def test_one_place_may_show_two_categories() -> None:
    both = found((A, {"bin": 0.9, "garbage_bag": 0.4}))
    assert rows(both) == [("bin", 0.9, [*A]), ("garbage_bag", 0.4, [*A])]
    both = found((A, {"bin": 0.9}), (A, {"garbage_bag": 0.8}))
    assert both.categories == ("bin", "garbage_bag")


@pytest.mark.parametrize(
    ("second", "iou", "kept"),
    [
        pytest.param((100, 100, 200, 200), 0.6, 1, id="same place"),
        pytest.param((100, 100, 200, 150), 0.5, 2, id="overlap exactly at the limit stays"),
        pytest.param((100, 100, 200, 151), 0.5, 1, id="overlap above the limit goes"),
        pytest.param((100, 100, 200, 149), 0.5, 2, id="overlap below the limit stays"),
        pytest.param((120, 120, 180, 180), 0.6, 2, id="a small box within a large one stays"),
        pytest.param((200, 100, 300, 200), 0.01, 2, id="touching is no overlap"),
        pytest.param((300, 300, 400, 400), 0.01, 2, id="apart"),
    ],
)
def test_overlap(second: Box, iou: float, kept: int) -> None:
    assert len(found((A, {"bin": 0.9}), (second, {"bin": 0.8}), nms=recipe(iou=iou))) == kept


def test_a_suppressed_box_suppresses_nothing() -> None:
    chain = [((100 + 30 * step, 0, 200 + 30 * step, 100), {"bin": 0.9 - 0.1 * step}) for step in range(3)]
    answer = found(*chain, nms=recipe(iou=0.5))  # neighbours overlap by 0.54, the ends by 0.25
    assert answer.xyxy[:, 0].tolist() == [100, 160]


def test_a_box_off_the_photo_does_not_touch_boxes_of_other_categories() -> None:
    """OpenCV's batched suppression shifts categories apart by the largest corner, which negative corners defeat."""
    answer = found(((600, 600, 640, 640), {"garbage_bag": 0.5}), ((-40, -40, 0.5, 0.5), {"bin": 0.9}))
    assert answer.categories == ("bin", "garbage_bag")


@pytest.mark.parametrize("most", [1, 3, 10])
def test_only_the_strongest_are_returned(most: int) -> None:
    grid = [((50 * i, 0, 50 * i + 40, 40), {"bin": 0.1 + 0.05 * i}) for i in range(10)]
    answer = found(*grid, nms=recipe(most=most))
    assert len(answer) == most
    assert answer.scores[0] == pytest.approx(0.55)
    assert all(a > b for a, b in pairwise(answer.scores.tolist()))


def test_of_too_many_candidates_the_strongest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_CANDIDATES", 4)
    grid = [((50 * i, 0, 50 * i + 40, 40), {"bin": 0.1 + 0.05 * i, "pothole": 0.07}) for i in range(10)]
    answer = found(*grid)
    assert answer.scores.tolist() == pytest.approx([0.55, 0.5, 0.45, 0.4])


def test_a_floor_of_zero_gives_the_strongest_first() -> None:
    """min_score=0 makes a candidate of every anchor and category, 168,000 of them in the shipped model."""
    rng = np.random.default_rng(5)
    raw = rng.uniform(0, 1, (4 + len(CATEGORIES), 20_000)).astype(np.float32)
    raw[:4] *= 600
    everything = detect(raw, CATEGORIES, recipe(iou=0.01), SAME, SIZE, 0.0)
    strong = detect(raw, CATEGORIES, recipe(iou=0.01), SAME, SIZE, 0.9)
    n = len(strong)
    assert 0 < n <= len(everything) <= 300
    np.testing.assert_array_equal(everything.xyxy[:n], strong.xyxy)


def test_ties_are_broken_by_category_then_anchor_every_time() -> None:
    grid = [((50 * i, 0, 50 * i + 40, 40), dict.fromkeys(CATEGORIES, 0.5)) for i in range(12)]
    first = found(*grid, nms=recipe(most=20))
    assert first.categories == ("garbage_bag",) * 12 + ("bin",) * 8
    assert first.xyxy[:12, 0].tolist() == [50 * i for i in range(12)]
    for _ in range(5):
        assert rows(found(*grid, nms=recipe(most=20))) == rows(first)


def test_of_equal_boxes_with_equal_scores_one_stays() -> None:
    assert len(found(*[(A, {"bin": 0.5})] * 7)) == 1


# ------------------------------------------------------------- against a suppression written the slow way


def iou(a: list[int], b: list[int]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def slowly(boxes: list[list[int]], scores: list[list[float]], nms: NmsRecipe) -> list[tuple[int, int]]:
    """(category, anchor) that survive: every pair compared, strongest first, earlier ones first among equals."""
    everything = [
        (score, category, anchor)
        for category, of_category in enumerate(scores)
        for anchor, score in enumerate(of_category)
        if score >= nms.score_floor
    ]
    kept: list[tuple[int, int]] = []
    for _, category, anchor in sorted(everything, key=lambda c: -c[0]):
        rivals = [boxes[other] for same, other in kept if same == category]
        if all(iou(boxes[anchor], rival) <= nms.iou for rival in rivals):
            kept.append((category, anchor))
    return kept[: nms.max_detections]


@st.composite
def small_outputs(draw: st.DrawFn) -> tuple[list[list[int]], list[list[float]], NmsRecipe]:
    """Boxes on a coarse grid and few score levels, so that ties and exact overlaps are common."""
    n = draw(st.integers(0, 14))
    corner, side = st.integers(0, 6), st.integers(1, 5)
    boxes = [
        [x, y, x + w, y + h]
        for x, y, w, h in draw(st.lists(st.tuples(corner, corner, side, side), min_size=n, max_size=n))
    ]
    levels = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
    scores = [draw(st.lists(levels, min_size=n, max_size=n)) for _ in CATEGORIES]
    overlap = draw(st.sampled_from([0.2, 0.25, 0.5, 0.6, 0.75]))
    return boxes, scores, recipe(0.125, overlap, draw(st.sampled_from([1, 5, 300])))


@settings(max_examples=300, deadline=None)
@given(case=small_outputs())
def test_suppression_agrees_with_the_slow_way(case: tuple[list[list[int]], list[list[float]], NmsRecipe]) -> None:
    boxes, scores, nms = case
    raw = output(*((tuple(box), {}) for box in boxes))
    raw[4:] = np.array(scores, np.float32).reshape(len(CATEGORIES), len(boxes))
    answer = detect(raw, CATEGORIES, nms, SAME, SIZE)
    expected = slowly(boxes, scores, nms)
    assert [*answer.categories] == [CATEGORIES[category] for category, _ in expected]
    assert answer.xyxy.tolist() == [boxes[anchor] for _, anchor in expected]
    assert answer.scores.tolist() == [scores[category][anchor] for category, anchor in expected]


# -------------------------------------------------------------------------------------- boxes in the photo


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((-30, 10, 50, 60), [0, 10, 50, 60], id="over the left edge"),
        pytest.param((600, 620, 700, 700), [600, 620, 640, 640], id="over the far corner"),
        pytest.param((-10, -10, 700, 700), [0, 0, 640, 640], id="larger than the photo"),
        pytest.param((-50, 10, -5, 60), None, id="left of the photo"),
        pytest.param((10, 650, 60, 700), None, id="below the photo"),
        pytest.param((-50, 10, 0, 60), None, id="ends at the edge"),
        pytest.param((100, 100, 100, 200), None, id="no width"),
        pytest.param((100, 200, 200, 200), None, id="no height"),
        pytest.param((200, 200, 100, 100), None, id="inside out"),
    ],
)
def test_boxes_are_cut_to_the_photo(box: Box, expected: list[float] | None) -> None:
    answer = found((box, {"bin": 0.9}))
    assert answer.xyxy.tolist() == ([] if expected is None else [expected])


def test_boxes_refer_to_the_full_size_photo() -> None:
    quarter = Placement(640 / 3264, 480 / 2448, 0, 80)
    raw = output(
        ((0, 80, 640, 560), {"bin": 0.9}), ((320, 320, 330, 330), {"pothole": 0.8}), ((0, 0, 640, 79), {"bin": 0.7})
    )
    answer = detect(raw, CATEGORIES, recipe(), quarter, (3264, 2448))
    np.testing.assert_allclose(answer.xyxy, [[0, 0, 3264, 2448], [1632, 1224, 1683, 1275]], atol=1e-3)


def test_a_strip_three_input_pixels_wide_keeps_its_boxes_inside() -> None:
    strip = Placement(3 / 16, 640 / 4000, 318, 0)
    raw = output(((310, 100, 330, 200), {"bin": 0.9}), ((318.9, 100, 319.9, 200), {"pothole": 0.8}))
    answer = detect(raw, CATEGORIES, recipe(), strip, (16, 4000))
    expected = np.array([[0, 625, 16, 1250], [4.8, 625, 10.1333, 1250]])
    np.testing.assert_allclose(answer.xyxy, expected, atol=1e-3)


# ----------------------------------------------------------------------------------------- not a number

ROW = {"x": 0, "y": 1, "width": 2, "height": 3, "score": 5}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # infinity minus infinity
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", ROW)
def test_what_is_not_a_number_is_no_detection_and_hides_none(row: str, value: float) -> None:
    raw = output((A, {"bin": 0.9}), (A, {"bin": 0.5}), (B, {"bin": 0.4}))
    raw[ROW[row], 0] = value
    answer = detect(raw, CATEGORIES, recipe(), SAME, SIZE)
    assert rows(answer) == [("bin", 0.5, [*A]), ("bin", 0.4, [*B])]


def test_an_output_of_nothing_but_nan_is_empty() -> None:
    raw = np.full((7, 50), np.nan, np.float32)
    assert len(detect(raw, CATEGORIES, recipe(), SAME, SIZE, 0.0)) == 0


def test_a_score_rounded_above_one_is_one() -> None:
    assert found((A, {"bin": 1.0000002})).scores.tolist() == [1]


def test_boxes_beyond_the_range_of_float32_areas_are_compared_all_the_same() -> None:
    huge = (-1e25, -1e25, 1e25, 1e25)
    assert rows(found((huge, {"bin": 0.9}), (huge, {"bin": 0.8}))) == [("bin", 0.9, [0, 0, 640, 640])]


def test_the_input_is_not_changed() -> None:
    raw = output((A, {"bin": 0.9}), (B, {"pothole": 0.4}))
    before = raw.copy()
    raw.setflags(write=False)
    detect(raw, CATEGORIES, recipe(), SAME, SIZE)
    assert np.array_equal(raw, before)
