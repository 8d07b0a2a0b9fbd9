"""Which photos are worth a labeller's time: `selection` of configs/scan.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SelectionSettings(BaseModel):
    """How photos are weighed against each other.

    Attributes:
        uncertain: Weight of a probability near one half.
        disagreeing: Weight of one thing that is called by two names.
        rare: Weight of categories that the scan shows seldom.
        overlap: Overlap (intersection over union) from which two boxes are one thing.
        place_share: How much a photo loses with each one chosen of the same place, or of the same folder and day.
        category_share: How much it loses with each one chosen of the same category.
        pool: Candidates kept for each photo that is asked for, those of the highest value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uncertain: float = Field(default=1.0, ge=0)
    disagreeing: float = Field(default=1.0, ge=0)
    rare: float = Field(default=0.5, ge=0)
    overlap: float = Field(default=0.5, gt=0, le=1)
    place_share: float = Field(default=1.0, ge=0)
    category_share: float = Field(default=0.1, ge=0)
    pool: int = Field(default=20, ge=1)
