"""SIGKILL in the middle of concurrent feedback: what was acknowledged is there."""

from __future__ import annotations

from pathlib import Path

from inference.feedback.database import Database
from inference.feedback.records import one_record
from inference.feedback.store import add_records
from tests.inference.feedback.making import audit
from tests.inference.feedback.serving import Acknowledged, feedback_until_killed


def test_nothing_acknowledged_is_lost(address: str, tmp_path: Path) -> None:
    database = Database.open(address)
    requests = [f"r{number}" for number in range(12)]
    add_records(database, [audit(request_id) for request_id in requests])
    database.close()
    told = Acknowledged()
    feedback_until_killed(tmp_path / "log", address, requests, told, moment=1.5)
    assert told.count > 10
    assert missing(address, told) == []


def missing(address: str, told: Acknowledged) -> list[tuple[str, int]]:
    """(request id, revision) of what was acknowledged and is not there."""
    database = Database.open(address)
    lost = []
    for request_id, acknowledged in told.feedback.items():
        seen = one_record(database, request_id)
        stored = {(row.revision, row.feedback_id) for row in seen.revisions} if seen is not None else set()
        lost += [(request_id, revision) for revision, key in acknowledged if (revision, key) not in stored]
    database.close()
    return lost
