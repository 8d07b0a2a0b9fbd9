"""Fingerprints on disk: one SQLite file, a row a photo, valid while the file's size and time stay the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from datasets.check_settings import FeatureSettings
from datasets.features import DESCRIPTOR_BYTES, Features, Points

_SCHEMA: Final = 1  # raise it when the meaning of a value changes
_COORDINATE: Final = 65535  # fractions are kept in 16 bits
_FEATURES_AT_HAND: Final = 2000
"""Photos whose features stay in memory, about 25 KB each."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS fingerprints (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, recipe TEXT, facts TEXT, hashes BLOB, features BLOB
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells an unchanged file without reading it: size in bytes (-1: missing) and time of last change."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What one decode told; see `datasets.fingerprints`.

    Attributes:
        sha256: Digest of the file, or "" when it could not be read at all.
        width: Columns of the upright photo, 0 when unreadable.
        height: Rows.
        sharpness: Variance of the Laplacian, see `inference.quality`.
        contrast: Deviation of grey values, 0 to 127.5.
        brightness: Mean grey value, 0 to 255.
        hash: 32 bytes, perceptual hash.
        mirror_hash: 32 bytes, that of the mirrored photo.
        captured_at: ISO 8601, or "".
        latitude: Degrees north, or None.
        longitude: Degrees east, or None.
        warnings: Of `inference.photo.Photo`.
        error: Code of what makes it unreadable, or "".
        problem: The same for people.
    """

    sha256: str = ""
    width: int = 0
    height: int = 0
    sharpness: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    hash: bytes = b""
    mirror_hash: bytes = b""
    captured_at: str = ""
    latitude: float | None = None
    longitude: float | None = None
    warnings: tuple[str, ...] = ()
    error: str = ""
    problem: str = ""

    @property
    def is_degraded(self) -> bool:
        """Whether a part of the picture is missing or wrong."""
        return any(warning.startswith("degraded:") for warning in self.warnings)


class FingerprintCache:
    """The file; used by one thread at a time.

    Args:
        path: The SQLite file; made, with its folder, when it is missing.
        settings: What features are kept: rows made with others count as absent.
    """

    def __init__(self, path: Path, settings: FeatureSettings) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._recipe = f"{_SCHEMA}:{settings.model_dump_json()}"
        self._side = settings.thumbnail
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)
        self.features = lru_cache(maxsize=_FEATURES_AT_HAND)(self._features)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def facts(self, paths: Sequence[Path], stamps: Sequence[Stamp]) -> list[Facts | None]:
        """What is known of files; None for one that is new, changed, or was missing."""
        return [self._known(path, stamp) for path, stamp in zip(paths, stamps, strict=True)]

    def _known(self, path: Path, stamp: Stamp) -> Facts | None:
        query = "SELECT facts, hashes FROM fingerprints WHERE path=? AND size=? AND mtime_ns=? AND recipe=?"
        row = self._database.execute(query, (str(path), stamp.size, stamp.mtime_ns, self._recipe)).fetchone()
        if row is None or stamp.size < 0:
            return None
        facts, both = row
        half = len(both) // 2
        return Facts(**_from_json(facts), hash=both[:half], mirror_hash=both[half:])

    def keep(self, rows: Iterable[tuple[Path, Stamp, Facts, Features | None]]) -> None:
        """Keep fingerprints, all of them or, after an error, none."""
        with self._database, closing(self._database.cursor()) as cursor:
            cursor.executemany(
                "INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        str(path),
                        stamp.size,
                        stamp.mtime_ns,
                        self._recipe,
                        _to_json(facts),
                        facts.hash + facts.mirror_hash,
                        b"" if found is None else _packed(found),
                    )
                    for path, stamp, facts, found in rows
                ),
            )

    def _features(self, path: Path) -> Features:
        query = "SELECT features FROM fingerprints WHERE path=?"
        row = self._database.execute(query, (str(path),)).fetchone()
        if row is None or not row[0]:
            raise KeyError(f"{path} was not read, or is no photo")
        return _unpacked(row[0], self._side)


def _to_json(facts: Facts) -> str:
    values = asdict(facts)
    return json.dumps({key: value for key, value in values.items() if not isinstance(value, bytes)})


def _from_json(text: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(text)
    return {**values, "warnings": tuple(values["warnings"])}


def _packed(found: Features) -> bytes:
    """Thumbnail, number of points, points, mirrored points."""
    count = len(found.points.xy).to_bytes(4, "little")
    return found.thumbnail.tobytes() + count + _packed_points(found.points) + _packed_points(found.mirrored)


def _packed_points(points: Points) -> bytes:
    return np.round(points.xy * _COORDINATE).astype("<u2").tobytes() + points.descriptors.tobytes()


def _unpacked(data: bytes, side: int) -> Features:
    raw = np.frombuffer(data, dtype=np.uint8)
    thumbnail, rest = raw[: side * side].reshape(side, side), raw[side * side :]
    size = int.from_bytes(rest[:4].tobytes(), "little") * (4 + DESCRIPTOR_BYTES)
    return Features(_points(rest[4 : 4 + size]), _points(rest[4 + size :]), thumbnail)


def _points(raw: NDArray[np.uint8]) -> Points:
    count = len(raw) // (4 + DESCRIPTOR_BYTES)
    xy = np.frombuffer(raw[: 4 * count].tobytes(), dtype="<u2").reshape(count, 2).astype(np.float32) / _COORDINATE
    return Points(np.asarray(xy, dtype=np.float32), raw[4 * count :].reshape(count, DESCRIPTOR_BYTES))
