"""What a photo's file says about itself, read in one decode and kept, so that a second look decodes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.check_settings import FeatureSettings
from datasets.features import Features, features, squeezed
from datasets.files import PhotoFileError, read_file, stamp_of
from datasets.fingerprint_cache import Facts, FingerprintCache, Stamp
from datasets.groups import perceptual_hash
from inference.cores import cores
from inference.photo import PhotoError, read_photo
from inference.quality import measure

_BATCH = 64
"""Photos read ahead of the one that is handed out."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is known of one photo's file.

    Attributes:
        path: The file.
        facts: Digest, size, quality, hashes, time and place; or why it cannot be read.
    """

    path: Path
    facts: Facts

    @property
    def is_readable(self) -> bool:
        """Whether there are pixels."""
        return not self.facts.error


def read_facts(data: bytes, settings: FeatureSettings) -> tuple[Facts, Features | None]:
    """Everything in one decode; a file that is no photo gives facts with `error` and no features."""
    try:
        photo = read_photo(data, target_side=settings.decode_side, allow_degraded=True)
    except PhotoError as error:
        return Facts(sha256=hashlib.sha256(data).hexdigest(), error=error.code, problem=str(error)), None
    quality = measure(photo.rgb)
    grey = cv2.cvtColor(squeezed(photo.rgb, settings.thumbnail), cv2.COLOR_RGB2GRAY)
    facts = Facts(
        sha256=photo.sha256,
        width=photo.width,
        height=photo.height,
        sharpness=quality.sharpness,
        contrast=quality.contrast,
        brightness=float(grey.mean()),
        hash=np.packbits(perceptual_hash(photo.rgb)).tobytes(),
        mirror_hash=np.packbits(perceptual_hash(np.ascontiguousarray(photo.rgb[:, ::-1]))).tobytes(),
        captured_at=photo.captured_at.isoformat() if photo.captured_at else "",
        latitude=photo.latitude,
        longitude=photo.longitude,
        warnings=photo.warnings,
    )
    return facts, features(photo.rgb, settings)


def fingerprints(
    paths: Sequence[Path],
    cache: FingerprintCache,
    settings: FeatureSettings,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Fingerprint]:
    """The fingerprints of files, in their order; only files that are new or changed are decoded.

    Args:
        paths: Files.
        cache: Where they are kept.
        settings: What is kept.
        advance: Called after each.
    """
    waiting = iter(paths)
    with ThreadPoolExecutor(cores()) as threads:
        while batch := list(islice(waiting, _BATCH)):
            yield from _batch(batch, cache, settings, threads, advance)


def _batch(
    paths: list[Path],
    cache: FingerprintCache,
    settings: FeatureSettings,
    threads: ThreadPoolExecutor,
    advance: Callable[[], None],
) -> Iterator[Fingerprint]:
    stamps = [_stamp(path) for path in paths]
    known = cache.facts(paths, stamps)
    fresh = [path for path, facts in zip(paths, known, strict=True) if facts is None]
    read = dict(zip(fresh, threads.map(lambda path: _read(path, settings), fresh), strict=True))
    stamp_of = dict(zip(paths, stamps, strict=True))
    cache.keep((path, stamp_of[path], *found) for path, found in read.items())
    for path, facts in zip(paths, known, strict=True):
        yield Fingerprint(path, facts if facts is not None else read[path][0])
        advance()


def _stamp(path: Path) -> Stamp:
    try:
        found = stamp_of(path)
    except PhotoFileError:
        return Stamp(-1, 0)
    return Stamp(found.size, found.number)


def _read(path: Path, settings: FeatureSettings) -> tuple[Facts, Features | None]:
    try:
        data = read_file(path)
    except PhotoFileError as error:
        return Facts(error="missing", problem=f"the file cannot be read ({error.problem})"), None
    return read_facts(data, settings)


def hashes(found: Iterable[Fingerprint], *, mirrored: bool = False) -> NDArray[np.bool_]:
    """(n, 256) perceptual hashes; unreadable photos are all False."""
    rows = [one.facts.mirror_hash if mirrored else one.facts.hash for one in found]
    bits = [np.unpackbits(np.frombuffer(row or bytes(32), dtype=np.uint8)) for row in rows]
    return np.array(bits, dtype=np.bool_).reshape(len(bits), 256)
