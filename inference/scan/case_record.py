"""Cases and places of a scan as they are written, one JSON line each. See docs/scan-format.md."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.compare import ChangeVerdict, Reason
from inference.decide import Decision

CASES: Final = "cases.jsonl"
PLACES: Final = "places.jsonl"

PlacedBy = Literal["position", "view", "alone"]
"""What brought photos to one place: their positions, their views, or nothing, when there is only one."""

Unit = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CasePhoto(_Strict):
    """A photo of a case: the number of its record, counted from 0 in the order of the journal, and its path."""

    record: Annotated[int, Field(ge=0)]
    path: str


class CaseCategory(_Strict):
    """A problem that photos of a case show: how sure the surest is, and how many show it."""

    category: str
    name_zh: str
    name_en: str
    probability: Unit
    decision: Decision
    department: str
    photos: Annotated[int, Field(ge=1)]


class CaseChange(_Strict):
    """What became of a problem of the place's case before."""

    category: str
    verdict: ChangeVerdict
    reason: Reason
    before: Unit | None
    after: Unit | None


class ScanCase(_Strict):
    """Photos of one place and time.

    Attributes:
        schema_version: Of this shape.
        case: Its number: the place's, and the day of the first photo; `undated` where that is not known.
        place: The place's number.
        first_at: When its first photo was taken, by the camera's clock.
        last_at: When its last photo was taken.
        categories: What its photos show, the surest first.
        photos: In the order of time.
        since: The place's case before, which `changes` compares with.
        changes: What became of the problems of that one.
    """

    schema_version: Literal[1] = 1
    case: str
    place: str
    first_at: str | None
    last_at: str | None
    categories: tuple[CaseCategory, ...]
    photos: tuple[CasePhoto, ...]
    since: str | None = None
    changes: tuple[CaseChange, ...] = ()


class Repeat(_Strict):
    """A problem that a place shows again and again, with the months (2026-05) in which it was seen."""

    category: str
    name_zh: str
    name_en: str
    months: tuple[str, ...]


class ScanPlace(_Strict):
    """A place that photos were taken at.

    Attributes:
        schema_version: Of this shape.
        place: Its number.
        by: What brought its photos together.
        latitude: Of its first photo with a position, degrees north.
        longitude: Degrees east.
        path: Of its first photo.
        photos: How many.
        problems: Categories of its cases, counted case by case.
        cases: In the order of time.
        repeats: Problems that come back.
    """

    schema_version: Literal[1] = 1
    place: str
    by: PlacedBy
    latitude: float | None
    longitude: float | None
    path: str
    photos: Annotated[int, Field(ge=1)]
    problems: Annotated[int, Field(ge=0)]
    cases: tuple[str, ...]
    repeats: tuple[Repeat, ...]
