"""Labelled photos of one import by name, label sets of one photo merged, on disk: a month may not fit into memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from datasets.labels import LabelledPhoto
from datasets.rows import from_row, to_row

_SCHEMA: Final = "CREATE TABLE photo (name BLOB PRIMARY KEY, row TEXT) WITHOUT ROWID"


class PhotoSpool:
    """A private SQLite file that goes when it is closed; a small one never leaves memory.

    Args:
        source: The source of all photos.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(_SCHEMA)
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Give memory and disk back."""
        self._db.close()

    def get(self, name: str) -> LabelledPhoto | None:
        """What is known of a photo so far."""
        found = self._db.execute("SELECT row FROM photo WHERE name = ?", (_key(name),)).fetchone()
        return None if found is None else from_row(json.loads(found[0]), self._source)

    def put(self, photo: LabelledPhoto) -> None:
        """Keep a photo in place of what was known of it."""
        exact = to_row(photo) | {"boxes": [[box.category, *box.xyxy] for box in photo.boxes]}
        self._db.execute("INSERT OR REPLACE INTO photo VALUES (?, ?)", (_key(photo.name), json.dumps(exact)))

    def names(self) -> Iterator[str]:
        """Names of the photos, sorted."""
        for (key,) in self._db.execute("SELECT name FROM photo ORDER BY name"):
            yield key.decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[LabelledPhoto]:
        """The photos, sorted by name, one at a time."""
        for (row,) in self._db.execute("SELECT row FROM photo ORDER BY name"):
            yield from_row(json.loads(row), self._source)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM photo").fetchone()[0])


def _key(name: str) -> bytes:
    """Sorts like the name; holds also names that are no UTF-8 on disk, which SQLite's texts cannot."""
    return name.encode("utf-8", "surrogatepass")
