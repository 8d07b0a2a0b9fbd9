"""Covered lenses and empty frames are told from photos."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.package import VerdictRecipe
from inference.quality import Quality, measure
from tests.photos import noisy_scene, scene

RECIPE = VerdictRecipe(uncertain_ratio=0.5, min_contrast=4, min_sharpness=3)


def ramp(width: int, height: int) -> NDArray[np.uint8]:
    """So soft that nothing in it is sharp."""
    across = np.linspace(60, 200, width).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(across[None, :, None], (height, width, 3)))


def grain(mean: int, spread: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(mean, spread, (480, 640, 3))
    return noise.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("rgb", "is_usable"),
    [
        pytest.param(np.zeros((480, 640, 3), np.uint8), False, id="lens covered"),
        pytest.param(np.full((480, 640, 3), 255, np.uint8), False, id="white"),
        pytest.param(grain(3, 1), False, id="dark with a little noise"),
        pytest.param(ramp(640, 480), False, id="hopeless blur"),
        pytest.param(scene(), True, id="scene"),
        pytest.param(noisy_scene(1600, 1200), True, id="scene with sensor noise"),
        pytest.param((noisy_scene(640, 480) // 4).astype(np.uint8), True, id="dim but visible"),
    ],
)
def test_usable(rgb: NDArray[np.uint8], *, is_usable: bool) -> None:
    assert measure(rgb).is_usable(RECIPE) is is_usable


@pytest.mark.parametrize(
    ("contrast", "sharpness", "is_usable"),
    [(4.0, 3.0, True), (3.99, 3.0, False), (4.0, 2.99, False), (0.0, 0.0, False), (127.5, 9e9, True)],
)
def test_thresholds_belong_to_the_usable(contrast: float, sharpness: float, *, is_usable: bool) -> None:
    assert Quality(contrast, sharpness).is_usable(RECIPE) is is_usable


@pytest.mark.parametrize("shape", [(16, 4000), (4000, 16), (1, 3000), (1, 1), (16, 16), (256, 256)])
def test_any_shape_can_be_measured(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = measure(rgb)
    assert np.isfinite([found.contrast, found.sharpness]).all()
    assert 0 <= found.contrast <= 127.5
    assert found.sharpness >= 0


def test_contrast_is_at_most_half_the_range() -> None:
    rgb = np.zeros((256, 256, 3), np.uint8)
    rgb[:, 128:] = 255
    assert measure(rgb).contrast == pytest.approx(127.5)


def test_the_size_a_photo_is_decoded_at_hardly_matters() -> None:
    large, small = measure(noisy_scene(2048, 1536)), measure(noisy_scene(1024, 768))
    assert small.contrast == pytest.approx(large.contrast, rel=0.05)
    assert small.sharpness == pytest.approx(large.sharpness, rel=0.3)
