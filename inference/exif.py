"""The few EXIF facts a patrol photo is read for: how to hold it, when and where it was taken.

Pillow's reader announces damaged EXIF through the process-wide `warnings` module, where a server can neither
attach it to the photo nor silence it per thread. This one reports damage in its result, reads only the
tags it needs, and never raises.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

_ORIENTATION, _EXIF_POINTER, _GPS_POINTER = 0x0112, 0x8769, 0x8825
_TAKEN_AT, _TAKEN_AT_ZONE = 0x9003, 0x9011
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_WANTED = frozenset(
    {_ORIENTATION, _EXIF_POINTER, _GPS_POINTER, _TAKEN_AT, _TAKEN_AT_ZONE}
    | {_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE}
)

_JPEG_PREFIX = b"Exif\0\0"
_BYTE_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">"}
_FIRST_DIRECTORY_AT = 4
_ENTRY_BYTES = 12
_INLINE_BYTES = 4  # a value of at most this many bytes stands in the entry itself
_MAX_VALUE_BYTES = 1024  # the longest wanted has 27; 65,535 entries may all claim the same 30 MB

# EXIF value types: bytes per value, and struct code where it is one unsigned number.
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
_NUMBER_CODES = {1: "B", 3: "H", 4: "I"}
_TEXT, _RATIO = 2, 5

_UPRIGHT, _LAST_ORIENTATION = 1, 8
_MAX_LATITUDE, _MAX_LONGITUDE = 90.0, 180.0


@dataclass(frozen=True, slots=True)
class Exif:
    """Facts read from one EXIF block; a fact that is absent or impossible is None.

    Attributes:
        orientation: 1 to 8 as in the EXIF standard; 1 (upright as stored) when absent or out of range.
        captured_at: When the shutter was pressed; naive unless the camera also wrote its time zone.
        latitude: Degrees north, -90 to 90.
        longitude: Degrees east, -180 to 180.
        is_damaged: Whether a part that should hold these facts could not be read.
    """

    orientation: int = _UPRIGHT
    captured_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    is_damaged: bool = False


def read_exif(block: bytes) -> Exif:
    """Reads what it can of an EXIF block; damage in one part does not lose the others.

    Args:
        block: A TIFF structure, with or without the "Exif" prefix of JPEG files.

    Returns:
        The facts; never raises for damaged data.
    """
    block = block.removeprefix(_JPEG_PREFIX)
    if block[:4] not in _BYTE_ORDERS:
        return Exif(is_damaged=True)
    reader = _Reader(block, _BYTE_ORDERS[block[:4]])
    main = reader.directory(reader.number_at(_FIRST_DIRECTORY_AT))
    taken = reader.directory(reader.number(main.get(_EXIF_POINTER)))
    place = reader.directory(reader.number(main.get(_GPS_POINTER)))
    orientation = reader.number(main.get(_ORIENTATION))
    latitude, longitude = _position(reader, place)
    return Exif(
        orientation=orientation if orientation in range(_UPRIGHT, _LAST_ORIENTATION + 1) else _UPRIGHT,
        captured_at=_moment(reader.text(taken.get(_TAKEN_AT)), reader.text(taken.get(_TAKEN_AT_ZONE))),
        latitude=latitude,
        longitude=longitude,
        is_damaged=reader.is_damaged,
    )


@dataclass(frozen=True, slots=True)
class _Field:
    kind: int
    raw: bytes


class _Reader:
    """Reads a TIFF structure and remembers whether any of it lay outside the block."""

    def __init__(self, block: bytes, order: Literal["<", ">"]) -> None:
        self.block = block
        self.order = order
        self.is_damaged = False

    def number_at(self, offset: int, code: str = "I") -> int:
        """The unsigned number at an offset, or 0 when that is outside the block."""
        try:
            return int(struct.unpack_from(self.order + code, self.block, offset)[0])
        except struct.error:
            self.is_damaged = True
            return 0

    def directory(self, offset: int) -> dict[int, _Field]:
        """The wanted fields of the directory at an offset; empty at offset 0, which means "none"."""
        if offset == 0:
            return {}
        fields: dict[int, _Field] = {}
        for index in range(self.number_at(offset, "H")):
            entry = offset + 2 + index * _ENTRY_BYTES
            if entry + _ENTRY_BYTES > len(self.block):
                self.is_damaged = True
                break
            tag = self.number_at(entry, "H")
            field = self._field(entry) if tag in _WANTED else None
            if field is not None:
                fields.setdefault(tag, field)
        return fields

    def _field(self, entry: int) -> _Field | None:
        kind = self.number_at(entry + 2, "H")
        size = self.number_at(entry + 4) * _VALUE_BYTES.get(kind, 0)
        start = entry + 8 if size <= _INLINE_BYTES else self.number_at(entry + 8)
        if not 0 < size <= _MAX_VALUE_BYTES or start + size > len(self.block):
            self.is_damaged = True
            return None
        return _Field(kind, self.block[start : start + size])

    def number(self, field: _Field | None) -> int:
        """The first value of a field of whole numbers, or 0."""
        code = _NUMBER_CODES.get(field.kind) if field else None
        return int(struct.unpack_from(self.order + code, field.raw)[0]) if field and code else 0

    def text(self, field: _Field | None) -> str:
        """The text of a field, or the empty string."""
        if field is None or field.kind != _TEXT:
            return ""
        return field.raw.split(b"\0")[0].decode("ascii", "replace").strip()

    def ratios(self, field: _Field | None) -> list[float]:
        """The values of a field of fractions; empty when it is none, or when a denominator is 0."""
        if field is None or field.kind != _RATIO:
            return []
        parts = struct.unpack(f"{self.order}{len(field.raw) // 4}I", field.raw)
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        return [over / under for over, under in pairs] if all(under for _, under in pairs) else []


def _moment(text: str, zone: str) -> datetime | None:
    try:
        naive = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except ValueError:  # cameras without a clock write spaces or zeros
        return None
    try:
        return naive.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo)
    except ValueError:
        return naive


def _position(reader: _Reader, place: dict[int, _Field]) -> tuple[float | None, float | None]:
    north = _degrees(reader.ratios(place.get(_LATITUDE)), _MAX_LATITUDE)
    east = _degrees(reader.ratios(place.get(_LONGITUDE)), _MAX_LONGITUDE)
    north_sign = {"N": 1, "S": -1}.get(reader.text(place.get(_LATITUDE_REF)).upper())
    east_sign = {"E": 1, "W": -1}.get(reader.text(place.get(_LONGITUDE_REF)).upper())
    if north is None or east is None or north_sign is None or east_sign is None:
        return None, None
    if north == 0 and east == 0:  # what phones write while they still have no fix
        return None, None
    return north_sign * north, east_sign * east


def _degrees(parts: list[float], limit: float) -> float | None:
    """Turns (degrees, minutes, seconds) into degrees, or None when they are no position on Earth."""
    sixty = 60.0
    if len(parts) != len(("degrees", "minutes", "seconds")):
        return None
    degrees, minutes, seconds = parts
    total = degrees + minutes / sixty + seconds / sixty**2
    return total if minutes <= sixty and seconds <= sixty and total <= limit else None
