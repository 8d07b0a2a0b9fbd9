"""Facts about photos, remembered between runs, so that only new and changed files are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from datasets.facts import RECIPE, PhotoFacts, facts_of
from datasets.files import PhotoFileError, Stamp, read_file, stamp_of

T = TypeVar("T")

BATCH: Final = 256
"""Photos looked up together: bounds what is in memory at once."""
READERS: Final = 8
"""Files opened at the same time; what is waited for is the disk or the network, not the processor."""

_COLUMNS: Final = "sha256, size, captured, latitude, longitude, fingerprint, fault"
_CREATE: Final = f"CREATE TABLE IF NOT EXISTS photos (path PRIMARY KEY, mark, recipe, {_COLUMNS}) WITHOUT ROWID"


class FactsCache:
    """Facts by path, valid while size and mark (mtime or ETag) of the file stay the same.

    Args:
        path: An SQLite file, made when absent. Losing it costs time, nothing else.

    Attributes:
        read: Files whose bytes were read so far, because nothing valid was remembered about them.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.read = 0
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_CREATE)
        self._pool = ThreadPoolExecutor(max_workers=READERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._db.commit()
        self._db.close()

    def facts(self, paths: Iterable[Path]) -> Iterator[PhotoFacts]:
        """The facts about each file, in order; a file that cannot be read has a fault and no digest."""
        for batch in batches(paths, BATCH):
            yield from self._batch(batch)

    def _batch(self, paths: Sequence[Path]) -> list[PhotoFacts]:
        stamps = list(self._pool.map(_stamp_or_fault, paths))
        known = [self._remembered(path, stamp) for path, stamp in zip(paths, stamps, strict=True)]
        unread = [i for i, facts in enumerate(known) if facts is None]
        fresh = self._pool.map(_read_facts, (paths[i] for i in unread))
        for i, facts in zip(unread, fresh, strict=True):
            known[i] = facts
            self._remember(paths[i], stamps[i], facts)
        self.read += len(unread)
        self._db.commit()
        return [facts for facts in known if facts is not None]

    def _remembered(self, path: Path, stamp: Stamp | str) -> PhotoFacts | None:
        if isinstance(stamp, str):
            return PhotoFacts("", 0, fault=stamp)
        query = f"SELECT {_COLUMNS} FROM photos WHERE path = ? AND size = ? AND mark = ? AND recipe = ?"  # noqa: S608
        with closing(self._db.execute(query, (str(path), stamp.size, stamp.mark, RECIPE))) as cursor:
            row = cursor.fetchone()
        return None if row is None or not stamp.mark else PhotoFacts(*row)

    def _remember(self, path: Path, stamp: Stamp | str, facts: PhotoFacts) -> None:
        if isinstance(stamp, str) or facts.size != stamp.size or not facts.sha256:
            return  # it changed between the two looks: read again next time
        row = (str(path), stamp.mark, RECIPE, facts.sha256, facts.size, facts.captured, facts.latitude)
        insert = "INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._db.execute(insert, (*row, facts.longitude, facts.fingerprint, facts.fault))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, at most `size` at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _stamp_or_fault(path: Path) -> Stamp | str:
    try:
        return stamp_of(path)
    except PhotoFileError as error:
        return error.problem


def _read_facts(path: Path) -> PhotoFacts:
    try:
        return facts_of(read_file(path))
    except PhotoFileError as error:
        return PhotoFacts("", 0, fault=error.problem)
