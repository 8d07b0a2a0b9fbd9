"""Whether a photo shows anything at all: covered lens, empty frame, hopeless blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.letterbox import resize
from inference.package import VerdictRecipe

_THUMBNAIL_SIDE = 256


@dataclass(frozen=True, slots=True)
class Quality:
    """Two plain measures of a photo's 256-pixel thumbnail.

    Attributes:
        contrast: Standard deviation of grey values, 0 to 127.5.
        sharpness: Variance of the Laplacian (Pech-Pacheco et al. 2000), 0 upwards.
    """

    contrast: float
    sharpness: float

    def is_usable(self, recipe: VerdictRecipe) -> bool:
        """Whether there is something to see."""
        return self.contrast >= recipe.min_contrast and self.sharpness >= recipe.min_sharpness


def measure(rgb: NDArray[np.uint8]) -> Quality:
    """Quality of an (h, w, 3) photo."""
    scale = _THUMBNAIL_SIDE / max(rgb.shape[:2])
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    grey = cv2.cvtColor(resize(rgb, width, height), cv2.COLOR_RGB2GRAY)
    return Quality(float(grey.std()), float(cv2.Laplacian(grey, cv2.CV_32F).var()))
