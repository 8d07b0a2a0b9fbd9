"""Decodes JPEG files with libjpeg-turbo, at reduced scale where that suffices, and notices damage.

Pillow hides the warnings by which libjpeg reports damage in the middle of a file, and its switch for reading
truncated files is a process-wide global. `simplejpeg` reports those warnings, per call and without the GIL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from inference.codec import Decoded, PhotoError

# Any marker but restarts and stuffed zeros, which stand inside compressed data, and SOI. Of fill bytes only the
# last counts: a pattern that takes them all would walk a long run of them once from each of its bytes.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_EOI, _SOS, _APP1, _APP14 = 0xD9, 0xDA, 0xE1, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # C4, C8, CC: tables, reserved, conditioning
_EXIF_PREFIX = b"Exif\0\0"
_ADOBE_PREFIX = b"Adobe"

# libjpeg decodes at n/8 for every n, but only these scales have SIMD code: 5/8 takes longer than full size.
SCALES = (8, 4, 2)
# Cameras write one scan, progressive encoders about ten. Each scan walks over the whole picture, so that a
# small file of endless empty scans would hold a processor for hours.
_MAX_SCANS = 100
_MAX_SEGMENTS = 4096  # phones' depth maps and colour profiles take a few hundred, of 64 KiB each
_INK_COMPONENTS = 4
_MIN_READABLE = 0.1  # share of rows below which a damaged file shows nothing of its scene

# libjpeg-turbo's words for oddities that do not touch the pixels: simplejpeg refuses them, Pillow does not.
_HARMLESS = (
    "Warning: unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "Invalid SOS parameters for sequential JPEG",
    "tjDecompressHeader3(): Could not determine subsampling level",
)
_EARLY_END = "Premature end of JPEG file"


class _Segment(NamedTuple):
    marker: int
    payload: bytes


@dataclass(frozen=True, slots=True, eq=False)
class JpegSource:
    """A JPEG file of which the header was read; see `inference.codec.Source`.

    Attributes:
        data: The file.
        width: Columns as stored.
        height: Rows as stored.
        components: 1 for grey, 3 for colour, 4 for inks (cyan, magenta, yellow, black).
        has_inverted_inks: Whether 255 means "no ink", the convention of Adobe's programs.
        exif: The EXIF block, or None.
        target_side: Pixels that the longer decoded side must have at least, where the file has them.
        allow_degraded: Whether to return what can be read of a damaged file.
    """

    data: bytes
    width: int
    height: int
    components: int
    has_inverted_inks: bool
    exif: bytes | None
    target_side: int
    allow_degraded: bool

    def decode(self) -> Decoded:
        """Decodes the pixels at the smallest fast scale that still serves the target.

        Raises:
            PhotoError: The data is truncated or corrupt and `allow_degraded` does not let it pass, or
                less than a tenth of its rows can be read.
        """
        _check_scans(self.data)
        warnings: tuple[str, ...] = ()
        try:
            rgb = self._pixels(strict=True)
        except ValueError as error:
            problem = str(error)
            if problem.startswith(_HARMLESS):
                rgb = self._pixels_with_pillow()
            else:
                rgb = self._degraded_pixels(problem)
                warnings = ("degraded:truncated" if _EARLY_END in problem else "degraded:corrupt-data",)
        return Decoded(rgb, self.width, self.height, self.exif, is_upright=False, warnings=warnings)

    def _scaled_size(self) -> tuple[int, int]:
        """The (width, height) to decode at."""
        for scale in SCALES:
            width, height = -(-self.width // scale), -(-self.height // scale)
            if max(width, height) >= self.target_side:
                return width, height
        return self.width, self.height

    def _pixels(self, *, strict: bool) -> NDArray[np.uint8]:
        width, height = self._scaled_size()
        has_inks = self.components == _INK_COMPONENTS
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            self.data, "CMYK" if has_inks else "RGB", min_width=width, min_height=height, strict=strict
        )
        return _mix_inks(pixels, inverted=self.has_inverted_inks) if has_inks else pixels

    def _pixels_with_pillow(self) -> NDArray[np.uint8]:
        """Decodes what simplejpeg will not; damage in the middle stays unseen here."""
        # Pillow would look for the resolution in the EXIF block and warn the whole process if it is damaged.
        without_exif = self.data.replace(_EXIF_PREFIX, bytes(len(_EXIF_PREFIX)), 1)
        try:
            with JpegImageFile(BytesIO(without_exif)) as image:
                image.draft(None, self._scaled_size())
                return np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise _fault(str(error)) from error

    def _degraded_pixels(self, problem: str) -> NDArray[np.uint8]:
        fault = _fault(problem)
        if not self.allow_degraded:
            raise fault
        try:
            rgb = self._pixels(strict=False)
        except ValueError:
            raise fault from None
        readable = (rgb != rgb[:, :1]).any(axis=(1, 2))  # libjpeg fills what it cannot read with one grey
        if readable.mean() < _MIN_READABLE:
            raise fault
        return rgb


def open_jpeg(data: bytes, *, target_side: int, allow_degraded: bool) -> JpegSource:
    """Reads the header of a JPEG file.

    Args:
        data: The file, starting with the SOI marker.
        target_side: Pixels that the longer decoded side must have at least, where the file has them.
        allow_degraded: Whether decoding may return what can be read of a damaged file.

    Returns:
        The file's size and metadata, ready to decode.

    Raises:
        PhotoError: The header is truncated, corrupt or of an unsupported kind.
    """
    frame = exif = None
    is_adobe = False
    for marker, payload in _segments(data):
        if marker in _FRAMES:
            frame = payload
        elif marker == _APP1 and exif is None and payload.startswith(_EXIF_PREFIX):
            exif = payload
        elif marker == _APP14 and payload.startswith(_ADOBE_PREFIX):
            is_adobe = True
        elif marker in (_SOS, _EOI):
            break
    else:
        raise _fault(f"{_EARLY_END} inside the header")
    width, height, components = _frame_size(frame)
    return JpegSource(data, width, height, components, is_adobe, exif, target_side, allow_degraded)


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yields the marker segments of the first picture in a file up to EOI, stepping over compressed data.

    Raises:
        PhotoError: There are so many of them that only walking over them would hold a processor.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        match = _MARKER.search(data, position)
        if match is None:
            return
        marker, start = match[1][0], match.end()
        length = int.from_bytes(data[start : start + 2], "big")
        yield _Segment(marker, data[start + 2 : start + length])
        if marker == _EOI:
            return
        position = start + max(length, 2)
    raise _fault(f"it has more than {_MAX_SEGMENTS:,} segments, which no camera writes")


def _frame_size(frame: bytes | None) -> tuple[int, int, int]:
    """The (width, height, components) that a frame header declares."""
    frame_bytes = 6  # precision 1, height 2, width 2, components 1
    if frame is None or len(frame) < frame_bytes:
        raise _fault("the header does not say how large the picture is")
    if frame[0] != np.iinfo(np.uint8).bits:
        raise PhotoError(
            "unsupported-format",
            f"the JPEG has {frame[0]} bits per colour; save it with 8 bits and send that",
        )
    components = frame[5]
    if components not in (1, 3, _INK_COMPONENTS):
        raise PhotoError(
            "unsupported-format", f"the JPEG has {components} colour components; save it as RGB and send that"
        )
    width, height = int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
    if width == 0 or height == 0:
        raise _fault(f"the header says that the picture is {width}x{height} pixels")
    return width, height, components


def _check_scans(data: bytes) -> None:
    # Look-alikes in metadata or after the picture count too; only then is the slow exact count needed.
    if data.count(bytes((0xFF, _SOS))) <= _MAX_SCANS:
        return
    scans = (segment for segment in _segments(data) if segment.marker == _SOS)
    if next(islice(scans, _MAX_SCANS, None), None) is not None:
        raise _fault(f"it is stored in more than {_MAX_SCANS} passes, which no camera does")


def _mix_inks(inks: NDArray[np.uint8], *, inverted: bool) -> NDArray[np.uint8]:
    """Turns inks (rows, columns, 4: cyan, magenta, yellow, black) into RGB, ignoring any ink profile."""
    light = inks if inverted else 255 - inks
    product = light[..., :3].astype(np.uint16) * light[..., 3:]
    return ((product + 127) // 255).astype(np.uint8)


def _fault(problem: str) -> PhotoError:
    if _EARLY_END in problem or "truncated" in problem:
        return PhotoError(
            "truncated",
            f"the JPEG ends before its picture is complete ({problem}); send the whole file again",
        )
    return PhotoError("corrupt", f"the JPEG is damaged ({problem}); send the original file again")
