"""Frames of videos: when they are due, what they show, and videos that end early."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.photo import read_photo
from inference.scan.journal import records, validate
from inference.scan.videos import frames, recorded_at
from tests.inference.scan.stub import stub_scan

RATE, FRAMES, LEVEL = 10, 35, 7


def make_video(path: Path, codec: str = "mp4v") -> Path:
    """3.5 seconds; each frame is as grey as its number says."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), RATE, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), number * LEVEL, np.uint8))
    writer.release()
    return path


def grey(data: bytes) -> float:
    return float(read_photo(data, target_side=64).rgb.mean())


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG")])
@pytest.mark.parametrize(("every", "due"), [(1, [0.0, 1.0, 2.0, 3.0]), (0.5, [n / 2 for n in range(7)]), (60, [0.0])])
def test_one_frame_every_so_many_seconds(name: str, codec: str, every: float, due: list[float], tmp_path: Path) -> None:
    found = [(frame.seconds, grey(frame.read())) for frame in frames(make_video(tmp_path / name, codec), every)]
    assert [seconds for seconds, _ in found] == due
    for seconds, level in found:
        assert level == pytest.approx(seconds * RATE * LEVEL, abs=LEVEL / 2)


def test_frames_are_inputs_and_known_ones_are_passed_over(tmp_path: Path) -> None:
    make_video(tmp_path / "v.mp4")
    stub_scan(tmp_path / "out", tmp_path)
    assert [one.path for one in records(tmp_path / "out")] == [f"v.mp4#t={second}.0" for second in range(4)]
    assert stub_scan(tmp_path / "out", tmp_path).new == 0
    assert validate(tmp_path / "out").mistakes == ()


def test_a_video_that_is_none_is_an_input_that_failed(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video")
    stub_scan(tmp_path / "out", tmp_path)
    [one] = records(tmp_path / "out")
    assert one.failure is not None
    assert (one.path, one.failure.code) == ("v.mp4", "video-unreadable")


def test_a_video_that_ends_early_gives_its_frames_and_says_so(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.avi", "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    stub_scan(tmp_path / "out", path)
    *whole, last = records(tmp_path / "out")
    assert [one.path for one in whole] == ["v.avi#t=0.0"]
    assert last.failure is not None
    assert (last.path, last.failure.code) == ("v.avi", "video-cut-off")


def test_a_video_says_when_it_was_recorded(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4")
    data = bytearray(path.read_bytes())
    place = data.index(b"mvhd") + 8
    moment = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    data[place : place + 4] = struct.pack(">I", int((moment - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()))
    path.write_bytes(data)
    assert recorded_at(path) == moment
    stub_scan(tmp_path / "out", path)
    assert [one.captured_at for one in records(tmp_path / "out")][2] == "2026-05-06T07:08:11+00:00"


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x08moov", b"\0\0\0\1moov", b"\xff" * 100, b"\0\0\0\x04free"])
def test_a_file_without_a_clock_has_no_time(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    assert recorded_at(tmp_path / "v.mp4") is None
