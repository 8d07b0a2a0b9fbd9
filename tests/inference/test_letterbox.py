"""Where a photo lies in the model's input, to a fraction of a pixel, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from inference.letterbox import InputRecipe, Placement, letterbox, resize

RECIPE = InputRecipe(width=640, height=640)


def plain(width: int, height: int, value: int = 200) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


# ------------------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize(
    ("full", "decoded", "recipe", "content"),
    [
        pytest.param((640, 480), (640, 480), {}, (0, 80, 640, 560), id="landscape"),
        pytest.param((480, 640), (480, 640), {}, (80, 0, 560, 640), id="portrait"),
        pytest.param((640, 640), (640, 640), {}, (0, 0, 640, 640), id="square"),
        pytest.param((1280, 720), (1280, 720), {}, (0, 140, 640, 500), id="shrunk"),
        pytest.param((33, 20), (33, 20), {}, (0, 126, 640, 514), id="tiny, enlarged"),
        pytest.param((33, 20), (33, 20), {"enlarge": False}, (303, 310, 336, 330), id="tiny, as it is"),
        pytest.param((1280, 720), (1280, 720), {"enlarge": False}, (0, 140, 640, 500), id="shrunk all the same"),
        pytest.param((3264, 2448), (816, 612), {}, (0, 80, 640, 560), id="decoded at a quarter"),
        pytest.param((2448, 3264), (612, 816), {}, (80, 0, 560, 640), id="portrait at a quarter"),
        pytest.param((4001, 3001), (1001, 751), {}, (0, 80, 640, 560), id="odd sides at a quarter"),
        pytest.param((4000, 16), (4000, 16), {}, (0, 318, 640, 321), id="a strip, three pixels high"),
        pytest.param((16, 4000), (16, 4000), {}, (318, 0, 321, 640), id="a strip, three pixels wide"),
        pytest.param((9000, 3), (9000, 3), {}, (0, 319, 640, 320), id="a line keeps one pixel"),
        pytest.param((640, 480), (640, 480), {"width": 960, "height": 384}, (224, 0, 736, 384), id="wide input"),
    ],
)
def test_place_of_the_photo(
    full: tuple[int, int], decoded: tuple[int, int], recipe: dict[str, Any], content: tuple[int, int, int, int]
) -> None:
    chosen = RECIPE.model_copy(update=recipe)
    tensor, placement = letterbox(plain(*decoded, value=255), chosen, *full)
    assert tensor.shape == (1, 3, chosen.height, chosen.width)
    rows, columns = np.nonzero(tensor[0, 0] == 1)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == content
    assert (placement.offset_x, placement.offset_y) == content[:2]
    corners = placement.to_photo(np.array([content], np.float32))
    np.testing.assert_allclose(corners, [[0, 0, *full]], atol=1e-3)


sides = st.integers(1, 5000)


@settings(max_examples=200, deadline=None)
@given(width=sides, height=sides, offset=st.tuples(st.integers(0, 320), st.integers(0, 320)), data=st.data())
def test_to_photo_inverts_the_placement(width: int, height: int, offset: tuple[int, int], data: st.DataObject) -> None:
    scale = min(640 / width, 640 / height)
    placement = Placement(max(1, round(width * scale)) / width, max(1, round(height * scale)) / height, *offset)
    xs, ys = st.floats(0, width, width=32), st.floats(0, height, width=32)
    boxes = data.draw(st.lists(st.tuples(xs, ys, xs, ys), max_size=5))
    photo = np.array(boxes, np.float32).reshape(-1, 4)
    scales = np.array([placement.scale_x, placement.scale_y] * 2)
    there = (photo * scales + [*offset, *offset]).astype(np.float32)
    back = placement.to_photo(there)
    assert back.dtype == np.float32
    half_an_input_pixel = np.tile([0.5, 0.5], 2) / scales
    assert (np.abs(back - photo) <= half_an_input_pixel / 100).all()


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 1500), height=st.integers(1, 1500))
def test_any_photo_fits_and_touches_two_sides(width: int, height: int) -> None:
    recipe = InputRecipe(width=64, height=96)
    tensor, placement = letterbox(plain(width, height), recipe, width, height)
    x1, y1, x2, y2 = (
        placement.offset_x,
        placement.offset_y,
        placement.offset_x + placement.scale_x * width,
        placement.offset_y + placement.scale_y * height,
    )
    assert 0 <= x1 < x2 <= 64 + 1e-6
    assert 0 <= y1 < y2 <= 96 + 1e-6
    assert x2 - x1 == pytest.approx(64) or y2 - y1 == pytest.approx(96)
    inside = tensor[0, :, round(y1) : round(y2), round(x1) : round(x2)]
    np.testing.assert_allclose(inside, 200 / 255, rtol=1e-6)
    assert (tensor > 0.6).sum() == inside.size  # the border is 114 / 255


@pytest.mark.parametrize("axis", [0, 1], ids=["vertical", "horizontal"])
@pytest.mark.parametrize(
    ("side", "full", "edge"),
    [
        pytest.param(1280, 1280, 301, id="half, odd edge"),
        pytest.param(1000, 1000, 333, id="shrunk by a fraction"),
        pytest.param(997, 997, 100, id="prime side"),
        pytest.param(641, 641, 320, id="barely shrunk"),
        pytest.param(500, 500, 123, id="enlarged by a fraction"),
        pytest.param(64, 64, 21, id="enlarged tenfold"),
        pytest.param(800, 3200, 250, id="decoded at a quarter"),
    ],
)
def test_an_edge_is_found_where_it_is(axis: int, side: int, full: int, edge: int) -> None:
    """A resize that is off by half a pixel, or aligns corners, moves it."""
    rgb = plain(side, side, 0)
    rgb[(slice(edge, None), slice(None))[:: 1 - 2 * axis]] = 255
    tensor, placement = letterbox(rgb, RECIPE, full, full)
    profile = tensor[0, 0].mean(axis=1 - axis)
    in_input = 640 - float(profile.sum())  # what is white lies behind the edge
    found = placement.to_photo(np.full((1, 4), in_input, np.float32))[0, axis]
    assert found * side / full == pytest.approx(edge, abs=0.02 * max(1, side / 640))


# --------------------------------------------------------------------------------------------- values


def test_the_border_has_the_fill_value_and_the_photo_its_own() -> None:
    tensor, _ = letterbox(plain(640, 320), RECIPE, 640, 320)
    assert np.unique(tensor[0, :, :160]).tolist() == [np.float32(114) * np.float32(1 / 255)]
    assert np.unique(tensor[0, :, 480:]).tolist() == [np.float32(114) * np.float32(1 / 255)]
    assert np.unique(tensor[0, :, 160:480]).tolist() == [np.float32(200) * np.float32(1 / 255)]


def test_the_input_is_planar_rgb_in_0_to_1_and_contiguous() -> None:
    rgb = np.zeros((640, 640, 3), np.uint8)
    rgb[..., 0], rgb[..., 2] = 255, 51
    tensor, _ = letterbox(rgb, RECIPE, 640, 640)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    np.testing.assert_allclose(tensor[0].mean(axis=(1, 2)), [1, 0, 0.2], rtol=1e-6)
    assert tensor.max() <= 1


def test_the_photo_itself_is_left_alone() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    before = rgb.copy()
    tensor, _ = letterbox(rgb, RECIPE, 640, 640)
    tensor[:] = 0
    assert np.array_equal(rgb, before)


def test_shrinking_averages_and_does_not_alias() -> None:
    board = ((np.indices((1280, 1280)).sum(axis=0) % 2) * 255).astype(np.uint8)
    small = resize(np.stack([board] * 3, axis=2), 640, 640)
    assert set(np.unique(small)) <= {127, 128}
    fine = resize(np.stack([board] * 3, axis=2), 500, 500)
    assert fine.std() < 20  # bilinear sampling of every 2.56th pixel gives about 50


def test_enlarging_interpolates_without_overshoot() -> None:
    rgb = plain(2, 1, 50)
    rgb[0, 1] = 150
    row = resize(rgb, 100, 1)[0, :, 0].astype(int)
    assert (row[0], row[-1]) == (50, 150)
    assert (np.diff(row) >= 0).all()
    assert len(np.unique(row)) > 40


def test_a_photo_of_the_right_size_is_not_touched() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert resize(rgb, 30, 20) is rgb


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 650),
        ("height", 0),
        ("colour", "BGR"),
        ("scale", 0),
        ("fill", 256),
        ("align", "top-left"),
        ("resize", "cubic"),
        ("mean", 0),
    ],
)
def test_a_recipe_that_this_program_cannot_follow_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        InputRecipe.model_validate({field: value})
