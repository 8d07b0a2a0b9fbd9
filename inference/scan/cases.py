"""Photos of one place and time are one case; a place that shows a problem month after month is a repeat offender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from inference.scan.case_record import CaseCategory, CasePhoto, PlacedBy, Repeat, ScanCase, ScanPlace
from inference.scan.case_settings import CaseSettings
from inference.scan.places import Place, Places
from inference.scan.record import Record, RecordedSuggestion

_UNDATED: Final = "undated"
_DAY: Final = "%Y%m%d"
_MONTH: Final = "%Y-%m"
_NOWHERE: Final = frozenset(("unrelated", "unusable"))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A photo with its place.

    Attributes:
        number: Of its record, from 0.
        record: What was seen.
        moment: When it was taken, by the camera's clock; or None.
    """

    number: int
    record: Record
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class PlaceHistory:
    """All cases of one place, in the order of time, the undated one last; with the photos of each."""

    index: int
    place: Place
    cases: tuple[tuple[Sighting, ...], ...]

    @property
    def name(self) -> str:
        """The place's number."""
        return f"P{self.index + 1:05d}"

    def case_name(self, case: Sequence[Sighting]) -> str:
        """The number of one of its cases."""
        moment = case[0].moment
        return f"{self.name}-{_UNDATED if moment is None else moment.strftime(_DAY)}"


def place_histories(records: Iterable[Record], places: Places, settings: CaseSettings) -> list[PlaceHistory]:
    """The places of a scan and what was photographed there when; photos that show no street belong to none.

    Args:
        records: In the order of the journal.
        places: Gives each photo its place.
        settings: What counts as one time.
    """
    found: dict[int, list[Sighting]] = {}
    for number, record in enumerate(records):
        if record.status != "failed" and record.verdict not in _NOWHERE:
            found.setdefault(places.place_of(record), []).append(Sighting(number, record, _clock(record)))
    return [
        PlaceHistory(index, places.places[index], tuple(_cases(sightings, timedelta(hours=settings.case_hours))))
        for index, sightings in sorted(found.items())
    ]


def _clock(record: Record) -> datetime | None:
    """The time by the camera's own clock; zones are dropped, because most cameras write none."""
    return None if record.moment is None else record.moment.replace(tzinfo=None)


def _cases(sightings: Sequence[Sighting], gap: timedelta) -> Iterator[tuple[Sighting, ...]]:
    dated = sorted((s for s in sightings if s.moment is not None), key=lambda s: (s.moment or datetime.min, s.number))
    case: list[Sighting] = []
    for sighting in dated:
        if case and sighting.moment is not None and sighting.moment - (case[-1].moment or sighting.moment) > gap:
            yield tuple(case)
            case = []
        case.append(sighting)
    if case:
        yield tuple(case)
    undated = tuple(s for s in sightings if s.moment is None)
    if undated:
        yield undated


def scan_case(history: PlaceHistory, case: Sequence[Sighting]) -> ScanCase:
    """A case as it is written, without what became of the one before."""
    first, last = case[0].moment, case[-1].moment
    return ScanCase(
        case=history.case_name(case),
        place=history.name,
        first_at=None if first is None else first.isoformat(),
        last_at=None if last is None else last.isoformat(),
        categories=_categories(case),
        photos=tuple(CasePhoto(record=s.number, path=s.record.path) for s in case),
    )


def _categories(case: Sequence[Sighting]) -> tuple[CaseCategory, ...]:
    surest: dict[str, RecordedSuggestion] = {}
    photos: Counter[str] = Counter()
    for record in {s.record.sha256: s.record for s in case}.values():
        for suggestion in record.suggestions:
            photos[suggestion.category] += 1
            best = surest.setdefault(suggestion.category, suggestion)
            if (suggestion.decision == "prefill", suggestion.probability) > (
                best.decision == "prefill",
                best.probability,
            ):
                surest[suggestion.category] = suggestion
    found = [
        CaseCategory(
            category=s.category,
            name_zh=s.name_zh,
            name_en=s.name_en,
            probability=s.probability,
            decision=s.decision,
            department=s.department,
            photos=photos[s.category],
        )
        for s in surest.values()
    ]
    return tuple(sorted(found, key=lambda c: (c.decision != "prefill", -c.probability, c.category)))


def scan_place(history: PlaceHistory, settings: CaseSettings) -> ScanPlace:
    """A place as it is written."""
    sightings = [sighting for case in history.cases for sighting in case]
    first = min(sightings, key=lambda s: s.number)
    position = history.place.position
    return ScanPlace(
        place=history.name,
        by=_placed_by(history, len(sightings)),
        latitude=None if position is None else position[0],
        longitude=None if position is None else position[1],
        path=first.record.path,
        photos=len(sightings),
        cases=tuple(history.case_name(case) for case in history.cases),
        repeats=tuple(_repeats(sightings, settings.repeat_months)),
    )


def _placed_by(history: PlaceHistory, photos: int) -> PlacedBy:
    if history.place.position is not None:
        return "position"
    return history.place.by if photos > 1 else "alone"


def _repeats(sightings: Sequence[Sighting], fewest: int) -> Iterator[Repeat]:
    """Problems that were seen in so many months, those of most months first."""
    seen = sorted(
        (
            (suggestion.category, sighting.moment.strftime(_MONTH), suggestion)
            for sighting in sightings
            if sighting.moment is not None
            for suggestion in sighting.record.suggestions
        ),
        key=lambda entry: entry[:2],
    )
    found = []
    for category, entries in groupby(seen, key=lambda entry: entry[0]):
        listed = list(entries)
        months = tuple(dict.fromkeys(month for _, month, _ in listed))
        if len(months) >= fewest:
            name = listed[0][2]
            found.append(Repeat(category=category, name_zh=name.name_zh, name_en=name.name_en, months=months))
    yield from sorted(found, key=lambda repeat: (-len(repeat.months), repeat.category))
