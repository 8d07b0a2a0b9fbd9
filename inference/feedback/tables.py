"""The tables of the feedback database; `migrations/` makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

AWAITING: Final = "awaiting"
CONFIRMED: Final = "confirmed"
REJECTED: Final = "rejected"


class UtcTime(TypeDecorator[datetime]):
    """A moment: given with any time zone, kept and read in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As it is kept."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone, but {value} has none")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As it is read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy wants it
        datetime: UtcTime(),
        int: BigInteger().with_variant(Integer, "sqlite"),
        list[Any]: JSON(),
    }


class Record(Table):
    """One answered classify request.

    Attributes:
        request_id: As the client got it; with `turn`, unique.
        turn: 1; higher where a client used a request id again for other photos.
        is_shared: Whether there are several turns.
        fingerprint: Digest of the photos, the case and the model: the same request sent again has the same.
        received_at: When it was answered.
        day: Its date in the service's time zone, as 2026-05-06: what days are counted by.
        latency_step: Of the latency on a logarithmic scale, see `latency`.
        state: `awaiting` or `confirmed`: whether anybody gave feedback.
        accepted: Whether the officer could just click, see `judgement`; None while awaiting.
        photos: Per photo what the answer says of it, without codes and names.
    """

    __tablename__ = "records"
    __table_args__ = (
        UniqueConstraint("request_id", "turn"),
        Index("ix_records_received", "received_at", "id"),
        Index("ix_records_state", "state", "received_at", "id"),
        Index("ix_records_external", "external_id"),
        Index("ix_records_grid", "grid_id", "received_at", "id"),
        Index("ix_records_model", "model_version", "received_at", "verdict"),
        # What is counted, in the order in which it is grouped: the database sorts nothing.
        Index("ix_records_counted", "day", "model_version", "verdict", "state", "accepted", "received_at"),
        Index("ix_records_latency", "day", "latency_step", "received_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    request_id: Mapped[str] = mapped_column(String(64))
    turn: Mapped[int]
    is_shared: Mapped[bool]
    fingerprint: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str | None] = mapped_column(String(200))
    grid_id: Mapped[str | None] = mapped_column(String(200))
    point_type: Mapped[str | None] = mapped_column(String(200))
    received_at: Mapped[datetime]
    day: Mapped[str] = mapped_column(String(10))
    model_name: Mapped[str] = mapped_column(String(200))
    model_version: Mapped[str] = mapped_column(String(200))
    data_version: Mapped[str] = mapped_column(String(200))
    verdict: Mapped[str] = mapped_column(String(16))
    latency_ms: Mapped[float]
    latency_step: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    accepted: Mapped[bool | None]
    photos: Mapped[list[Any]]


class Entry(Table):
    """One category of one request: suggested by the model, added by the officer, or judged.

    Attributes:
        record_id: Whose.
        received_at: The record's.
        day: The record's.
        model_version: The record's.
        decision: `prefill` or `suggest`; None where the model did not suggest it.
        probability: Of the suggestion, or None.
        score_step: Tenth of the probability, 0 to 9, or None.
        photo_indexes: Photos for which it was suggested.
        outcome: `confirmed`, `rejected`, or None where nobody judged it.
    """

    __tablename__ = "entries"
    __table_args__ = (
        Index("ix_entries_category", "category", "received_at", "record_id"),
        Index(
            "ix_entries_counted",
            "day",
            "model_version",
            "category",
            "decision",
            "outcome",
            "score_step",
            "received_at",
        ),
        Index("ix_entries_model", "model_version", "received_at", "category", "score_step"),
        Index("ix_entries_outcome", "outcome", "probability", "received_at"),
    )

    record_id: Mapped[int] = mapped_column(ForeignKey("records.id", ondelete="CASCADE"), primary_key=True)
    category: Mapped[str] = mapped_column(String(100), primary_key=True)
    received_at: Mapped[datetime]
    day: Mapped[str] = mapped_column(String(10))
    model_version: Mapped[str] = mapped_column(String(200))
    decision: Mapped[str | None] = mapped_column(String(16))
    probability: Mapped[float | None]
    score_step: Mapped[int | None]
    photo_indexes: Mapped[list[Any]]
    outcome: Mapped[str | None] = mapped_column(String(16))


class Feedback(Table):
    """What an officer said about one request; the highest revision counts.

    Attributes:
        record_id: About which.
        revision: From 1.
        feedback_id: Idempotency key, given or made.
        digest: Of what was said: the same said again has the same.
        photos: Per photo the categories (None: not said), drawn boxes and exhaustively boxed categories.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("record_id", "revision"),
        UniqueConstraint("record_id", "feedback_id"),
        Index("ix_feedback_recorded", "recorded_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("records.id", ondelete="CASCADE"))
    revision: Mapped[int]
    feedback_id: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(16))
    categories: Mapped[list[Any]]
    rejected: Mapped[list[Any]]
    searched: Mapped[list[Any]]
    photos: Mapped[list[Any]]
    reviewer: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(4000))


class KeptPhoto(Table):
    """A photo that is kept; the row is written before the file and deleted after it, so that none is forgotten.

    Attributes:
        sha256: Of the file.
        place: Folder or s3:// address it is kept in.
        name: Of the file there.
        kept_at: When it was last received: its days count from there.
        is_written: Whether the file is there.
    """

    __tablename__ = "kept_photos"
    __table_args__ = (Index("ix_kept_photos_kept", "kept_at"),)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[str] = mapped_column(String(1000), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    kept_at: Mapped[datetime]
    is_written: Mapped[bool]
