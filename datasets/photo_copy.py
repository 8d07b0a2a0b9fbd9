"""Copies of photos that hold the upright pixels and nothing else: no EXIF, no place, no comment, no thumbnail."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_JPEG: Final = frozenset({".jpg", ".jpeg"})
_PNG: Final = ".png"
_QUALITY: Final = 95


FULL_SIZE: Final = 1 << 30
"""`target_side` that decodes a photo at full size."""


def copy_name(name: str) -> str:
    """What a copy is called: PNG stays PNG, everything else becomes JPEG, `a.heic` the file `a.heic.jpg`."""
    return name if PurePosixPath(name).suffix.lower() in {*_JPEG, _PNG} else f"{name}.jpg"


def write_copy(rgb: NDArray[np.uint8], path: Path) -> None:
    """Encode pixels, (rows, columns, 3) RGB, at the quality 95 of JPEG without loss of colour, or as PNG.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(rgb)
    if path.suffix.lower() == _PNG:
        image.save(path, "PNG")
    else:
        image.save(path, "JPEG", quality=_QUALITY, subsampling=0)
