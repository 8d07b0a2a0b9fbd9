"""Annotations of one COCO file, kept on disk by image: a file of several gigabytes has more than memory holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_SCHEMA: Final = """
CREATE TABLE annotation (image TEXT, number INTEGER, label TEXT, x REAL, y REAL, w REAL, h REAL, crowd INTEGER);
CREATE TABLE image (id TEXT PRIMARY KEY);
"""


class Annotation(NamedTuple):
    """One annotation: key of its image, position in the file, class name, box in pixels, whether it is a crowd.

    Without a class name it is one that could not be read.
    """

    image: str
    number: int
    label: str
    x: float
    y: float
    width: float
    height: float
    is_crowd: bool


class CocoStore:
    """A private SQLite file that goes when it is closed; a small one never leaves memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Give memory and disk back."""
        self._db.close()

    def add_annotations(self, annotations: Iterable[Annotation]) -> None:
        """Keep annotations, then make them findable by image."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO annotation VALUES (?, ?, ?, ?, ?, ?, ?, ?)", annotations)
        self._db.execute("CREATE INDEX by_image ON annotation (image)")
        self._db.execute("COMMIT")

    def annotations_of(self, image: str) -> list[Annotation] | None:
        """The annotations of an image, in the order of the file; None when they were asked for before."""
        if not self._db.execute("INSERT OR IGNORE INTO image VALUES (?)", (image,)).rowcount:
            return None
        return self._select("WHERE image = ? ORDER BY number", image)

    def orphans(self) -> Iterator[Annotation]:
        """Annotations of images that were never asked for."""
        yield from self._select("WHERE image NOT IN (SELECT id FROM image) ORDER BY number")

    def _select(self, condition: str, *values: str) -> list[Annotation]:
        rows = self._db.execute(f"SELECT * FROM annotation {condition}", values)  # noqa: S608 - fixed texts above
        return [Annotation._make((*row[:-1], bool(row[-1]))) for row in rows]
