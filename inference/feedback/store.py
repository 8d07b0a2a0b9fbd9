"""Writes records of answered requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from inference.feedback.audit import AuditRecord, day_of, latency_step, score_step
from inference.feedback.database import Database
from inference.feedback.tables import AWAITING, Entry, Record

_TURN_SIGN = "~"  # in no request id that a client may choose


def public_id(record: Record) -> str:
    """The id that names one record alone: the request's, with its turn where a client used the id several times."""
    return f"{record.request_id}{_TURN_SIGN}{record.turn}" if record.is_shared else record.request_id


def parsed_id(public: str) -> tuple[str, int | None]:
    """(request id, turn or None) of a public id."""
    request_id, _, turn = public.partition(_TURN_SIGN)
    return request_id, int(turn) if turn.isascii() and turn.isdecimal() and len(turn) < 10 else None  # noqa: PLR2004


def add_records(database: Database, records: Sequence[AuditRecord]) -> None:
    """Write records, all or none; a request that is sent again as it was adds nothing.

    Raises:
        sqlalchemy.exc.DBAPIError: The database does not take them.
    """
    try:
        with database.writing() as session:
            _add(session, records)
    except IntegrityError:  # another process took the same request id between our look and our write
        with database.writing() as session:
            _add(session, records)


def _add(session: Session, records: Sequence[AuditRecord]) -> None:
    known = _fingerprints(session, records)
    rows: list[tuple[Record, AuditRecord]] = []
    shared: set[str] = set()
    for record in records:
        there = known[record.request_id]
        if record.fingerprint in there:
            continue
        if there:
            shared.add(record.request_id)
        there.add(record.fingerprint)
        rows.append((_row(record, turn=len(there)), record))
    session.add_all(row for row, _ in rows)
    session.flush()
    if shared:
        session.execute(update(Record).where(Record.request_id.in_(shared)).values(is_shared=True))
    session.add_all(_entry(row, record, n) for row, record in rows for n in range(len(record.suggestions)))


def _fingerprints(session: Session, records: Sequence[AuditRecord]) -> defaultdict[str, set[str]]:
    """Request id -> fingerprints of the records that the database has of it."""
    wanted = select(Record.request_id, Record.fingerprint)
    known: defaultdict[str, set[str]] = defaultdict(set)
    for request_id, fingerprint in session.execute(
        wanted.where(Record.request_id.in_({record.request_id for record in records}))
    ):
        known[request_id].add(fingerprint)
    return known


def _row(record: AuditRecord, turn: int) -> Record:
    name, version, data_version = record.model
    return Record(
        request_id=record.request_id,
        turn=turn,
        is_shared=turn > 1,
        fingerprint=record.fingerprint,
        external_id=record.external_id,
        grid_id=record.grid_id,
        point_type=record.point_type,
        received_at=record.received_at,
        day=day_of(record.received_at),
        model_name=name,
        model_version=version,
        data_version=data_version,
        verdict=record.verdict,
        latency_ms=record.latency_ms,
        latency_step=latency_step(record.latency_ms),
        state=AWAITING,
        accepted=None,
        photos=list(record.photos),
    )


def _entry(row: Record, record: AuditRecord, position: int) -> Entry:
    suggested = record.suggestions[position]
    return Entry(
        record_id=row.id,
        category=suggested.category,
        received_at=row.received_at,
        day=row.day,
        model_version=row.model_version,
        decision=suggested.decision,
        probability=suggested.probability,
        score_step=score_step(suggested.probability),
        photo_indexes=list(suggested.photo_indexes),
        outcome=None,
    )
