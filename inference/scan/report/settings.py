"""What a report shows at most: `report` of configs/scan.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024 * 1024


class ReportSettings(BaseModel):
    """Bounds of a report, so that it stays readable and opens at once however large the scan is.

    Attributes:
        pictures: Photos shown in all, shared out among the categories.
        pictures_bytes: Room for them in the file; further ones are left out.
        picture_side: Pixels of a picture's longer side.
        districts: Districts told apart; a level of folders with more names is not taken for one.
        months: Months told apart, the latest; earlier ones are added up.
        places: Worst places and repeat offenders listed.
        failures: Failed inputs listed.
        map_points: Positions on the map, a random sample where there are more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int = Field(default=48, ge=0, le=2000)
    pictures_bytes: int = Field(default=12 * _MIB, ge=0)
    picture_side: int = Field(default=640, ge=160, le=1600)
    districts: int = Field(default=40, ge=2, le=200)
    months: int = Field(default=24, ge=1, le=120)
    places: int = Field(default=20, ge=1, le=500)
    failures: int = Field(default=100, ge=0, le=5000)
    map_points: int = Field(default=2000, ge=10, le=20_000)
