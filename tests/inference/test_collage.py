"""Where two pictures in one are cut apart."""

from __future__ import annotations

import json
from typing import Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.collage import find_seam, halves, holds_more
from inference.compare_settings import SeamSettings
from inference.photo import read_photo
from tests.photos import noisy_scene
from tests.shared import shared

SETTINGS = SeamSettings()


def textured(seed: int, width: int = 320, height: int = 320) -> NDArray[np.uint8]:
    """A picture of soft blotches, without straight lines."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 16, width // 16, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def joined(axis: Literal["x", "y"], share: float, gutter: int = 0) -> NDArray[np.uint8]:
    """Two pictures in one of 640 x 640, the first taking this share."""
    first = round(640 * share)
    one, other = textured(1, 640, 640), textured(2, 640, 640)
    picture = other.copy()
    if axis == "x":
        picture[:, :first], picture[:, first : first + gutter] = one[:, :first], 255
    else:
        picture[:first], picture[first : first + gutter] = one[:first], 255
    return picture


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize(("share", "gutter"), [(0.5, 0), (0.5, 6), (0.35, 0), (0.62, 4)])
def test_the_seam_is_where_the_pictures_meet(axis: Literal["x", "y"], share: float, gutter: int) -> None:
    seam = find_seam(joined(axis, share, gutter), SETTINGS)
    assert seam is not None
    assert seam.axis == axis
    assert seam.position == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("picture", [textured(3), noisy_scene(640, 480), np.zeros((200, 200, 3), np.uint8)])
def test_one_picture_has_no_seam(picture: NDArray[np.uint8]) -> None:
    assert find_seam(picture, SETTINGS) is None


def test_a_picture_too_small_to_have_one_has_none() -> None:
    assert find_seam(np.zeros((9, 9, 3), np.uint8), SETTINGS) is None


def test_the_halves_leave_the_seam_out() -> None:
    picture = joined("y", 0.5, gutter=4)
    seam = find_seam(picture, SETTINGS)
    assert seam is not None
    upper, lower = halves(picture, seam, SETTINGS)
    assert upper.shape[1] == lower.shape[1] == 640
    assert not (lower[:1] == 255).all()
    assert (upper == picture[: len(upper)]).all()


def test_a_third_picture_is_noticed() -> None:
    three = joined("y", 0.5)
    three[320:, 320:] = textured(4, 320, 320)
    for picture, more in ((joined("y", 0.5), False), (three, True)):
        seam = find_seam(picture, SETTINGS)
        assert seam is not None
        assert holds_more(picture, seam, SETTINGS) == more


def test_most_real_collages_are_cut_in_the_middle() -> None:
    source = shared("data", "gbs111-cn")
    images = json.loads((source / "patrol_labels.coco.json").read_text("utf-8"))["images"]
    names = [image["file_name"] for image in images if "collage" in image["flags"]][:20]
    seams = [find_seam(read_photo((source / "images" / n).read_bytes(), target_side=640).rgb, SETTINGS) for n in names]
    assert sum(seam is not None and abs(seam.position - 0.5) < 0.1 for seam in seams) >= 17
