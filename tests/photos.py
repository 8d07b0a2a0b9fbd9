"""Makes the photo files that tests and benchmarks read, by code, always the same bytes for the same call."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pillow_heif
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[np.uint8]

ORIENTATIONS = range(1, 9)
LOSSLESS = frozenset({"png-rgb", "png-rgba", "png-16bit", "bmp", "tiff", "tiff-16bit", "webp-lossless"})

_ORIENTATION_TAG, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
_TAKEN_AT_TAG, _TAKEN_AT_ZONE_TAG = 0x9003, 0x9011
# What turns an upright picture into the one a camera with this orientation would have stored.
_STORED_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@cache
def _scene(width: int, height: int) -> Rgb:
    across = np.linspace(40, 200, width, dtype=np.float32)[np.newaxis, :].repeat(height, axis=0)
    down = np.linspace(60, 180, height, dtype=np.float32)[:, np.newaxis].repeat(width, axis=1)
    rgb = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    unit = min(width, height) // 8
    cv2.rectangle(rgb, (unit, unit), (3 * unit, 2 * unit), (230, 30, 30), -1)
    cv2.rectangle(rgb, (width - 2 * unit, unit), (width - unit, 4 * unit), (30, 220, 40), -1)
    cv2.circle(rgb, (2 * unit, height - 2 * unit), unit, (250, 240, 230), -1)
    rgb.setflags(write=False)
    return rgb


def scene(width: int = 320, height: int = 240) -> Rgb:
    """A picture without any symmetry, (height, width, 3) uint8 RGB: gradients and three coloured shapes."""
    return _scene(width, height).copy()


def noisy_scene(width: int, height: int, seed: int = 7) -> Rgb:
    """The scene with sensor noise, so that it compresses as badly as a real photo."""
    noise = np.random.default_rng(seed).normal(0, 6, (height, width, 3)).astype(np.float32)
    noisy: Rgb = np.clip(_scene(width, height) + noise, 0, 255).astype(np.uint8)
    return noisy


def exif_block(
    *,
    orientation: int | None = None,
    taken_at: str | None = None,
    zone: str | None = None,
    gps: dict[int, Any] | None = None,
) -> bytes:
    """An EXIF block as cameras write it.

    Args:
        orientation: The orientation tag, 1 to 8 or nonsense.
        taken_at: DateTimeOriginal, "2024:05:06 07:08:09".
        zone: OffsetTimeOriginal, "+08:00".
        gps: Tags of the GPS directory by number: 1 "N"/"S", 2 and 4 (degrees, minutes, seconds), 3 "E"/"W".
    """
    exif = Image.Exif()
    if orientation is not None:
        exif[_ORIENTATION_TAG] = orientation
    written = {_TAKEN_AT_TAG: taken_at, _TAKEN_AT_ZONE_TAG: zone}
    taken = {tag: text for tag, text in written.items() if text is not None}
    if taken:
        exif.get_ifd(_EXIF_IFD).update(taken)
    if gps:
        exif.get_ifd(_GPS_IFD).update(gps)
    return exif.tobytes()


def encode(rgb: Rgb, kind: str, *, orientation: int = 1, exif: bytes | None = None, **options: Any) -> bytes:
    """Encodes a picture so that it looks like `rgb` once it is turned as its EXIF asks.

    Args:
        rgb: The upright picture, (h, w, 3) uint8.
        kind: A Pillow format: "jpeg", "png", "webp", "bmp", "tiff", "heif", "gif".
        orientation: The EXIF orientation to store it with, 1 to 8.
        exif: An EXIF block instead of one that holds only the orientation.
        options: Passed on to Pillow's encoder.
    """
    image = Image.fromarray(rgb)
    if orientation in _STORED_BY:
        image = image.transpose(_STORED_BY[orientation])
    if kind == "tiff":
        options["tiffinfo"] = {_ORIENTATION_TAG: orientation}
    elif exif is None and orientation != 1:
        exif = exif_block(orientation=orientation)
    if exif is not None:
        options["exif"] = exif
    return _save(image, kind, **options)


def _save(image: Image.Image, kind: str, **options: Any) -> bytes:
    if kind == "heif":
        pillow_heif.register_heif_opener()
    if kind in ("jpeg", "heif"):
        options.setdefault("quality", 95)
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def encodings(rgb: Rgb) -> dict[str, bytes]:
    """One picture in every form that must read back as the same upright picture.

    Args:
        rgb: The picture, (h, w, 3) uint8.

    Returns:
        Files by name; those in `LOSSLESS` read back exactly, "jpeg-grey" without its colours.
    """
    image = Image.fromarray(rgb)
    turned = {f"jpeg-orientation-{turn}": encode(rgb, "jpeg", orientation=turn) for turn in ORIENTATIONS}
    return turned | {
        "jpeg-progressive": encode(rgb, "jpeg", progressive=True),
        "jpeg-cmyk": _save(image.convert("CMYK"), "jpeg"),
        "jpeg-ycck": jpeg_ycck(rgb),
        "jpeg-cmyk-not-inverted": jpeg_cmyk_not_inverted(rgb),
        "jpeg-odd-subsampling": jpeg_odd_subsampling(rgb),
        "jpeg-grey": _save(image.convert("L"), "jpeg"),
        "png-rgb": encode(rgb, "png"),
        "png-rgba": _save(image.convert("RGBA"), "png"),
        "png-16bit": wide(rgb, ".png"),
        "png-palette": _save(image.quantize(256), "png"),
        "webp": encode(rgb, "webp", quality=95),
        "webp-lossless": encode(rgb, "webp", lossless=True),
        "heic": encode(rgb, "heif"),
        "bmp": encode(rgb, "bmp"),
        "tiff": encode(rgb, "tiff"),
        "tiff-jpeg": encode(rgb, "tiff", compression="jpeg", quality=95),
        "tiff-16bit": wide(rgb, ".tiff"),
    }


def wide(pixels: NDArray[np.uint8], extension: str) -> bytes:
    """Stretches 8 bits to 16 and encodes them.

    Args:
        pixels: (h, w) grey or (h, w, 3) RGB.
        extension: ".png" or ".tiff".
    """
    stretched = pixels.astype(np.uint16) * 257  # 255 * 257 = 65535
    if pixels.ndim == 3:
        stretched = np.ascontiguousarray(stretched[..., ::-1])
    return cv2.imencode(extension, stretched)[1].tobytes()


def jpeg_ycck(rgb: Rgb) -> bytes:
    """A JPEG of inks that were turned into YCCK, as Photoshop writes them."""
    inks = 255 - np.asarray(Image.fromarray(rgb).convert("CMYK"))
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(inks), 95, "CMYK", "444"))


def jpeg_cmyk_not_inverted(rgb: Rgb) -> bytes:
    """A JPEG of inks without Adobe's marker, in which 255 means full ink."""
    # Pillow inverts what it writes and says so in an APP14 segment: undo the one and cut out the other.
    inks = 255 - np.asarray(Image.fromarray(rgb).convert("CMYK"))
    data = _save(Image.fromarray(inks, "CMYK"), "jpeg")
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def jpeg_odd_subsampling(rgb: Rgb) -> bytes:
    """A valid JPEG whose colours have a quarter of the columns and half of the rows (4:1:0).

    Few decoders know it and no encoder here writes it, so it is put together from three grey JPEGs.
    """
    height, width = rgb.shape[:2]
    luma, red, blue = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    small = (-(-width // 4), -(-height // 2))
    planes = [luma, *(cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (blue, red))]
    files = [_save(Image.fromarray(np.asarray(plane, np.uint8)), "jpeg") for plane in planes]
    frame = files[0].index(b"\xff\xc0")
    first_scan = files[0].index(b"\xff\xda")
    tables = files[0][frame + 2 + 11 : first_scan]
    components = bytes((1, 0x42, 0, 2, 0x11, 0, 3, 0x11, 0))
    header = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + components
    scans = [_only_scan(file, component) for component, file in enumerate(files, start=1)]
    return files[0][:frame] + header + tables + b"".join(scans) + b"\xff\xd9"


def _only_scan(grey_jpeg: bytes, component: int) -> bytes:
    scan = bytearray(grey_jpeg[grey_jpeg.index(b"\xff\xda") : -2])
    scan[5] = component
    return bytes(scan)


def jpeg_many_scans(scans: int, side: int = 64) -> bytes:
    """A small progressive JPEG that makes its decoder walk over the picture `scans` times more."""
    data = encode(scene(side, side), "jpeg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def jpeg_many_segments(segments: int) -> bytes:
    """A JPEG with `segments` empty comments, 4 bytes each, before its picture."""
    data = encode(scene(64, 64), "jpeg")
    return data[:2] + b"\xff\xfe\0\2" * segments + data[2:]


def png_many_blocks(blocks: int) -> bytes:
    """A PNG with `blocks` empty private blocks, 12 bytes each, before its pixels."""
    data = encode(scene(64, 64), "png")
    pixels = data.index(b"IDAT") - 4
    return data[:pixels] + _chunk(b"paTr", b"") * blocks + data[pixels:]


def tiff_with_field(kind: int, values: int, copies: int = 1, size: int = 30_000_000) -> bytes:
    """A grey TIFF of 640x480 with private fields that all claim the same values; the file has `size` bytes or more."""
    private = [(40_000 + index, kind, values, 8) for index in range(copies)]
    pixels_at = 8 + 2 + (9 + copies) * 12 + 4
    known = [(256, 4, 1, 640), (257, 4, 1, 480), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, pixels_at)]
    known += [(277, 3, 1, 1), (278, 4, 1, 480), (279, 4, 1, 640 * 480)]
    fields = b"".join(struct.pack("<HHII", *field) for field in known + private)
    return b"II*\0" + struct.pack("<IH", 8, len(known + private)) + fields + bytes(4) + bytes(max(size, 640 * 480))


def truncated(data: bytes, keep: float = 0.6) -> bytes:
    """The first part of a file, as an interrupted upload leaves it."""
    return data[: int(len(data) * keep)]


def corrupt_middle(data: bytes, length: int = 64) -> bytes:
    """A file of the right length whose middle was overwritten with other bytes."""
    middle = len(data) // 2
    noise = np.random.default_rng(3).integers(1, 255, length, dtype=np.uint8).tobytes()
    return data[:middle] + noise + data[middle + length :]


def animation(kind: str, frames: int = 2) -> bytes:
    """A file of several pictures, the first of which is the scene.

    Args:
        kind: "png", "webp", "tiff", "gif" or "heif".
        frames: How many.
    """
    pictures = [Image.fromarray(np.roll(scene(), 40 * index, axis=1)) for index in range(frames)]
    options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    return _save(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)


@cache
def bomb_png(side: int = 13_270) -> bytes:
    """A valid PNG of about 171 kB that unfolds to side * side black pixels, 528 MB as RGB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def declare_size(data: bytes, width: int, height: int) -> bytes:
    """A JPEG or BMP whose header promises another size than its data holds."""
    if data.startswith(b"BM"):
        return data[:18] + struct.pack("<II", width, height) + data[26:]
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]
