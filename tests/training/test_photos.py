"""The set of labelled categories stays on its photo's pixels through every augmentation."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from ultralytics.cfg import get_cfg

from datasets.labels import Box, LabelledPhoto
from training.partial import LABELLED
from training.photos import STRIDES, PartialLabelPhotos, repeat_factors

SIDE = 128
CATEGORIES = ["bin", "cable", "road"]
COLOURS = {"red": (0, 0, 255), "blue": (255, 0, 0)}  # BGR
LABELLED_FOR = {"red": {"bin"}, "blue": {"cable", "road"}}


@pytest.fixture
def photos(tmp_path: Path) -> list[LabelledPhoto]:
    """Plain red photos searched for bins only, plain blue ones for cables and roads only."""
    found = []
    for number in range(12):
        colour = "red" if number % 2 else "blue"
        path = tmp_path / f"{colour}{number}.png"
        cv2.imwrite(str(path), np.full((96, 96 + 8 * number, 3), COLOURS[colour], np.uint8))
        box = Box(next(iter(sorted(LABELLED_FOR[colour]))), (0.2, 0.2, 0.6, 0.7))
        found.append(LabelledPhoto("test", path, (box,), frozenset(LABELLED_FOR[colour])))
    return found


def build(photos: list[LabelledPhoto], **overrides: Any) -> PartialLabelPhotos:
    hyp = get_cfg(overrides={"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, **overrides})
    return PartialLabelPhotos(
        photos,
        CATEGORIES,
        stretched=frozenset({"test"}),
        aspect_jitter=0.3,
        imgsz=SIDE,
        augment=True,
        hyp=hyp,
        batch_size=4,
    )


@pytest.mark.parametrize(
    "overrides",
    [
        {"mosaic": 0.0, "scale": 0.0, "translate": 0.0},
        {"mosaic": 1.0, "scale": 0.5},
        {"mosaic": 1.0, "scale": 0.5, "degrees": 20.0, "shear": 8.0, "fliplr": 1.0},
        {"mosaic": 1.0, "perspective": 0.0005, "flipud": 1.0},
    ],
)
def test_every_anchor_knows_the_categories_of_the_photo_under_it(
    photos: list[LabelledPhoto], overrides: dict[str, float]
) -> None:
    random.seed(3)
    dataset = build(photos, **overrides)
    for index in range(len(dataset)):
        sample = dataset[index]
        rgb = sample["img"].numpy()
        at_anchors = np.concatenate([rgb[:, s // 2 :: s, s // 2 :: s].reshape(3, -1) for s in STRIDES], axis=1)
        red = (at_anchors[0] > 200) & (at_anchors[2] < 60)
        blue = (at_anchors[2] > 200) & (at_anchors[0] < 60)
        border = (at_anchors == 114).all(axis=0)
        labelled = sample[LABELLED].numpy()
        assert red.any() or blue.any()
        assert (labelled[red] == [True, False, False]).all()
        assert (labelled[blue] == [False, True, True]).all()
        assert labelled[border].all()  # nothing can hide in the border: a true negative for everything


def test_batches_carry_the_mask_in_anchor_order(photos: list[LabelledPhoto]) -> None:
    dataset = build(photos)
    batch = dataset.collate_fn([dataset[0], dataset[1]])
    anchors = sum((SIDE // s) ** 2 for s in STRIDES)
    assert batch[LABELLED].shape == (2, anchors, len(CATEGORIES))
    assert batch[LABELLED].dtype == torch.bool
    assert batch["img"].shape == (2, 3, SIDE, SIDE)


def test_repeat_factors_follow_lvis() -> None:
    shown = np.zeros((100, 2), dtype=bool)
    shown[:50, 0] = True  # half of the photos
    shown[98:, 1] = True  # one in fifty
    factors = repeat_factors(shown, threshold=0.08, limit=10)
    assert factors[:98].tolist() == [1.0] * 98
    assert factors[98:] == pytest.approx([2.0, 2.0])
    assert repeat_factors(shown, threshold=0.08, limit=1.5).max() == 1.5


def test_repeats_lengthen_an_epoch(photos: list[LabelledPhoto]) -> None:
    repeats = np.full(len(photos), 1.0)
    repeats[0] = 3.0
    dataset = PartialLabelPhotos(
        photos, CATEGORIES, repeats=repeats, imgsz=SIDE, augment=False, hyp=get_cfg(), batch_size=4
    )
    assert len(dataset) == len(photos) + 2
    assert list(dataset.order[:4]) == [0, 0, 0, 1]
