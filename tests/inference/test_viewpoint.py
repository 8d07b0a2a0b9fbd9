"""Which photos show one place, and where a thing of one lies in the other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.compare_settings import ViewSettings
from inference.viewpoint import View, landmarks, view_between

SETTINGS = ViewSettings()


def street(seed: int, side: int = 500) -> NDArray[np.uint8]:
    """A wall with posters, another one for each seed."""
    draw = np.random.default_rng(seed)
    wall = np.full((side, side, 3), 120, np.uint8)
    for _ in range(140):
        x, y, w, h = draw.integers(0, side, 2).tolist() + draw.integers(8, 60, 2).tolist()
        cv2.rectangle(wall, (x, y), (x + w, y + h), draw.integers(0, 255, 3).tolist(), -1)
    return wall


def seen_from(wall: NDArray[np.uint8], shift: float, scale: float = 1.0) -> NDArray[np.uint8]:
    """The wall from a little further to the side, or nearer."""
    side = wall.shape[0]
    matrix = np.array([[scale, 0.03, -shift * side], [0.02, scale, 0.02 * side]])
    return np.asarray(cv2.warpAffine(wall, matrix, (side, side), borderValue=(90, 90, 90)), np.uint8)


def view(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> View | None:
    return view_between(landmarks(first, SETTINGS), landmarks(second, SETTINGS), SETTINGS)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.2, 1.0), (0.1, 1.3), (0.3, 0.9)])
def test_another_photo_of_the_wall_is_of_the_same_place(shift: float, scale: float) -> None:
    assert view(street(1), seen_from(street(1), shift, scale)) is not None


def test_a_darker_photo_of_the_wall_still_is() -> None:
    assert view(street(1), (seen_from(street(1), 0.1) * 0.25).astype(np.uint8)) is not None


@pytest.mark.parametrize("other", [street(2), np.zeros((300, 400, 3), np.uint8)])
def test_another_wall_or_nothing_at_all_is_not(other: NDArray[np.uint8]) -> None:
    assert view(street(1), other) is None


def test_a_watermark_in_common_makes_no_place_the_same() -> None:
    first, second = street(1), street(2)
    first[:70, :150] = second[:70, :150] = street(3)[:70, :150]
    assert view(first, second) is None


@pytest.mark.parametrize(("box", "share"), [((0.5, 0.4, 0.7, 0.6), 1.0), ((0.0, 0.4, 0.2, 0.6), 0.0)])
def test_what_leaves_the_frame_is_not_shown(box: tuple[float, float, float, float], share: float) -> None:
    found = view(street(1), seen_from(street(1), 0.3))
    assert found is not None
    assert found.shown(box) == pytest.approx(share, abs=0.08)


def test_the_same_photos_always_get_the_same_answer() -> None:
    first, second = view(street(1), seen_from(street(1), 0.2)), view(street(1), seen_from(street(1), 0.2))
    assert first is not None
    assert second is not None
    assert (first.matrix == second.matrix).all()
