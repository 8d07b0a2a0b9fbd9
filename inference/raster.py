"""Decodes PNG, WebP, BMP, TIFF and HEIC files with Pillow, always whole and at full size.

Each format's plugin class is called directly instead of through `PIL.Image.open`: no other decoder can be
reached, no opener needs registering, and the size limit is the caller's instead of a process-wide global that
warns. Only PNG carries checksums; damage inside the others that still decodes cannot be seen by anyone.
Damaged files are always refused: these decoders have no per-call way to return a part.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from inference.codec import Decoded, PhotoError

RasterFormat = Literal["png", "webp", "bmp", "tiff", "heic"]

_SIGNATURE_BYTES = 8
_CHUNK_FRAME_BYTES = 12  # length 4, kind 4, checksum 4
_CHUNK_HEAD = struct.Struct(">I4s")
_CHECKSUM = struct.Struct(">I")
_MAX_CHUNKS = 10_000  # 32 MiB in the common 8 KiB blocks are 4096; a check of 100,000 takes 80 ms
_TIFF_ENTRY_BYTES = 12
_MAX_TIFF_VALUES = 100_000  # of a field, such as its strips; Pillow makes a Python number of each, seconds a million
_TIFF_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_TIFF_SUBFILE, _TIFF_REDUCED, _DNG_VERSION = 254, 1, 50706
_CR2_MARK_AT = 8
_BMP_COMPRESSION_AT = 30
_BMP_RUN_LENGTHS = (1, 2)  # Pillow decodes these in Python, holding all other threads up for seconds
_BOX_HEADER_BYTES = 8  # lengths below it mean "up to the end" or "see the next 8 bytes"
# These two decoders turn the pixels themselves and take the orientation out of what they report.
_TURNED_BY_DECODER = ("tiff", "heic")


def _open_heic(file: BytesIO) -> ImageFile:
    from pillow_heif import HeifImageFile

    plugin: Callable[[BytesIO], ImageFile] = HeifImageFile
    return plugin(file)


_PLUGINS: dict[RasterFormat, Callable[[BytesIO], ImageFile]] = {
    "png": PngImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
    "tiff": TiffImageFile,
    "heic": _open_heic,
}


@dataclass(frozen=True, slots=True, eq=False)
class RasterSource:
    """A file of which Pillow read the header; see `inference.codec.Source`.

    Attributes:
        data: The file.
        format: Its format.
        image: Pillow's handle, not loaded yet.
    """

    data: bytes
    format: RasterFormat
    image: ImageFile

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return self.image.width

    @property
    def height(self) -> int:
        """Rows of the picture."""
        return self.image.height

    def decode(self) -> Decoded:
        """Decodes the first picture of the file; works once, because it closes the handle.

        Raises:
            PhotoError: The data is truncated, corrupt or of an unsupported kind.
        """
        if self.format == "tiff":
            _check_tiff_size(self.image)
        warnings = ("multi-frame-first-used",) if getattr(self.image, "is_animated", False) else ()
        try:
            with self.image as image:
                image.load()
                rgb = _to_rgb(image)
                # PNG may hold its EXIF after the pixels, so it is asked for only now.
                exif = self.data if self.format == "tiff" else image.info.get("exif")
        except (PhotoError, MemoryError):
            raise
        except Exception as error:
            raise _fault(self.data, self.format, error) from error
        height, width = rgb.shape[:2]
        return Decoded(rgb, width, height, exif, self.format in _TURNED_BY_DECODER, warnings)


def open_raster(data: bytes, photo_format: RasterFormat) -> RasterSource:
    """Reads the header of a file.

    Args:
        data: The file.
        photo_format: What its first bytes say it is.

    Returns:
        The file's size, ready to decode.

    Raises:
        PhotoError: The header is truncated, corrupt or of an unsupported kind.
    """
    check = _CHECKS.get(photo_format)
    if check is not None:
        check(data)
    try:
        return RasterSource(data, photo_format, _PLUGINS[photo_format](BytesIO(data)))
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever they come across, from struct.error to KeyError
        raise _fault(data, photo_format, error) from error


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Turns pixels of any kind into (rows, columns, 3) uint8.

    16 bits keep their upper 8, for grey as for colour. What is transparent shows white, as on a page.
    """
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips these at 255
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., np.newaxis], 3, axis=2)
    if image.mode in ("I", "F"):
        raise PhotoError(
            "unsupported-format", "the picture has 32 bits per pixel and no known white; save it with 8 bits"
        )
    if image.has_transparency_data:
        image = _over_white(image.convert("RGBA"))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))  # convert() would copy


def _over_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def _check_png(data: bytes) -> None:
    """Compares every checksum of a PNG, as Pillow does not for the pixels, and looks for its end mark.

    Raises:
        PhotoError: A checksum is wrong, the file stops early, or it is cut into senselessly many blocks.
    """
    view = memoryview(data)
    position = _SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        if position + _CHUNK_FRAME_BYTES > len(data):
            raise _truncated("png", f"{len(data):,} of at least {position + _CHUNK_FRAME_BYTES:,} bytes")
        length, kind = _CHUNK_HEAD.unpack_from(data, position)
        end = position + _CHUNK_FRAME_BYTES + length
        if end > len(data):
            raise _truncated("png", f"{len(data):,} of at least {end:,} bytes")
        if zlib.crc32(view[position + 4 : end - 4]) != _CHECKSUM.unpack_from(data, end - 4)[0]:
            raise _corrupt("png", f"wrong checksum in the block at byte {position:,}")
        if kind == b"IEND":
            return
        position = end
    raise _corrupt("png", f"more than {_MAX_CHUNKS:,} blocks")


