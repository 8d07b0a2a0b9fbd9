from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inference.categories import Catalogue
from inference.feedback.confirm import confirm
from inference.feedback.database import Database
from inference.feedback.records import Cursor, CursorError, Wanted, list_records, one_record
from inference.feedback.said import Said
from inference.feedback.store import add_records
from tests.inference.feedback.making import NOON, audit, photo

BIN, LITTER = "overflowing_bin", "exposed_garbage"


@pytest.fixture
def filled(database: Database, catalogue: Catalogue) -> Database:
    """a: awaiting, with a full bin; b: confirmed; c: without an issue, elsewhere; in this order of time."""
    add_records(
        database,
        [
            audit("a", grid_id="g1"),
            audit("b", grid_id="g1", received_at=NOON + timedelta(hours=1)),
            audit("c", photo(0), grid_id="g2", received_at=NOON + timedelta(hours=2)),
        ],
    )
    confirm(database, Said(request_id="b", categories=[BIN]), catalogue)
    return database


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["c", "b", "a"]),
        ({"state": "awaiting"}, ["c", "a"]),
        ({"state": "confirmed"}, ["b"]),
        ({"category": BIN}, ["b", "a"]),
        ({"category": LITTER, "decision": "prefill"}, []),
        ({"category": BIN, "state": "awaiting"}, ["a"]),
        ({"decision": "suggest"}, ["b", "a"]),
        ({"verdict": "no_issue"}, ["c"]),
        ({"grid_id": "g1"}, ["b", "a"]),
        ({"since": NOON + timedelta(hours=1)}, ["c", "b"]),
        ({"until": NOON + timedelta(hours=1)}, ["a"]),
        ({"category": BIN, "until": NOON + timedelta(hours=1)}, ["a"]),
    ],
)
def test_filters(filled: Database, wanted: dict[str, Any], expected: list[str]) -> None:
    page, after = list_records(filled, Wanted(**wanted))
    assert [seen.request_id for seen in page] == expected
    assert after is None


@pytest.mark.parametrize("category", [None, BIN])
def test_pages_follow_each_other_also_within_one_moment(database: Database, category: str | None) -> None:
    add_records(database, [audit(f"r{number}") for number in range(7)])
    found: list[str] = []
    after: Cursor | None = None
    for _ in range(4):
        page, after = list_records(database, Wanted(category=category, limit=2, after=after))
        found += [seen.request_id for seen in page]
        if after is None:
            break
        after = Cursor.parse(str(after))
    assert found == [f"r{number}" for number in reversed(range(7))]


@pytest.mark.parametrize("text", ["", "nonsense", "AAAA", "bm93fDE", "é"])
def test_a_cursor_that_nobody_gave(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.parse(text)


def test_everything_about_one(filled: Database) -> None:
    seen = one_record(filled, "b")
    assert seen is not None
    assert [entry.category for entry in seen.suggestions] == [BIN, LITTER]
    assert [row.revision for row in seen.revisions] == [1]
    assert seen.record.received_at == NOON + timedelta(hours=1)
    assert one_record(filled, "nobody") is None
