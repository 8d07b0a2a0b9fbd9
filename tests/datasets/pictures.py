"""Photos of streets that do not exist, made by code: each seed another one, with enough in it to be recognised."""

from __future__ import annotations

import cv2
import numpy as np

from tests.photos import Rgb

_GRAINS = ((5, 90.0), (16, 55.0), (60, 30.0))  # (cells across, strength)


def picture(seed: int, width: int = 640, height: int = 480) -> Rgb:
    """(height, width, 3) uint8: soft blotches of three sizes and many hard-edged things."""
    random = np.random.default_rng(seed)
    rgb = np.full((height, width, 3), 120, dtype=np.float32)
    for cells, strength in _GRAINS:
        grain = random.normal(0, strength, (cells * height // width + 1, cells, 3)).astype(np.float32)
        rgb += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(150):
        centre, reach = random.uniform((0, 0), (width, height)), random.uniform(10, width / 12)
        corners = centre + random.uniform(-reach, reach, (int(random.integers(3, 7)), 2))
        cv2.fillPoly(rgb, [np.asarray(corners, dtype=np.int32)], [float(v) for v in random.integers(0, 256, 3)])
    return np.asarray(np.clip(rgb, 0, 255), dtype=np.uint8)
