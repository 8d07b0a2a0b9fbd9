"""Which photos are one case: `cases` of configs/scan.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CaseSettings(BaseModel):
    """How photos of a scan are brought together.

    Attributes:
        case_hours: Photos of one place no longer apart than this are one case; a day at least.
        repeat_months: Months in which a place must show a problem to be a repeat offender.
        view_photos: Photos without a position that are compared by their views, the first ones; each may take half a
            second and keeps 100 KB in memory. Further ones are places of their own.
        series: Photos before it in the same folder that a photo is compared with.
        alike: Further photos that it is compared with, those whose thumbnails are most alike.
        change_photos: Photos of a later case in which the spot of an earlier problem is looked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_hours: float = Field(default=24, ge=24)
    repeat_months: int = Field(default=3, ge=2)
    view_photos: int = Field(default=2000, ge=0)
    series: int = Field(default=6, ge=0)
    alike: int = Field(default=6, ge=0)
    change_photos: int = Field(default=4, ge=1)
