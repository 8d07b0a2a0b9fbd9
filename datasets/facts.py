"""What a photo's file says about itself: content, time, place and look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from datasets.groups import THUMBNAIL, perceptual_hash
from inference.photo import PhotoError, read_photo

RECIPE: Final = 1
"""Changes whenever `facts_of` would say something else about the same bytes; older cached facts are read again."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Facts about one file.

    Attributes:
        sha256: Lower-case hexadecimal digest of the file; empty when it could not be read.
        size: Bytes.
        captured: Seconds from 1970 to the moment it was taken, on the camera's own clock; None: not stated.
        latitude: Degrees north, or None.
        longitude: Degrees east, or None.
        fingerprint: 32 bytes, the perceptual hash; empty when it cannot be decoded.
        fault: Why it is not usable, or empty.
    """

    sha256: str
    size: int
    captured: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    fingerprint: bytes = b""
    fault: str = ""


def facts_of(data: bytes) -> PhotoFacts:
    """Read everything at once, since opening and decoding the file is what takes the time."""
    try:
        photo = read_photo(data, target_side=THUMBNAIL * 4, allow_degraded=True)
    except PhotoError as error:
        return PhotoFacts(hashlib.sha256(data).hexdigest(), len(data), fault=str(error))
    return PhotoFacts(
        sha256=photo.sha256,
        size=len(data),
        captured=_clock(photo.captured_at),
        latitude=photo.latitude,
        longitude=photo.longitude,
        fingerprint=np.packbits(perceptual_hash(photo.rgb)).tobytes(),
    )


def _clock(moment: datetime | None) -> int | None:
    """Wall-clock seconds: few cameras state their zone, so all are compared by what their clock showed."""
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp())
