"""Deadlines such as "4 工作时" or "15 工作日", counted from a moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

_FORM: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*个?\s*(工作时|工作小时|工作日|工作天|小时|日|天)\s*")
_WORKING_HOURS: Final = ("工作时", "工作小时")
_WORKING_DAYS: Final = ("工作日", "工作天")
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When work is done: Monday to Friday from hour to hour; public holidays are not known.

    Attributes:
        start: Hour of the day, 0 to 23.
        end: Later hour, to 24.
    """

    start: int
    end: int

    def opens(self, moment: datetime) -> datetime:
        """The moment itself where work is done then, else when work begins next."""
        day = datetime.combine(moment.date(), time(0), moment.tzinfo)
        if moment.weekday() < _SATURDAY and moment < day + timedelta(hours=self.end):
            return max(moment, day + timedelta(hours=self.start))
        return self._next_morning(day)

    def _next_morning(self, day: datetime) -> datetime:
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
        return day + timedelta(hours=self.start)

    def after_hours(self, moment: datetime, hours: float) -> datetime:
        """When so many hours have been worked."""
        now, left = self.opens(moment), timedelta(hours=hours)
        while True:
            day = datetime.combine(now.date(), time(0), now.tzinfo)
            evening = day + timedelta(hours=self.end)
            if left <= evening - now:
                return now + left
            left -= evening - now
            now = self._next_morning(day)

    def after_days(self, moment: datetime, days: float) -> datetime:
        """The end of work so many working days later; the day of the moment itself does not count."""
        morning = datetime.combine(moment.date(), time(0), moment.tzinfo) + timedelta(hours=self.start)
        for _ in range(int(days)):
            morning = self._next_morning(datetime.combine(morning.date(), time(0), moment.tzinfo))
        return morning + timedelta(hours=self.end - self.start)


def due(moment: datetime, deadline: str, office: OfficeHours) -> datetime | None:
    """When something reported at a moment is due.

    Args:
        moment: When it was reported.
        deadline: As in a mapping: a number with 工作时, 工作日, 小时, 日 or 天; empty or other text gives None.
        office: When work is done.
    """
    found = _FORM.fullmatch(deadline)
    if found is None:
        return None
    number, unit = float(found[1]), found[2]
    if unit in _WORKING_HOURS:
        return office.after_hours(moment, number)
    if unit in _WORKING_DAYS:
        return office.after_days(moment, number)
    return moment + (timedelta(hours=number) if unit == "小时" else timedelta(days=number))
