"""The letterbox recipe: photo -> model input, boxes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from inference.codec import NO_OVERHANG, Overhang
from inference.photo import Photo


class InputRecipe(BaseModel):
    """How a photo becomes the model's input; the same record drives training, evaluation, service and scan.

    Attributes:
        width: Input width in pixels.
        height: Input height in pixels.
        colour: Channel order.
        scale: Factor from uint8 to float.
        fill: Value of the border, 0 to 255.
        align: Where the photo lies in the input.
        resize: `area` when shrinking, `linear` when enlarging.
        enlarge: Whether small photos are enlarged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=640, ge=32, multiple_of=32)
    height: int = Field(default=640, ge=32, multiple_of=32)
    colour: Literal["RGB"] = "RGB"
    scale: float = Field(default=1 / 255, gt=0)
    fill: int = Field(default=114, ge=0, le=255)
    align: Literal["center"] = "center"
    resize: Literal["area-linear"] = "area-linear"
    enlarge: bool = True

    @property
    def longest_side(self) -> int:
        """Pixels that a decoded photo's longer side should have at least."""
        return max(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photo lies in the model input: input = photo * scale + offset.

    Attributes:
        scale_x: Input pixels per full-size photo pixel, horizontally.
        scale_y: The same vertically.
        offset_x: The photo's left edge in input pixels.
        offset_y: Its top edge in input pixels.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float

    def to_photo(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) from input pixels to full-size photo pixels."""
        offset = np.array([self.offset_x, self.offset_y] * 2, dtype=np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, dtype=np.float32)
        return np.asarray((xyxy - offset) / scale, dtype=np.float32)


def resize(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """(h, w, 3) resized: area averaging when shrinking (no aliasing), bilinear when enlarging."""
    h, w = rgb.shape[:2]
    if (w, h) == (width, height):
        return rgb
    shrinks = width < w or height < h
    return np.asarray(
        cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR),
        dtype=np.uint8,
    )


def letterbox(
    rgb: NDArray[np.uint8],
    recipe: InputRecipe,
    full_width: int,
    full_height: int,
    overhang: Overhang = NO_OVERHANG,
) -> tuple[NDArray[np.float32], Placement]:
    """A decoded photo as model input.

    Args:
        rgb: (h, w, 3) upright, possibly decoded at reduced scale.
        recipe: Input size and border.
        full_width: Width of the upright photo at full size, which boxes refer to.
        full_height: Its height.
        overhang: What `rgb` shows beyond the photo's edges.

    Returns:
        Input (1, 3, height, width) float32 in [0, 1], and where the photo lies in it.
    """
    h, w = rgb.shape[:2]
    scale = min(recipe.width / w, recipe.height / h)
    if not recipe.enlarge:
        scale = min(scale, 1.0)
    width, height = max(1, round(w * scale)), max(1, round(h * scale))
    left, top = (recipe.width - width) // 2, (recipe.height - height) // 2
    canvas = np.full((recipe.height, recipe.width, 3), recipe.fill, dtype=np.uint8)
    canvas[top : top + height, left : left + width] = resize(rgb, width, height)
    tensor = np.multiply(canvas.transpose(2, 0, 1)[None], np.float32(recipe.scale), dtype=np.float32)
    before_x, before_y, after_x, after_y = overhang
    scale_x, scale_y = width / (before_x + full_width + after_x), height / (before_y + full_height + after_y)
    placement = Placement(scale_x, scale_y, left + before_x * scale_x, top + before_y * scale_y)
    return np.ascontiguousarray(tensor), placement


def letterboxed(photo: Photo, recipe: InputRecipe) -> tuple[NDArray[np.float32], Placement]:
    """A photo as model input, at whatever scale it was decoded: see `letterbox`."""
    return letterbox(photo.rgb, recipe, photo.width, photo.height, photo.overhang)
