"""Reads the bytes of a photo into an upright RGB array, within limits.

What is decided here once, for training, service and scan alike:

- Boxes and sizes are in pixels of the upright full-size photo, whatever scale it was decoded at.
- JPEG, PNG, WebP, BMP, TIFF and HEIC are photos. GIF is refused: no camera writes it, and its 256 colours
  and moving frames make a first frame a poor witness.
- Only JPEG is decoded at reduced scale, by 2, 4 or 8, because its codec makes that free. Everything else
  stays at full size, 3 bytes a pixel and up to 18 (WebP) while it is decoded: the letterbox resizes it once, by
  its own area rule, so that there is no second rule to keep the same everywhere.
- Colour profiles are ignored, in training as in use. Display P3, which phones write, read as sRGB is off by
  about 1 level of 255 on a street photo (1 % of values by 7 or more); converting 12 megapixels takes 0.3 s.
- A damaged file is refused, or, where the caller allows it and the format can (JPEG), read in part with a
  warning; it is never passed off as whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.codec import NO_OVERHANG, Decoded, Overhang, PhotoError, PhotoErrorCode, Source
from inference.exif import Exif, read_exif
from inference.jpeg import SCALES, open_jpeg
from inference.raster import RasterFormat, open_raster

__all__ = ["Photo", "PhotoError", "PhotoErrorCode", "PhotoFormat", "PhotoLimits", "read_photo", "read_size"]

PhotoFormat = Literal["jpeg"] | RasterFormat

_MIB = 1024 * 1024

_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_MAGIC: tuple[tuple[bytes, PhotoFormat], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
# "BM" alone also starts ordinary text; the size of the second header, at byte 14, does not.
_BMP_HEADER_SIZES = frozenset((12, 40, 52, 56, 64, 108, 124))

# Other files that arrive where photos are expected: (offset, first bytes in lower case, code, what it is).
_FOREIGN: tuple[tuple[int, bytes, PhotoErrorCode, str], ...] = (
    (0, b"gif8", "unsupported-format", "a GIF"),
    (4, b"ftypavi", "unsupported-format", "an AVIF picture"),
    (4, b"ftypcrx", "unsupported-format", "a camera raw file"),
    (4, b"jp  ", "unsupported-format", "a JPEG 2000 picture"),
    (4, b"jxl ", "unsupported-format", "a JPEG XL picture"),
    (0, b"\xff\x0a", "unsupported-format", "a JPEG XL picture"),
    (0, b"ii+\0", "unsupported-format", "a BigTIFF"),
    (0, b"mm\0+", "unsupported-format", "a BigTIFF"),
    (0, b"8bps", "unsupported-format", "a Photoshop document"),
    (0, b"<svg", "unsupported-format", "an SVG drawing"),
    (0, b"<?xml", "not-an-image", "an XML document, perhaps a drawing"),
    (0, b"<!doctype html", "not-an-image", "a web page, perhaps an error page saved as a photo"),
    (0, b"<html", "not-an-image", "a web page, perhaps an error page saved as a photo"),
    (0, b"%pdf", "not-an-image", "a PDF document"),
    (0, b"pk\x03\x04", "not-an-image", "a ZIP archive or office document"),
    (4, b"ftyp", "not-an-image", "a video"),
    (0, b"\x1ae\xdf\xa3", "not-an-image", "a video"),
    (8, b"avi ", "not-an-image", "a video"),
)
_SNIFF_BYTES = 64

# EXIF orientation -> (how to turn the stored pixels, whether to mirror them left to right afterwards).
_TURNS: dict[int, tuple[int | None, bool]] = {
    1: (None, False),
    2: (None, True),
    3: (cv2.ROTATE_180, False),
    4: (cv2.ROTATE_180, True),
    5: (cv2.ROTATE_90_CLOCKWISE, True),
    6: (cv2.ROTATE_90_CLOCKWISE, False),
    7: (cv2.ROTATE_90_COUNTERCLOCKWISE, True),
    8: (cv2.ROTATE_90_COUNTERCLOCKWISE, False),
}
_QUARTER_TURNS = frozenset((5, 6, 7, 8))
# What (left, top, right, bottom) become with each turn.
_TURNED: dict[int | None, Callable[[int, int, int, int], Overhang]] = {
    None: lambda left, top, right, bottom: (left, top, right, bottom),
    cv2.ROTATE_180: lambda left, top, right, bottom: (right, bottom, left, top),
    cv2.ROTATE_90_CLOCKWISE: lambda left, top, right, bottom: (bottom, left, top, right),
    cv2.ROTATE_90_COUNTERCLOCKWISE: lambda left, top, right, bottom: (top, right, bottom, left),
}


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What a file may ask of this machine.

    Attributes:
        max_bytes: Size of the file.
        max_pixels: Width times height, judged from the header before anything is decoded.
        min_side: Pixels of the shorter side, below which there is nothing to see.
    """

    max_bytes: int = 32 * _MIB
    max_pixels: int = 100_000_000
    min_side: int = 16


