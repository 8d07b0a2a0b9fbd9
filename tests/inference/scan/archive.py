"""Makes the archive of photos and mishaps that scans are tested on."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from tests import photos


def photo(number: int) -> bytes:
    """A small photo, another one for each number."""
    picture = np.roll(photos.scene(96, 64), number, axis=1)
    picture[:8, :8] = (number % 256, number // 256 % 256, 128)
    return photos.encode(picture, "jpeg")


def make_archive(folder: Path, count: int) -> list[Path]:
    """Sources with about `count` inputs: good, corrupt, empty, huge, duplicate and missing ones among them.

    Returns:
        The sources: a folder, which holds a zip file too, and a list that names files that are not there.
    """
    good = folder / "photos"
    names = []
    for number in range(count):
        path = good / f"{number // 100:03d}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(number))
        names.append(path)
    with zipfile.ZipFile(good / "more.zip", "w") as archive:
        for number in range(count // 10):
            archive.writestr(f"{number}.jpg", photo(count + number))
    (good / "gone.jpg").symlink_to(good / "nowhere.jpg")
    listed = folder / "list.txt"
    listed.write_text("".join(f"{folder}/vanished-{number}.jpg\n" for number in range(count // 20)), "utf-8")
    return [good, listed]


_HUGE, _EMPTY, _CORRUPT, _DUPLICATE, _PERIOD = 3, 5, 7, 9, 12


def _content(number: int) -> bytes:
    kind = number % _PERIOD
    if kind == _HUGE:
        return photos.declare_size(photo(number), 60_000, 60_000)
    if kind == _EMPTY:
        return b""
    if kind == _CORRUPT:
        return photos.truncated(photos.encode(photos.scene(64, 48 + number % 7), "png"))
    return photo(number - kind if kind == _DUPLICATE else number)
