"""Photos that are kept for retraining, named by their content, until their days are over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from inference.feedback.database import Database, is_sqlite
from inference.feedback.photo_store import PhotoStore, full_place, photo_store
from inference.feedback.tables import KeptPhoto

_SUFFIXES: Final[Mapping[bytes, str]] = MappingProxyType(
    {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
)
_OTHER: Final = ".heic"  # of the formats that are read, the one without fixed first bytes
MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".jpg": "image/jpeg",
        ".png": "image/png",
        ".webp": "image/webp",
        ".bmp": "image/bmp",
        ".tif": "image/tiff",
        ".heic": "image/heic",
    }
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A photo fetched from where it is kept.

    Attributes:
        name: Its sha256 and a suffix that tells its format.
        content: Its bytes, as they were sent.
    """

    name: str
    content: bytes

    @property
    def media_type(self) -> str:
        """Of its format."""
        return MEDIA_TYPES.get(self.name[self.name.rfind(".") :], "application/octet-stream")


@dataclass(slots=True)
class Stores:
    """The places that photos are kept in, opened once each."""

    _opened: dict[str, PhotoStore] = field(default_factory=dict)

    def at(self, place: str) -> PhotoStore:
        """The store of a place; raises PhotoStoreError."""
        if place not in self._opened:
            self._opened[place] = photo_store(place)
        return self._opened[place]


def file_name(sha256: str, content: bytes) -> str:
    """The name of a kept photo: its sha256 and a suffix for programs that go by it."""
    suffix = next((suffix for head, suffix in _SUFFIXES.items() if content.startswith(head)), _OTHER)
    return sha256 + suffix


def keep(database: Database, stores: Stores, place: str, sha256: str, content: bytes, now: datetime) -> None:
    """Keep a photo; one that is kept already is kept for its days from now on.

    The row comes first: whatever happens in between, a file without a row, which nobody would ever delete, is
    never left behind.

    Raises:
        PhotoStoreError: It cannot be written.
        sqlalchemy.exc.DBAPIError: The database does not answer.
    """
    full, name = full_place(place), file_name(sha256, content)
    with database.writing() as session:
        is_new = _enter(session, database, full, sha256, name, now)
    if is_new:
        stores.at(full).write(name, content)
        with database.writing() as session:
            ours = (KeptPhoto.sha256 == sha256, KeptPhoto.place == full)
            session.execute(update(KeptPhoto).where(*ours).values(is_written=True))


def _enter(session: Session, database: Database, place: str, sha256: str, name: str, now: datetime) -> bool:
    """Note that a photo is kept from now on; whether its file has yet to be written."""
    insert = sqlite.insert if is_sqlite(database.url) else postgresql.insert
    row = {"sha256": sha256, "place": place, "name": name, "kept_at": now, "is_written": False}
    statement = insert(KeptPhoto).values(row)
    session.execute(
        statement.on_conflict_do_update(index_elements=[KeptPhoto.sha256, KeptPhoto.place], set_={"kept_at": now})
    )
    ours = select(KeptPhoto.is_written).where(KeptPhoto.sha256 == sha256, KeptPhoto.place == place)
    return not session.scalars(ours).one()


def fetch(database: Database, stores: Stores, sha256: str) -> KeptFile | None:
    """A kept photo, or None.

    Raises:
        PhotoStoreError: It is kept, but cannot be read now.
    """
    with database.reading() as session:
        query = select(KeptPhoto).where(KeptPhoto.sha256 == sha256, KeptPhoto.is_written)
        rows = session.scalars(query.order_by(KeptPhoto.kept_at.desc())).all()
    for row in rows:
        content = stores.at(row.place).read(row.name)
        if content is not None:
            return KeptFile(row.name, content)
    return None


def overdue(database: Database, before: datetime, most: int) -> list[KeptPhoto]:
    """Kept photos last received before a moment, the oldest first."""
    with database.reading() as session:
        query = select(KeptPhoto).where(KeptPhoto.kept_at < before).order_by(KeptPhoto.kept_at).limit(most)
        return list(session.scalars(query))


def discard(database: Database, stores: Stores, photo: KeptPhoto) -> bool:
    """Delete a kept photo, first the file, then its row; False if it was received again in time.

    No transaction is open while the file is deleted: a slow store must not keep officers waiting.

    Raises:
        PhotoStoreError: The file cannot be deleted now; the row stays, so that it is tried again.
    """
    same = (KeptPhoto.sha256 == photo.sha256, KeptPhoto.place == photo.place)
    unchanged = (*same, KeptPhoto.kept_at == photo.kept_at)
    with database.writing() as session:
        marked = session.scalars(update(KeptPhoto).where(*unchanged).values(is_written=False).returning(KeptPhoto.name))
        if not marked.all():
            return False
    stores.at(photo.place).delete(photo.name)
    with database.writing() as session:
        gone = session.scalars(delete(KeptPhoto).where(*unchanged).returning(KeptPhoto.name)).all()
        if not gone:  # received again just now, and its new file may be gone: let it be written when it comes next
            session.execute(update(KeptPhoto).where(*same).values(is_written=False))
    return True
