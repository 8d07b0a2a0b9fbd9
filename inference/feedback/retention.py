"""Deletes what has been kept long enough."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select

from inference.feedback.database import Database
from inference.feedback.kept_photos import Stores, discard, overdue
from inference.feedback.photo_store import PhotoStoreError
from inference.feedback.tables import Record

log = logging.getLogger(__name__)

_BATCH: Final = 500  # rows of one transaction: officers wait no longer than that takes


@dataclass(slots=True)
class Purged:
    """What was deleted.

    Attributes:
        photos: Kept photos.
        records: Records, each with its feedback.
        failures: Why photos could not be deleted; they are tried again next time.
    """

    photos: int = 0
    records: int = 0
    failures: list[str] = field(default_factory=list)


def purge(
    database: Database,
    stores: Stores,
    photos_before: datetime | None,
    records_before: datetime | None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Purged:
    """Delete photos last received, and records answered, before given moments.

    Args:
        database: Where they are noted.
        stores: Where photos are.
        photos_before: None: no photos.
        records_before: None: no records.
        is_wanted: Asked between steps; False ends it early.
    """
    purged = Purged()
    if photos_before is not None:
        _purge_photos(database, stores, photos_before, purged, is_wanted)
    if records_before is not None:
        _purge_records(database, records_before, purged, is_wanted)
    if purged.photos or purged.records:
        database.wipe()
    return purged


def _purge_photos(
    database: Database, stores: Stores, before: datetime, purged: Purged, is_wanted: Callable[[], bool]
) -> None:
    failed: set[tuple[str, str]] = set()
    while is_wanted():
        due = overdue(database, before, len(failed) + _BATCH)
        due = [photo for photo in due if (photo.place, photo.sha256) not in failed]
        if not due:
            return
        for photo in due:
            if not is_wanted():
                return
            try:
                purged.photos += discard(database, stores, photo)
            except PhotoStoreError as error:
                failed.add((photo.place, photo.sha256))
                purged.failures.append(str(error))


def _purge_records(database: Database, before: datetime, purged: Purged, is_wanted: Callable[[], bool]) -> None:
    oldest = select(Record.id).where(Record.received_at < before).order_by(Record.received_at).limit(_BATCH)
    while is_wanted():
        with database.writing() as session:
            gone = session.scalars(delete(Record).where(Record.id.in_(oldest)).returning(Record.id)).all()
        purged.records += len(gone)
        if not gone:
            return
