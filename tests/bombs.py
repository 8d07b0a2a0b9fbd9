"""Small files that would become hundreds of megabytes, or take seconds, in a decoder that believed them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import cache

from tests import photos

SIDE = 16_000  # 256 megapixels, 768 MB as RGB
_UNPACKED = 200 * 1024 * 1024


@cache
def bombs() -> Mapping[str, bytes]:
    """Files by name; `name.partition("-")[0]` is the format."""
    small = photos.scene(64, 64)
    return {
        "png-pixels": photos.bomb_png(),
        "png-text": _png_with(b"zTXt", b"c\0\0" + _packed()),
        "png-profile": _png_with(b"iCCP", b"p\0\0" + _packed()),
        "png-blocks": photos.png_many_blocks(200_000),
        "jpeg-pixels": photos.declare_size(photos.encode(small, "jpeg"), 65_000, 65_000),
        "jpeg-progressive": photos.declare_size(photos.encode(small, "jpeg", progressive=True), 65_000, 65_000),
        "webp-pixels": _webp(SIDE),
        "bmp-pixels": photos.declare_size(photos.encode(small, "bmp"), SIDE, SIDE),
        "tiff-pixels": _tiff(SIDE),
        "tiff-fields": photos.tiff_with_field(12, 3_000_000),
        "heic-pixels": _heic(SIDE),
    }


@cache
def _packed() -> bytes:
    return zlib.compress(bytes(_UNPACKED), 9)


def _png_with(kind: bytes, payload: bytes) -> bytes:
    """A small PNG with one more block before its pixels."""
    data = photos.encode(photos.scene(64, 64), "png")
    at = data.index(b"IDAT") - 4
    block = struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
    return data[:at] + block + data[at:]


def _webp(side: int) -> bytes:
    """A lossless WebP whose header promises side * side pixels: two times 14 bits after the mark 0x2f."""
    data = photos.encode(photos.scene(64, 64), "webp", lossless=True)
    at = data.index(b"VP8L") + 9
    kept = int.from_bytes(data[at : at + 4], "little") >> 28 << 28
    return data[:at] + (kept | (side - 1) << 14 | (side - 1)).to_bytes(4, "little") + data[at + 4 :]


def _tiff(side: int) -> bytes:
    """A deflated TIFF whose header promises side * side pixels."""
    data = bytearray(photos.encode(photos.scene(64, 64), "tiff", compression="tiff_adobe_deflate"))
    directory = int.from_bytes(data[4:8], "little")
    for index in range(int.from_bytes(data[directory : directory + 2], "little")):
        at = directory + 2 + index * 12
        if int.from_bytes(data[at : at + 2], "little") in (256, 257):  # columns, rows
            data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, side)
    return bytes(data)


def _heic(side: int) -> bytes:
    """A HEIC whose `ispe` box promises side * side pixels."""
    data = photos.encode(photos.scene(64, 64), "heif")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", side, side) + data[at + 8 :]
