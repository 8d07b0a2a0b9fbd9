"""Whether the size that a label file states is that of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.photo import PhotoError, read_size


@dataclass(frozen=True, slots=True)
class SizeMismatch:
    """How the sizes differ.

    Attributes:
        is_lost: Whether the labels lie elsewhere on the upright photo, and cannot be used.
        message: Chinese and English.
    """

    is_lost: bool
    message: str


def photo_size(path: Path, header_bytes: int) -> tuple[int, int]:
    """(width, height) of the upright photo.

    Args:
        path: The photo.
        header_bytes: Bytes to try first.

    Raises:
        PhotoError: it is no usable photo.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(header_bytes)
        try:
            return read_size(start)
        except PhotoError:
            if len(start) < header_bytes:
                raise
            return read_size(start + file.read())


def compare_sizes(
    stated: tuple[int, int] | None, actual: tuple[int, int] | None, aspect_tolerance: float
) -> SizeMismatch | None:
    """None where they agree, or one is not known.

    Args:
        stated: (width, height) in the label file.
        actual: (width, height) of the upright photo.
        aspect_tolerance: Share by which the sides' ratios may differ before the label file means another picture.
    """
    if stated is None or actual is None or stated == actual:
        return None
    sizes = f"{stated[0]}x{stated[1]}, photo {actual[0]}x{actual[1]}"
    if stated == actual[::-1]:
        return SizeMismatch(
            True,
            f"标注画在未按 EXIF 旋转的照片上，未导入 / labels say {sizes}: they were drawn on the photo as stored, not "
            "turned as its EXIF asks, so the boxes lie elsewhere; left out, export them again from the upright photo",
        )
    ratio = (stated[0] * actual[1]) / (stated[1] * actual[0])
    if abs(ratio - 1) <= aspect_tolerance:
        return SizeMismatch(False, f"照片缩放过，框仍有效 / labels say {sizes}: resized since, the boxes still fit")
    return SizeMismatch(
        False,
        f"宽高比与标注不同，请检查 / labels say {sizes}: another shape; stretching is harmless, a crop is not: look",
    )
