"""What every photo decoder gives back, or raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.errors import PatrolError

PhotoErrorCode = Literal[
    "empty",
    "not-an-image",
    "unsupported-format",
    "too-many-bytes",
    "too-many-pixels",
    "too-small",
    "truncated",
    "corrupt",
]

Overhang = tuple[int, int, int, int]
"""Pixels of the full-size photo by which decoded pixels go beyond its (left, top, right, bottom) edge."""
NO_OVERHANG: Final[Overhang] = (0, 0, 0, 0)


class PhotoError(PatrolError):
    """A file that cannot be used as a photo.

    Args:
        code: What kind of fault it is; stable, for programs.
        message: What is wrong, with numbers, and what to do about it; for people.
    """

    def __init__(self, code: PhotoErrorCode, message: str) -> None:
        super().__init__(code, message)  # both, so that the error survives pickling between processes
        self.code: PhotoErrorCode = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The pixels of a file as its decoder returned them.

    Attributes:
        rgb: Pixels, (rows, columns, 3) uint8 in red, green, blue order, C-contiguous; maybe at reduced scale.
        width: Columns of the full-size picture, turned as `rgb` is.
        height: Rows of the full-size picture, turned as `rgb` is.
        exif: The EXIF block, or None when the file has none.
        is_upright: Whether the decoder already turned the pixels as the file asks.
        warnings: Stable slugs of what is unusual about the pixels.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    exif: bytes | None
    is_upright: bool
    warnings: tuple[str, ...] = ()


class Source(Protocol):
    """A file of which only the header was read, so that its size can be judged before decoding."""

    @property
    def width(self) -> int:
        """Columns of the full-size picture as stored, before any turning."""

    @property
    def height(self) -> int:
        """Rows of the full-size picture as stored, before any turning."""

    def decode(self) -> Decoded:
        """Decodes the pixels.

        Raises:
            PhotoError: The pixels are truncated, corrupt or of an unsupported kind.
        """
