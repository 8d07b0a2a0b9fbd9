"""What came of one labelled photo: what people found in it, what the model answered, and which boxes agree.

These records are what every figure of an evaluation is computed from, so that two evaluations of the same photos
can be compared photo by photo.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.decide import Decision, Verdict

IOUS: Final = (0.3, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Overlaps at which boxes are matched; all but the first are COCO's."""

Unit = Annotated[float, Field(ge=0, le=1)]
Corners = tuple[Unit, Unit, Unit, Unit]


class Record(BaseModel):
    """A part of an evaluation, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FoundBox(Record):
    """A detection of a category on a photo that was searched for it.

    Attributes:
        score: The detector's, in [0, 1].
        right: Bit i is set where it matches a labelled box at overlap `IOUS[i]`.
    """

    score: Unit
    right: Annotated[int, Field(ge=0, lt=1 << len(IOUS))]


class CategoryOutcome(Record):
    """One category (or roll-up parent) on one photo.

    Attributes:
        shows: Whether the photo shows it; None: nobody looked.
        score: The photo's score, its strongest detection; 0 without one.
        probability: Calibrated, as the service would say it.
        decision: What its thresholds make of it, before roll-up.
        strongest: Where its strongest detection is, (x1, y1, x2, y2) as fractions of the photo; None without one.
        boxes: Labelled boxes; None where the photo was not searched for every instance, and for parents.
        found: Detections, strongest first; without those that cannot change any figure (weaker than every right one,
            and too weak to be shown). Empty where `boxes` is None.
    """

    shows: bool | None
    score: Unit
    probability: Unit
    decision: Decision | None
    strongest: Corners | None
    boxes: Annotated[int, Field(ge=0)] | None
    found: tuple[FoundBox, ...] = ()


class Answer(Record):
    """A suggestion of the service, in its order."""

    category: str
    probability: Unit
    decision: Decision


class PhotoOutcome(Record):
    """One photo.

    Attributes:
        key: `source/name`, unique in the evaluation.
        source: Where it comes from.
        group: Photos of one group are resampled together.
        width: Columns of the upright full-size photo; 0 where it cannot be read.
        height: Its rows.
        conditions: Names of the conditions it is under, see `training.conditions`.
        clean: Nothing labelled, tagged or doubtful, and searched for one problem category at least.
        verdict: The service's; None where the photo cannot be read.
        answers: The service's suggestions.
        categories: Category or parent -> outcome, for those that the labels say anything about.
        error: Why it cannot be read, or None.
    """

    key: str
    source: str
    group: str
    width: int
    height: int
    conditions: tuple[str, ...]
    clean: bool
    verdict: Verdict | None
    answers: tuple[Answer, ...]
    categories: dict[str, CategoryOutcome]
    error: str | None = None


Role = Literal["problem", "context", "parent"]
