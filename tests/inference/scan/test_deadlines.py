"""Deadlines in working hours and days."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from inference.scan.exports.deadlines import OfficeHours, due

OFFICE = OfficeHours(9, 17)


@pytest.mark.parametrize(
    ("moment", "deadline", "expected"),
    [
        # 2026-05-06 is a Wednesday.
        ("2026-05-06 10:00", "4 工作时", "2026-05-06 14:00"),
        ("2026-05-06 05:30", "4 工作时", "2026-05-06 13:00"),  # before the office opens
        ("2026-05-06 15:00", "4 工作时", "2026-05-07 11:00"),
        ("2026-05-06 13:00", "4 工作时", "2026-05-06 17:00"),
        ("2026-05-08 16:00", "4工作时", "2026-05-11 12:00"),  # over a weekend
        ("2026-05-09 12:00", "5 工作时", "2026-05-11 14:00"),  # a Saturday
        ("2026-05-06 20:00", "20 工作小时", "2026-05-11 13:00"),
        ("2026-05-06 10:00", "1 工作日", "2026-05-07 17:00"),
        ("2026-05-08 10:00", "1 个工作日", "2026-05-11 17:00"),
        ("2026-05-09 10:00", "1 工作日", "2026-05-11 17:00"),
        ("2026-05-05 23:26", "1 工作日", "2026-05-06 17:00"),
        ("2026-05-06 10:00", "15 工作日", "2026-05-27 17:00"),
        ("2026-05-06 10:00", "24 小时", "2026-05-07 10:00"),
        ("2026-05-06 10:00", "3 天", "2026-05-09 10:00"),
        ("2026-05-06 10:00", "", None),
        ("2026-05-06 10:00", "尽快", None),
    ],
)
def test_when_something_is_due(moment: str, deadline: str, expected: str | None) -> None:
    found = due(datetime.fromisoformat(moment), deadline, OFFICE)
    assert found == (None if expected is None else datetime.fromisoformat(expected))


def test_the_zone_of_the_moment_is_kept() -> None:
    zone = timezone(timedelta(hours=8))
    found = due(datetime(2026, 5, 6, 16, tzinfo=zone), "2 工作时", OFFICE)
    assert found == datetime(2026, 5, 7, 10, tzinfo=zone)
