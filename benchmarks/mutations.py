"""Photo files broken in the ways in which files break, and in ways that nobody would think of; by seed, repeatable."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_HEADER: Final = 1024  # bytes in which most of what steers a decoder stands
_HEADER_SHARE: Final = 0.7  # of changes that are made there
_LONGEST: Final = 4096  # bytes that one change moves or overwrites
_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_CHANGES: Final = 4
_NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_FORMATS: Final = ("<B", "<H", ">H", "<I", ">I")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

Change = Callable[[bytes, np.random.Generator], bytes]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken file.

    Attributes:
        index: Its number; with the seed it makes the same file again.
        origin: Name of the file it was made of.
        changes: What was done to it, in order.
        data: The file.
    """

    index: int
    origin: str
    changes: tuple[str, ...]
    data: bytes


def _place(data: bytes, rng: np.random.Generator) -> int:
    end = min(len(data), _HEADER) if rng.random() < _HEADER_SHARE else len(data)
    return int(rng.integers(0, max(end, 1)))


def _length(rng: np.random.Generator) -> int:
    """Short ones are likelier."""
    return int(_LONGEST ** rng.random())


def _flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[_place(data, rng)] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def _overwrite(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = _place(data, rng), _length(rng)
    return data[:start] + rng.bytes(length) + data[start + length :]


def _number(data: bytes, rng: np.random.Generator) -> bytes:
    form = _FORMATS[int(rng.integers(0, len(_FORMATS)))]
    size = struct.calcsize(form)
    value = _NUMBERS[int(rng.integers(0, len(_NUMBERS)))] & ((1 << 8 * size) - 1)
    start = _place(data, rng)
    return data[:start] + struct.pack(form, value) + data[start + size :]


def _delete(data: bytes, rng: np.random.Generator) -> bytes:
    start = _place(data, rng)
    return data[:start] + data[start + _length(rng) :]


def _repeat(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = _place(data, rng), _length(rng)
    times = int(rng.integers(1, 64))
    return data[:start] + data[start : start + length] * times + data[start + length :]


def _swap(data: bytes, rng: np.random.Generator) -> bytes:
    first, second = sorted((_place(data, rng), _place(data, rng)))
    length = min(_length(rng), second - first)
    middle = data[first + length : second]
    return (
        data[:first] + data[second : second + length] + middle + data[first : first + length] + data[second + length :]
    )


def _truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


_CHANGES: Final[Mapping[str, Change]] = {
    "flip-bits": _flip_bits,
    "overwrite": _overwrite,
    "number": _number,
    "delete": _delete,
    "repeat": _repeat,
    "swap": _swap,
    "truncate": _truncate,
}


def mutant(files: Mapping[str, bytes], seed: int, index: int) -> Mutant:
    """The broken file of this number.

    Args:
        files: What it may be made of, by name.
        seed: Another one makes others.
        index: Its number.
    """
    rng = np.random.default_rng([seed, index])
    names = list(files)
    origin = names[index % len(names)]
    data = files[origin]
    done: list[str] = []
    for _ in range(int(rng.integers(1, _MOST_CHANGES + 1))):
        name = _chosen((*_CHANGES, "splice"), rng)
        data = _splice(data, files[_chosen(names, rng)], rng) if name == "splice" else _CHANGES[name](data, rng)
        data = data[:_MOST_BYTES] or b"\0"
        done.append(name)
    if data.startswith(_SIGNATURE) and rng.random() < 1 / 2:
        data = mended_png(data)
        done.append("mend-checksums")
    return Mutant(index, origin, tuple(done), data)


def _chosen(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(0, len(names)))]


def _splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def mended_png(data: bytes) -> bytes:
    """A PNG with the checksum of every block made right, so that changes get as far as the decoder."""
    parts = [data[:8]]
    position = 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        block = data[position + 4 : end]
        parts.append(data[position : position + 4] + block + struct.pack(">I", zlib.crc32(block)))
        position = end + 4
    return b"".join(parts)
