"""Photos of one place and time are one case; a place that shows a problem month after month is a repeat offender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from inference.scan.case_record import CaseCategory, CasePhoto, PlacedBy, Repeat, ScanCase, ScanPlace
from inference.scan.case_settings import CaseSettings
from inference.scan.places import Place, Places
from inference.scan.record import Record, RecordedSuggestion
from inference.scan.shelf import Shelf

_UNDATED: Final = "undated"
_DAY: Final = "%Y%m%d"
_MONTH: Final = "%Y-%m"
_NOWHERE: Final = frozenset(("unrelated", "unusable"))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A photo of a place.

    Attributes:
        number: Of its record, from 0.
        moment: When it was taken, by the camera's clock; or None.
        shelf: Where its record is.
    """

    number: int
    moment: datetime | None
    shelf: Shelf

    @property
    def record(self) -> Record:
        """What was seen, read anew."""
        return self.shelf[self.number]


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


def place_histories(shelf: Shelf, places: Places, settings: CaseSettings) -> Iterator[PlaceHistory]:
    """The places of a scan and what was photographed there when; photos that show no street belong to none.

    Args:
        shelf: The records.
        places: Gives each photo its place.
        settings: What counts as one time.
    """
    found: dict[int, list[Sighting]] = {}
    for number, record in enumerate(shelf):
        if record.status != "failed" and record.verdict not in _NOWHERE:
            found.setdefault(places.place_of(record), []).append(Sighting(number, _clock(record), shelf))
    for index in sorted(found):
        cases = _cases(found[index], timedelta(hours=settings.case_hours))
        yield PlaceHistory(index, places.places[index], tuple(cases))


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
    records = {sighting.number: sighting.record for sighting in case}
    return ScanCase(
        case=history.case_name(case),
        place=history.name,
        first_at=None if first is None else first.isoformat(),
        last_at=None if last is None else last.isoformat(),
        categories=_categories(records.values()),
        photos=tuple(CasePhoto(record=number, path=record.path) for number, record in records.items()),
    )


def _categories(records: Iterable[Record]) -> tuple[CaseCategory, ...]:
    surest: dict[str, RecordedSuggestion] = {}
    photos: Counter[str] = Counter()
    for record in {record.sha256: record for record in records}.values():
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


def scan_place(history: PlaceHistory, cases: Sequence[ScanCase], settings: CaseSettings) -> ScanPlace:
    """A place as it is written.

    Args:
        history: It.
        cases: Its cases as they are written.
        settings: What a repeat offender is.
    """
    position = history.place.position
    photos = [photo for case in cases for photo in case.photos]
    return ScanPlace(
        place=history.name,
        by=_placed_by(history, len(photos)),
        latitude=None if position is None else position[0],
        longitude=None if position is None else position[1],
        path=min(photos, key=lambda photo: photo.record).path,
        photos=len(photos),
        problems=sum(len(case.categories) for case in cases),
        cases=tuple(case.case for case in cases),
        repeats=tuple(_repeats(history, settings.repeat_months)),
    )


def _placed_by(history: PlaceHistory, photos: int) -> PlacedBy:
    if history.place.position is not None:
        return "position"
    return history.place.by if photos > 1 else "alone"


def _repeats(history: PlaceHistory, fewest: int) -> Iterator[Repeat]:
    """Problems that were seen in so many months, those of most months first."""
    sightings = [s for case in history.cases for s in case if s.moment is not None]
    if len({s.moment.strftime(_MONTH) for s in sightings if s.moment is not None}) < fewest:
        return
    names: dict[str, RecordedSuggestion] = {}
    months: dict[str, set[str]] = {}
    for sighting in sightings:
        for suggestion in sighting.record.suggestions:
            names.setdefault(suggestion.category, suggestion)
            months.setdefault(suggestion.category, set()).add((sighting.moment or datetime.min).strftime(_MONTH))
    for category in sorted(months, key=lambda category: (-len(months[category]), category)):
        if len(months[category]) >= fewest:
            name, seen = names[category], tuple(sorted(months[category]))
            yield Repeat(category=category, name_zh=name.name_zh, name_en=name.name_en, months=seen)