def _check_bmp(data: bytes) -> None:
    """Refuses run-length coding.

    Raises:
        PhotoError: The file uses it.
    """
    if int.from_bytes(data[_BMP_COMPRESSION_AT : _BMP_COMPRESSION_AT + 4], "little") in _BMP_RUN_LENGTHS:
        raise PhotoError(
            "unsupported-format", "the BMP is run-length coded, which no camera does; save it as PNG and send that"
        )


def _check_tiff(data: bytes) -> None:
    """Looks at what the first directory of a TIFF claims, before Pillow reads all of it into memory.

    Raises:
        PhotoError: Its values are more than the file holds, or senselessly many, or it is of a camera raw file, whose
            first picture is a thumbnail that must not pass for the photo.
    """
    if data.startswith(b"CR", _CR2_MARK_AT):
        raise _camera_raw()
    order = _tiff_order(data)
    directory = int.from_bytes(data[4:8], order)
    entries = int.from_bytes(data[directory : directory + 2], order)
    claimed = 0
    for at in range(directory + 2, min(directory + 2 + entries * _TIFF_ENTRY_BYTES, len(data)), _TIFF_ENTRY_BYTES):
        size = _TIFF_VALUE_BYTES.get(int.from_bytes(data[at + 2 : at + 4], order), 0)
        values = int.from_bytes(data[at + 4 : at + 8], order)
        tag, value = int.from_bytes(data[at : at + 2], order), int.from_bytes(data[at + 8 : at + 12], order)
        if tag == _DNG_VERSION or (tag == _TIFF_SUBFILE and value & _TIFF_REDUCED):
            raise _camera_raw()
        if size > 1 and values > _MAX_TIFF_VALUES:
            raise _corrupt("tiff", f"{values:,} values in one field, over the {_MAX_TIFF_VALUES:,} any photo has")
        claimed += size * values
    if claimed > len(data):
        raise _truncated("tiff", f"its fields claim {claimed:,} bytes, the file has {len(data):,}")


def _camera_raw() -> PhotoError:
    problem = "the TIFF is a camera raw file or begins with the thumbnail of another picture"
    return PhotoError("unsupported-format", f"{problem}; send the photo itself as JPEG")


_CHECKS: dict[RasterFormat, Callable[[bytes], None]] = {"png": _check_png, "bmp": _check_bmp, "tiff": _check_tiff}


def _tiff_order(data: bytes) -> Literal["little", "big"]:
    return "little" if data.startswith(b"II") else "big"


def _check_tiff_size(image: ImageFile) -> None:
    """Refuses what Pillow's TIFF plugin would warn of by itself while decoding."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise PhotoError(
            "too-many-pixels",
            f"the TIFF is {image.width}x{image.height}, over the {limit:,} pixels readable; send a JPEG",
        )


def _declared_bytes(data: bytes, photo_format: RasterFormat) -> int:
    """How many bytes a file's own header says it has at least; 0 when it does not say."""
    if photo_format == "webp":
        return 8 + int.from_bytes(data[4:8], "little")
    if photo_format == "bmp":
        return int.from_bytes(data[2:6], "little")
    if photo_format == "tiff":
        order = _tiff_order(data)
        directory = int.from_bytes(data[4:8], order)
        entries = int.from_bytes(data[directory : directory + 2], order)
        return directory + 2 + entries * _TIFF_ENTRY_BYTES + 4
    return _box_bytes(data) if photo_format == "heic" else 0


def _box_bytes(data: bytes) -> int:
    """Where the last of an HEIC file's outer boxes ends; each starts with its length, 4 bytes."""
    end = 0
    while (length := int.from_bytes(data[end : end + 4], "big")) >= _BOX_HEADER_BYTES:
        end += length
    return end


def _fault(data: bytes, photo_format: RasterFormat, error: Exception) -> PhotoError:
    """Names the fault behind whatever a decoder raised."""
    problem = str(error).strip() or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):  # the WebP plugin's own limit, above our default
        return PhotoError("too-many-pixels", f"{problem}; send a smaller picture")
    declared = _declared_bytes(data, photo_format)
    if declared > len(data):
        return _truncated(photo_format, f"{len(data):,} of at least {declared:,} bytes")
    if any(word in problem.lower() for word in ("truncated", "end of file", "too small")):
        return _truncated(photo_format, problem)
    if any(word in problem.lower() for word in ("unsupported", "not supported", "unknown pixel mode")):
        return PhotoError(
            "unsupported-format",
            f"this kind of {photo_format.upper()} is not supported ({problem}); send a JPEG",
        )
    return _corrupt(photo_format, problem)


def _truncated(photo_format: RasterFormat, problem: str) -> PhotoError:
    return PhotoError("truncated", f"the {photo_format.upper()} ends early ({problem}); send the whole file again")


def _corrupt(photo_format: RasterFormat, problem: str) -> PhotoError:
    return PhotoError("corrupt", f"the {photo_format.upper()} is damaged ({problem}); send the original again")
