"""Writes records of answered requests."""

from __future__ import annotations

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
            for record in records:
                _add(session, record)
    except IntegrityError:  # another process took the same request id between our look and our write
        with database.writing() as session:
            for record in records:
                _add(session, record)


def _add(session: Session, record: AuditRecord) -> None:
    same = session.scalars(select(Record).where(Record.request_id == record.request_id)).all()
    if any(other.fingerprint == record.fingerprint for other in same):
        return
    row = _row(record, turn=len(same) + 1)
    if same:
        session.execute(update(Record).where(Record.request_id == record.request_id).values(is_shared=True))
    session.add(row)
    session.flush()
    session.add_all(_entry(row, record, position) for position in range(len(record.suggestions)))


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
