"""Writes what officers say about a request."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from inference.categories import Catalogue
from inference.feedback.database import Database
from inference.feedback.opinion import Opinion, opinion_of
from inference.feedback.said import Said
from inference.feedback.store import parsed_id, public_id
from inference.feedback.tables import CONFIRMED, Entry, Feedback, Record


class UnknownRequestError(Exception):
    """There is no record of such a request."""


class AmbiguousRequestError(Exception):
    """Several requests have that id.

    Args:
        field: `request_id` or `external_id`.
        candidates: (public id, when it was received, verdict), the latest first.
    """

    def __init__(self, field: str, candidates: Sequence[tuple[str, datetime, str]]) -> None:
        super().__init__(field)
        self.field = field
        self.candidates = tuple(candidates)


class FeedbackIdReusedError(Exception):
    """The idempotency key came before with other content.

    Args:
        feedback_id: The key.
        revision: As which it is stored.
    """

    def __init__(self, feedback_id: str, revision: int) -> None:
        super().__init__(feedback_id)
        self.feedback_id = feedback_id
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Stored:
    """Feedback as it is stored.

    Attributes:
        request_id: The public id of its record.
        feedback: The row.
    """

    request_id: str
    feedback: Feedback


def confirm(database: Database, said: Said, catalogue: Catalogue) -> Stored:
    """Store what an officer says; what was said before stores nothing new. It is durable when this returns.

    Raises:
        UnknownRequestError: There is no such request.
        AmbiguousRequestError: There are several.
        OpinionError: What is said contradicts itself or the request.
        FeedbackIdReusedError: The key came before with other content.
        sqlalchemy.exc.DBAPIError: The database does not take it.
    """
    with database.writing() as session:
        record = _find(session, said)
        found = session.scalars(select(Entry).where(Entry.record_id == record.id))
        entries = sorted(found, key=lambda entry: (-(entry.probability or 0), entry.category))
        suggested = {entry.category: entry.decision for entry in entries if entry.decision is not None}
        opinion = opinion_of(said, suggested, record.photos, catalogue)
        known = _known(session, record, said.feedback_id, opinion)
        if known is None:
            known = _revision(session, record, said.feedback_id, opinion)
            record.state, record.accepted = CONFIRMED, opinion.is_click(suggested)
            _judge_entries(session, record, entries, opinion, catalogue)
        return Stored(public_id(record), known)


def _find(session: Session, said: Said) -> Record:
    """The record that is meant, locked against other feedback on it."""
    query = select(Record).order_by(Record.received_at.desc(), Record.id.desc()).with_for_update()
    if said.request_id is not None:
        request_id, turn = parsed_id(said.request_id)
        query = query.where(Record.request_id == request_id)
        field, query = "request_id", query if turn is None else query.where(Record.turn == turn)
    else:
        field, query = "external_id", query.where(Record.external_id == said.external_id)
    found = session.scalars(query).all()
    if not found:
        raise UnknownRequestError
    if len(found) > 1:
        raise AmbiguousRequestError(field, [(public_id(each), each.received_at, each.verdict) for each in found])
    return found[0]


def _known(session: Session, record: Record, feedback_id: str | None, opinion: Opinion) -> Feedback | None:
    """The stored feedback that this is once more, if it is."""
    ours = select(Feedback).where(Feedback.record_id == record.id)
    if feedback_id is not None:
        keyed = session.scalars(ours.where(Feedback.feedback_id == feedback_id)).one_or_none()
        if keyed is not None and keyed.digest != opinion.digest:
            raise FeedbackIdReusedError(feedback_id, keyed.revision)
        if keyed is not None:
            return keyed
    latest = session.scalars(ours.order_by(Feedback.revision.desc()).limit(1)).one_or_none()
    return latest if latest is not None and latest.digest == opinion.digest else None


def _revision(session: Session, record: Record, feedback_id: str | None, opinion: Opinion) -> Feedback:
    """Add a revision."""
    last = session.scalars(
        select(Feedback.revision).where(Feedback.record_id == record.id).order_by(Feedback.revision.desc()).limit(1)
    ).one_or_none()
    row = Feedback(
        record_id=record.id,
        revision=(last or 0) + 1,
        feedback_id=feedback_id or uuid.uuid4().hex,
        digest=opinion.digest,
        recorded_at=datetime.now(UTC),
        verdict=opinion.verdict,
        categories=list(opinion.categories),
        rejected=list(opinion.rejected),
        searched=list(opinion.searched),
        photos=list(opinion.photos),
        reviewer=opinion.reviewer,
        note=opinion.note,
    )
    session.add(row)
    session.flush()
    return row


def _judge_entries(
    session: Session, record: Record, entries: Sequence[Entry], opinion: Opinion, catalogue: Catalogue
) -> None:
    """Note on every suggestion what became of it, and what was added beside them."""
    for entry in entries:
        if entry.decision is None:
            session.delete(entry)  # added by an earlier revision
        else:
            entry.outcome = opinion.outcome(entry.category, catalogue)
    session.flush()
    suggested = {entry.category for entry in entries if entry.decision is not None}
    for category in opinion.categories:
        if category not in suggested:
            session.add(_added(record, category))


def _added(record: Record, category: str) -> Entry:
    return Entry(
        record_id=record.id,
        category=category,
        received_at=record.received_at,
        day=record.day,
        model_version=record.model_version,
        decision=None,
        probability=None,
        score_step=None,
        photo_indexes=[],
        outcome=CONFIRMED,
    )
