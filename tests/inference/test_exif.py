from __future__ import annotations

import struct
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from inference.exif import Exif, read_exif
from tests import photos

TAKEN = "2024:05:06 07:08:09"
NAIVE = datetime.fromisoformat("2024-05-06 07:08:09")
SHANGHAI = {1: "N", 2: (31.0, 13.0, 48.0), 3: "E", 4: (121.0, 28.0, 12.0)}


@pytest.mark.parametrize("orientation", photos.ORIENTATIONS)
def test_orientation(orientation: int) -> None:
    assert read_exif(photos.exif_block(orientation=orientation)).orientation == orientation


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_impossible_orientation_is_upright(orientation: int) -> None:
    assert read_exif(photos.exif_block(orientation=orientation)).orientation == 1


@pytest.mark.parametrize(("kind", "expected"), [(1, 6), (3, 6), (4, 6), (2, 1), (5, 1), (99, 1)])
def test_orientation_of_another_value_type(kind: int, expected: int) -> None:
    entry = struct.pack("<HHHI", 1, 0x0112, kind, 1) + struct.pack("<I", 6) + bytes(12)
    assert read_exif(b"II*\0" + struct.pack("<I", 8) + entry).orientation == expected


@pytest.mark.parametrize(
    ("taken_at", "zone", "expected"),
    [
        (TAKEN, None, NAIVE),
        (TAKEN, "+08:00", NAIVE.replace(tzinfo=timezone(timedelta(hours=8)))),
        (TAKEN, "-03:30", NAIVE.replace(tzinfo=timezone(-timedelta(hours=3, minutes=30)))),
        (TAKEN, "Z", NAIVE.replace(tzinfo=UTC)),
        (TAKEN, "   :  ", NAIVE),
        (TAKEN, "+99:00", NAIVE),
        ("0000:00:00 00:00:00", None, None),
        ("    :  :     :  :  ", "+08:00", None),
        ("2024:02:30 07:08:09", None, None),
        ("yesterday", None, None),
        (None, "+08:00", None),
    ],
)
def test_captured_at(taken_at: str | None, zone: str | None, expected: datetime | None) -> None:
    exif = read_exif(photos.exif_block(orientation=1, taken_at=taken_at, zone=zone))
    assert exif.captured_at == expected
    assert exif.captured_at is None or expected is None or exif.captured_at.tzinfo == expected.tzinfo
    assert not exif.is_damaged


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (31.23, 121.47)),
        ({1: "S", 3: "W"}, (-31.23, -121.47)),
        ({1: "s"}, (-31.23, 121.47)),
        ({2: (90.0, 0.0, 0.0), 4: (180.0, 0.0, 0.0)}, (90.0, 180.0)),
        ({2: (0.0, 0.0, 0.0)}, (0.0, 121.47)),
        ({2: (31.0, 13.8, 0.0)}, (31.23, 121.47)),
        ({2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, (None, None)),
        ({2: (90.0, 0.0, 1.0)}, (None, None)),
        ({4: (181.0, 0.0, 0.0)}, (None, None)),
        ({2: (31.0, 61.0, 0.0)}, (None, None)),
        ({2: (31.0, 0.0, 4000.0)}, (None, None)),
        ({2: (31.0, 13.0)}, (None, None)),
        ({1: "X"}, (None, None)),
        ({1: None}, (None, None)),
        ({4: None}, (None, None)),
    ],
)
def test_position(change: dict[int, Any], expected: tuple[float | None, float | None]) -> None:
    gps = {tag: value for tag, value in (SHANGHAI | change).items() if value is not None}
    exif = read_exif(photos.exif_block(orientation=1, gps=gps))
    assert (exif.latitude, exif.longitude) == pytest.approx(expected)
    assert not exif.is_damaged


def test_a_zero_denominator_is_no_position() -> None:
    block = photos.exif_block(orientation=1, gps=SHANGHAI)
    seconds = struct.pack("<II", 48, 1)
    order = "<" if seconds in block else ">"
    for bad in (struct.pack(order + "II", 48, 0), struct.pack(order + "II", 0, 0)):
        exif = read_exif(block.replace(struct.pack(order + "II", 48, 1), bad))
        assert (exif.latitude, exif.longitude) == (None, None)


def test_both_byte_orders_and_the_jpeg_prefix() -> None:
    directory = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    block = b"MM\0*" + struct.pack(">I", 8) + directory
    assert read_exif(block).orientation == 6
    assert read_exif(b"Exif\0\0" + block).orientation == 6
    little = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 8, 0, 0)
    assert read_exif(little).orientation == 8


@pytest.mark.parametrize(
    "block",
    [b"", b"Exif\0\0", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense at all"],
)
def test_unreadable_blocks_are_reported(block: bytes) -> None:
    assert read_exif(block) == Exif(is_damaged=True)


def test_damage_in_one_part_does_not_lose_the_others() -> None:
    block = photos.exif_block(orientation=6, taken_at=TAKEN, gps=SHANGHAI)
    exif = read_exif(block[:-20])
    assert exif.orientation == 6
    assert exif.captured_at == NAIVE
    assert exif.is_damaged
    assert exif.latitude is None


def test_many_fields_that_share_a_long_value_cost_nothing() -> None:
    size, entries = 20_000_000, 65_535
    shared = struct.pack("<HHII", 0x0112, 1, size, 8)
    block = b"II*\0" + struct.pack("<IH", 8, entries) + shared * entries + bytes(size)
    start = time.thread_time()
    assert read_exif(block) == Exif(is_damaged=True)
    assert time.thread_time() - start < 1


def test_nothing_makes_it_raise() -> None:
    whole = photos.exif_block(orientation=6, taken_at=TAKEN, zone="+08:00", gps=SHANGHAI)
    random = np.random.default_rng(5)
    for length in range(len(whole)):
        read_exif(whole[:length])
    for _ in range(3000):
        block = bytearray(whole)
        for position in random.integers(0, len(block), 3):
            block[position] = random.integers(0, 256)
        exif = read_exif(bytes(block))
        assert exif.orientation in photos.ORIENTATIONS
        assert (exif.latitude is None) == (exif.longitude is None)
