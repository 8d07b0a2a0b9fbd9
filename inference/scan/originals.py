"""The photo that a record is about, read again from where it lies."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from inference.codec import PhotoError
from inference.errors import PatrolError
from inference.photo import PhotoLimits
from inference.scan.archives import is_archive, members
from inference.scan.inputs import MEMBER, InputError
from inference.scan.record import Record
from inference.scan.stores import Disk, Remote, Store

FRAME: Final = "#t="
"""Stands between a video's path and the seconds of a frame."""


def read_original(record: Record, limits: PhotoLimits) -> bytes | None:
    """The bytes of a record's photo, or None where they cannot be had again or are others now.

    Frames of videos are not read again. A member of an archive is found by going through the archive.
    """
    try:
        data = _read(record.location, limits)
    except (OSError, InputError, PhotoError, PatrolError):
        return None
    is_same = data is not None and hashlib.sha256(data).hexdigest() == record.sha256
    return data if is_same else None


def _read(location: str, limits: PhotoLimits) -> bytes | None:
    outer, _, member = location.partition(MEMBER)
    store: Store = Remote(outer) if "://" in outer else Disk()
    if member and is_archive(outer):
        return _member(store, outer, member, limits)
    if FRAME in Path(location).name and store.kind(location) is None:
        return None
    return store.read(location, limits)


def _member(store: Store, archive: str, name: str, limits: PhotoLimits) -> bytes | None:
    with store.open(archive) as file:
        return next((member.read() for member in members(archive, file, limits) if member.name == name), None)
