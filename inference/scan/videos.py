"""The frames of a video file, one every so many seconds."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import cv2

from inference.scan.inputs import InputError

_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)  # of times in MP4 and QuickTime files
_BOX_HEADER, _LONG_BOX_HEADER = 8, 16
_MILLISECONDS = 1000
_HALF_FRAME = 0.5


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a video.

    Attributes:
        seconds: When it is due, from the beginning of the video.
        read: It as a BMP file, to be asked for before the next frame is drawn, or never.
    """

    seconds: float
    read: Callable[[], bytes]


def frames(path: Path, every: float) -> Iterator[Frame]:
    """The first frame at or after 0, `every`, 2 `every`... seconds.

    Args:
        path: A video file.
        every: Seconds from frame to frame.

    Raises:
        InputError: It cannot be opened, or ends early; the frames before its end were given.
    """
    with _opened(path) as video:
        rate = video.get(cv2.CAP_PROP_FPS) or 1.0
        expected = video.get(cv2.CAP_PROP_FRAME_COUNT)
        grabbed = due = 0
        while video.grab():
            # Containers without time stamps say 0 for every frame.
            seconds = max(video.get(cv2.CAP_PROP_POS_MSEC) / _MILLISECONDS, grabbed / rate)
            grabbed += 1
            if seconds + _HALF_FRAME / rate >= due * every:
                yield Frame(round(float(due * every), 3), _reader(video))
                due += 1
        _check_end(grabbed, expected, rate)


def _check_end(grabbed: int, expected: float, rate: float) -> None:
    if not grabbed:
        raise InputError(
            "video-unreadable", "no frame of the video can be read; convert it, for example to MP4 (H.264)"
        )
    if grabbed < expected - rate:  # containers miscount by a few frames, not by a second
        raise InputError("video-cut-off", f"the video ends after {grabbed} of {expected:.0f} frames; get it again")


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.exists():
        raise InputError("vanished", "the file is not there any more; put it back and scan it again")
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not video.isOpened():
            raise InputError("video-unreadable", "no video that can be opened; convert it, for example to MP4 (H.264)")
        yield video
    finally:
        video.release()


def _reader(video: cv2.VideoCapture) -> Callable[[], bytes]:
    def read() -> bytes:
        found, pixels = video.retrieve()
        if not found:
            raise InputError("video-unreadable", "this frame cannot be decoded; look at the video around it")
        return cv2.imencode(".bmp", pixels)[1].tobytes()

    return read


def recorded_at(path: Path) -> datetime | None:
    """When an MP4 or QuickTime file says that it was recorded; None where it does not."""
    try:
        with path.open("rb") as file:
            header = _find(file, (b"moov", b"mvhd"))
            return None if header is None else _creation_time(file.read(min(header, 32)))
    except (OSError, struct.error, OverflowError):
        return None


def _find(file: BinaryIO, names: tuple[bytes, ...]) -> int | None:
    """Moves into a box given by the names of its parents and itself; its size without header, or None."""
    end: int | None = None
    for name in names:
        size = _find_here(file, name, end)
        if size is None:
            return None
        end = file.tell() + size
    return size


def _find_here(file: BinaryIO, name: bytes, end: int | None) -> int | None:
    while end is None or file.tell() < end:
        header = file.read(_BOX_HEADER)
        if len(header) < _BOX_HEADER:
            return None
        size, kind = struct.unpack(">I4s", header)
        used = _BOX_HEADER
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            used = _LONG_BOX_HEADER
        if size < used:
            return None
        if kind == name:
            return int(size - used)
        file.seek(size - used, 1)
    return None


def _creation_time(header: bytes) -> datetime | None:
    (seconds,) = struct.unpack(">Q", header[4:12]) if header[0] == 1 else struct.unpack(">I", header[4:8])
    moment = _EPOCH + timedelta(seconds=seconds)
    # Writers without a clock leave 0, or count from 1970.
    return moment if moment.year >= 1980 else None  # noqa: PLR2004
