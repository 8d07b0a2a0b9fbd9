"""Records of answered requests, feedback on them, and kept photos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _records()
    _entries()
    _feedback()
    _kept_photos()


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("id", _INTEGER, primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("turn", _INTEGER, nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("grid_id", sa.String(200)),
        sa.Column("point_type", sa.String(200)),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("model_name", sa.String(200), nullable=False),
        sa.Column("model_version", sa.String(200), nullable=False),
        sa.Column("data_version", sa.String(200), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=False),
        sa.Column("latency_step", _INTEGER, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("accepted", sa.Boolean()),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.UniqueConstraint("request_id", "turn"),
    )
    counted = ["day", "model_version", "verdict", "state", "accepted", "received_at"]
    op.create_index("ix_records_received", "records", ["received_at", "id"])
    op.create_index("ix_records_state", "records", ["state", "received_at", "id"])
    op.create_index("ix_records_external", "records", ["external_id"])
    op.create_index("ix_records_grid", "records", ["grid_id", "received_at", "id"])
    op.create_index("ix_records_counted", "records", counted)
    op.create_index("ix_records_latency", "records", ["day", "latency_step", "received_at"])
    op.create_index("ix_records_model", "records", ["model_version", "received_at", "verdict"])


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("record_id", _INTEGER, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("category", sa.String(100), primary_key=True),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("model_version", sa.String(200), nullable=False),
        sa.Column("decision", sa.String(16)),
        sa.Column("probability", sa.Double()),
        sa.Column("score_step", _INTEGER),
        sa.Column("photo_indexes", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(16)),
    )
    counted = ["day", "model_version", "category", "decision", "outcome", "score_step", "received_at"]
    op.create_index("ix_entries_category", "entries", ["category", "received_at", "record_id"])
    op.create_index("ix_entries_counted", "entries", counted)
    op.create_index("ix_entries_model", "entries", ["model_version", "received_at", "category", "score_step"])
    op.create_index("ix_entries_outcome", "entries", ["outcome", "probability", "received_at"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", _INTEGER, primary_key=True, autoincrement=True),
        sa.Column("record_id", _INTEGER, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False),
        sa.Column("revision", _INTEGER, nullable=False),
        sa.Column("feedback_id", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("searched", sa.JSON(), nullable=False),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("reviewer", sa.String(200)),
        sa.Column("note", sa.String(4000)),
        sa.UniqueConstraint("record_id", "revision"),
        sa.UniqueConstraint("record_id", "feedback_id"),
    )
    op.create_index("ix_feedback_recorded", "feedback", ["recorded_at"])


def _kept_photos() -> None:
    op.create_table(
        "kept_photos",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("place", sa.String(1000), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kept_at", _TIME, nullable=False),
        sa.Column("is_written", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_kept_photos_kept", "kept_photos", ["kept_at"])