DEFAULT_LIMITS = PhotoLimits()


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo, upright.

    Attributes:
        rgb: Pixels, (rows, columns, 3) uint8 in red, green, blue order, C-contiguous; maybe at reduced scale.
        width: Columns of the upright full-size photo, the unit of every box's x.
        height: Rows of the upright full-size photo, the unit of every box's y.
        sha256: Lower-case hexadecimal digest of the file.
        format: What the file is.
        captured_at: When it was taken; naive unless the camera also wrote its time zone.
        latitude: Degrees north where it was taken, -90 to 90.
        longitude: Degrees east where it was taken, -180 to 180.
        warnings: Stable slugs: "degraded:truncated", "degraded:corrupt-data", "multi-frame-first-used",
            "exif-unreadable".
        overhang: What `rgb` shows beyond the edges. A reduced JPEG is whole blocks: 4001 columns at 1/8 are 501 of
            8 each, 4008, and boxes are off by up to 7 pixels for whoever takes those for the photo's 4001.
    """

    rgb: NDArray[np.uint8]
    width: int
    height: int
    sha256: str
    format: PhotoFormat
    captured_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    warnings: tuple[str, ...] = ()
    overhang: Overhang = NO_OVERHANG

    @property
    def degraded(self) -> bool:
        """Whether a part of the picture is missing or wrong."""
        return any(warning.startswith("degraded:") for warning in self.warnings)


def read_photo(
    data: bytes,
    *,
    target_side: int,
    limits: PhotoLimits = DEFAULT_LIMITS,
    allow_degraded: bool = False,
    sha256: str | None = None,
) -> Photo:
    """Reads a photo; safe to call from many threads at once.

    Args:
        data: The file.
        target_side: Pixels that the model needs on the longer side. A larger JPEG is decoded at the smallest
            of the scales 1/8, 1/4, 1/2 and 1 that keeps at least this many; other formats at full size.
        limits: What the file may ask of this machine.
        allow_degraded: Whether to return what can be read of a damaged JPEG, with a warning, instead of
            refusing it. Damaged files of other formats are always refused.
        sha256: Digest of the file, where the caller has computed it already.

    Returns:
        The upright photo.

    Raises:
        PhotoError: The file is no usable photo; `code` says why.
        ValueError: `target_side` is not positive.
    """
    if target_side < 1:
        raise ValueError(f"target_side must be at least 1 pixel, but is {target_side}")
    _check_bytes(data, limits)
    photo_format = _sniff(data)
    source = _open(data, photo_format, target_side, allow_degraded)
    _check_pixels(source.width, source.height, limits)
    decoded = source.decode()
    exif = Exif() if decoded.exif is None else read_exif(decoded.exif)
    rgb, width, height = _upright(decoded, exif.orientation)
    return Photo(
        rgb,
        width,
        height,
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
        format=photo_format,
        captured_at=exif.captured_at,
        latitude=exif.latitude,
        longitude=exif.longitude,
        warnings=decoded.warnings + (("exif-unreadable",) if exif.is_damaged else ()),
        overhang=_overhang(decoded, exif.orientation),
    )


def read_size(data: bytes, *, limits: PhotoLimits = DEFAULT_LIMITS) -> tuple[int, int]:
    """The (width, height) of the upright full-size photo; of a JPEG its beginning is enough, and is not decoded.

    Raises:
        PhotoError: The file is no usable photo, or `data` ends before it tells its size.
    """
    if _sniff(data) != "jpeg":
        photo = read_photo(data, target_side=1, limits=limits)
        return photo.width, photo.height
    source = open_jpeg(data, target_side=1, allow_degraded=True)
    orientation = 1 if source.exif is None else read_exif(source.exif).orientation
    is_turned = orientation in _QUARTER_TURNS
    return (source.height, source.width) if is_turned else (source.width, source.height)


def _open(data: bytes, photo_format: PhotoFormat, target_side: int, allow_degraded: bool) -> Source:
    if photo_format == "jpeg":
        return open_jpeg(data, target_side=target_side, allow_degraded=allow_degraded)
    return open_raster(data, photo_format)


def _check_bytes(data: bytes, limits: PhotoLimits) -> None:
    if not data:
        raise PhotoError("empty", "the file has 0 bytes; send the photo again")
    if len(data) > limits.max_bytes:
        raise PhotoError(
            "too-many-bytes",
            f"the file has {len(data):,} bytes, over the {limits.max_bytes:,} allowed; send a smaller one",
        )


def _check_pixels(width: int, height: int, limits: PhotoLimits) -> None:
    if width * height > limits.max_pixels:
        raise PhotoError(
            "too-many-pixels",
            f"the picture is {width}x{height}, {width * height:,} pixels, over the {limits.max_pixels:,} "
            "allowed; send it at a smaller size",
        )
    if min(width, height) < limits.min_side:
        raise PhotoError(
            "too-small",
            f"the picture is {width}x{height} pixels, under {limits.min_side} on a side; send the original",
        )


def _sniff(data: bytes) -> PhotoFormat:
    """Tells a file's format from its first bytes alone, never from its name.

    Raises:
        PhotoError: It is none of the formats read here.
    """
    for magic, photo_format in _MAGIC:
        if data.startswith(magic):
            return photo_format
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "heic"
    head = data[:_SNIFF_BYTES].lstrip().lower()
    for offset, magic, code, kind in _FOREIGN:
        if head.startswith(magic, offset):
            raise PhotoError(code, f"the file is {kind}; send a JPEG, PNG, WebP, BMP, TIFF or HEIC photo")
    raise PhotoError(
        "not-an-image",
        f"the first bytes, {data[:8]!r}, are of no known picture; send a JPEG, PNG, WebP, BMP, TIFF or HEIC",
    )


def _upright(decoded: Decoded, orientation: int) -> tuple[NDArray[np.uint8], int, int]:
    """The (pixels, full-size width, full-size height) after turning as EXIF asks."""
    if decoded.is_upright:
        return decoded.rgb, decoded.width, decoded.height
    rotation, mirrored = _TURNS[orientation]
    pixels = decoded.rgb if rotation is None else cv2.rotate(decoded.rgb, rotation)
    rgb = np.asarray(cv2.flip(pixels, 1) if mirrored else pixels, dtype=np.uint8)
    size = (decoded.width, decoded.height)
    width, height = reversed(size) if orientation in _QUARTER_TURNS else size
    return rgb, width, height


def _overhang(decoded: Decoded, orientation: int) -> Overhang:
    """What the upright pixels show beyond the photo's edges; as stored, it is at the right and the bottom."""
    rows, columns = decoded.rgb.shape[:2]
    for scale in SCALES:
        right, bottom = columns * scale - decoded.width, rows * scale - decoded.height
        if 0 <= right < scale and 0 <= bottom < scale:
            break
    else:
        return NO_OVERHANG
    if decoded.is_upright:
        return 0, 0, right, bottom
    rotation, mirrored = _TURNS[orientation]
    left, top, right, bottom = _TURNED[rotation](0, 0, right, bottom)
    return (right, top, left, bottom) if mirrored else (left, top, right, bottom)
