"""Copies of a photo as they come about between phones, messengers and label tools, by code and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[np.uint8]
Transform = Callable[[Rgb, np.random.Generator], bytes]
_GOOD: Final = 92  # JPEG quality where the encoding is not what is tried


def _encoded(rgb: Rgb, kind: str = "jpeg", **options: int | bool) -> bytes:
    file = BytesIO()
    Image.fromarray(rgb).save(file, kind, **options)
    return file.getvalue()


def _jpeg(rgb: Rgb, random: np.random.Generator) -> bytes:
    return _encoded(rgb, quality=int(random.integers(30, 96)))


def _webp(rgb: Rgb, random: np.random.Generator) -> bytes:
    return _encoded(rgb, "webp", quality=int(random.integers(40, 91)))


def _png(rgb: Rgb, _: np.random.Generator) -> bytes:
    return _encoded(rgb, "png")


def _resized(rgb: Rgb, random: np.random.Generator) -> bytes:
    scale = random.uniform(0.25, 0.8)
    size = (max(16, round(rgb.shape[1] * scale)), max(16, round(rgb.shape[0] * scale)))
    return _encoded(_scaled(rgb, size), quality=_GOOD)


def _stretched(rgb: Rgb, random: np.random.Generator) -> bytes:
    side = min(640, max(rgb.shape[:2]))
    ratio = random.choice([1.0, 3 / 4, 4 / 3])
    return _encoded(_scaled(rgb, (round(side * min(1, ratio)), round(side / max(1, ratio)))), quality=_GOOD)


def _mirrored(rgb: Rgb, _: np.random.Generator) -> bytes:
    return _encoded(np.ascontiguousarray(rgb[:, ::-1]), quality=_GOOD)


def _cropped(rgb: Rgb, random: np.random.Generator) -> bytes:
    height, width = rgb.shape[:2]
    left, right = (round(width * cut) for cut in random.uniform(0, 0.12, 2))
    top, bottom = (round(height * cut) for cut in random.uniform(0, 0.12, 2))
    return _encoded(np.ascontiguousarray(rgb[top : height - bottom, left : width - right]), quality=_GOOD)


def _brighter(rgb: Rgb, random: np.random.Generator) -> bytes:
    gain, shift = random.uniform(0.7, 1.35), random.uniform(-30, 30)
    return _encoded(np.clip(rgb * gain + shift, 0, 255).astype(np.uint8), quality=_GOOD)


def _stamped(rgb: Rgb, random: np.random.Generator) -> bytes:
    marked, height = rgb.copy(), rgb.shape[0]
    text = f"2026-0{random.integers(1, 10)}-1{random.integers(0, 10)} 06:{random.integers(10, 60)}"
    place = (height // 30, int(random.choice([height // 12, height - height // 30])))
    cv2.putText(marked, text, place, cv2.FONT_HERSHEY_SIMPLEX, height / 500, (255, 220, 40), max(1, height // 250))
    return _encoded(marked, quality=_GOOD)


def _turned(rgb: Rgb, random: np.random.Generator) -> bytes:
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-4, 4), 1.1)
    return _encoded(np.asarray(cv2.warpAffine(rgb, matrix, (width, height)), np.uint8), quality=_GOOD)


def _messenger(rgb: Rgb, random: np.random.Generator) -> bytes:
    """Cropped, halved and badly compressed, one after the other."""
    height, width = rgb.shape[:2]
    cut = [round(side * part) for side, part in zip((height, width), random.uniform(0.02, 0.08, 2), strict=True)]
    inner = np.ascontiguousarray(rgb[cut[0] : height - cut[0], cut[1] : width - cut[1]])
    return _encoded(_scaled(inner, (inner.shape[1] // 2, inner.shape[0] // 2)), quality=45)


def _scaled(rgb: Rgb, size_wh: tuple[int, int]) -> Rgb:
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


TRANSFORMS: Final[Mapping[str, Transform]] = {
    "jpeg": _jpeg,
    "webp": _webp,
    "png": _png,
    "resized": _resized,
    "stretched": _stretched,
    "mirrored": _mirrored,
    "cropped": _cropped,
    "brightness": _brighter,
    "stamped": _stamped,
    "turned": _turned,
    "messenger": _messenger,
}
"""Name -> (photo (h, w, 3), generator) -> file."""
