"""Reads records of answered requests, the latest first, a page at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeVar

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from inference.feedback.database import Database
from inference.feedback.store import parsed_id, public_id
from inference.feedback.tables import AWAITING, CONFIRMED, Entry, Feedback, KeptPhoto, Record

State = Literal["awaiting", "confirmed", "all"]
_Row = TypeVar("_Row", Entry, Feedback)


class CursorError(ValueError):
    """Not a cursor that an earlier page gave."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last record of a page."""

    received_at: datetime
    record_id: int

    def __str__(self) -> str:
        text = f"{self.received_at.isoformat()}|{self.record_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor of a text.

        Raises:
            CursorError: It is none.
        """
        try:
            decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            received_at, _, record_id = decoded.partition("|")
            moment = datetime.fromisoformat(received_at)
            return cls(moment.astimezone(UTC), int(record_id))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise CursorError(text) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records to list.

    Attributes:
        state: Whether anybody gave feedback.
        category: Suggested or added; None: any.
        decision: How firmly that category, or any, was suggested.
        verdict: Of the model.
        grid_id: As given with the request.
        since: Not before.
        until: Before.
        after: The record after which the page begins.
        limit: Records of the page.
    """

    state: State = "all"
    category: str | None = None
    decision: str | None = None
    verdict: str | None = None
    grid_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: Cursor | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A record with all that belongs to it.

    Attributes:
        request_id: Its public id.
        record: The row.
        suggestions: Prefills first, then by probability.
        feedback: The latest, or None.
        revisions: All, the first first; only where one record is looked at.
        kept: sha256 of its photos that are kept.
    """

    request_id: str
    record: Record
    suggestions: tuple[Entry, ...]
    feedback: Feedback | None
    revisions: tuple[Feedback, ...]
    kept: frozenset[str]


def list_records(database: Database, wanted: Wanted) -> tuple[list[Seen], Cursor | None]:
    """A page of records, and the cursor of the next page, if there is one."""
    with database.reading() as session:
        found = session.scalars(_query(wanted).limit(wanted.limit + 1)).all()
        page = found[: wanted.limit]
        seen = _with_all(session, page)
    last = page[-1] if len(found) > wanted.limit else None
    return seen, None if last is None else Cursor(last.received_at, last.id)


def one_record(database: Database, public: str) -> Seen | None:
    """The record of a public id; of a request id that several share, the first."""
    request_id, turn = parsed_id(public)
    with database.reading() as session:
        query = select(Record).where(Record.request_id == request_id, Record.turn == (turn or 1))
        record = session.scalars(query).one_or_none()
        return None if record is None else _with_all(session, [record])[0]


def _query(wanted: Wanted) -> Select[Record]:
    """Walks along whichever index finds the records in their order."""
    query = select(Record)
    moment, number = Record.received_at, Record.id
    if wanted.category is not None:
        query = query.join(Entry, Entry.record_id == Record.id).where(Entry.category == wanted.category)
        if wanted.decision is not None:
            query = query.where(Entry.decision == wanted.decision)
        moment, number = Entry.received_at, Entry.record_id
    elif wanted.decision is not None:
        suggested = select(Entry.record_id).where(Entry.record_id == Record.id, Entry.decision == wanted.decision)
        query = query.where(suggested.exists())
    if wanted.state != "all":
        query = query.where(Record.state == (AWAITING if wanted.state == "awaiting" else CONFIRMED))
    if wanted.verdict is not None:
        query = query.where(Record.verdict == wanted.verdict)
    if wanted.grid_id is not None:
        query = query.where(Record.grid_id == wanted.grid_id)
    if wanted.since is not None:
        query = query.where(moment >= wanted.since)
    if wanted.until is not None:
        query = query.where(moment < wanted.until)
    if wanted.after is not None:
        query = query.where(tuple_(moment, number) < (wanted.after.received_at, wanted.after.record_id))
    return query.order_by(moment.desc(), number.desc())


def _with_all(session: Session, records: Sequence[Record]) -> list[Seen]:
    """Records with what belongs to them, in three queries however many they are."""
    ids = [record.id for record in records]
    suggestions = _grouped(session.scalars(select(Entry).where(Entry.record_id.in_(ids))).all())
    revisions = _grouped(session.scalars(select(Feedback).where(Feedback.record_id.in_(ids))).all())
    hashes = {str(photo["sha256"]) for record in records for photo in record.photos}
    kept = frozenset(
        session.scalars(select(KeptPhoto.sha256).where(KeptPhoto.sha256.in_(hashes), KeptPhoto.is_written))
    )
    return [_seen(record, suggestions.get(record.id, []), revisions.get(record.id, []), kept) for record in records]


def _grouped(rows: Sequence[_Row]) -> Mapping[int, list[_Row]]:
    groups: dict[int, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.record_id, []).append(row)
    return groups


def _seen(record: Record, entries: Sequence[Entry], revisions: Sequence[Feedback], kept: frozenset[str]) -> Seen:
    suggested = [entry for entry in entries if entry.probability is not None]
    in_order = sorted(suggested, key=lambda e: (e.decision != "prefill", -(e.probability or 0), e.category))
    said = sorted(revisions, key=lambda row: row.revision)
    own: set[Any] = {photo["sha256"] for photo in record.photos}
    return Seen(public_id(record), record, tuple(in_order), said[-1] if said else None, tuple(said), kept & own)
