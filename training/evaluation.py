"""A model package judged on labelled photos: the record that reports are made from and that gates compare.

Two evaluations of the same photos with the same settings can be compared pairwise: `Resamples` of the same groups and
seed are the same, `training.sampling` gives a figure under every one of them, and the differences have an interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from inference.errors import PatrolError
from training.evaluation_settings import EvaluationSettings
from training.measures import Count, Measures
from training.outcomes import IOUS, PhotoOutcome, Record, Role, Unit

SCHEMA: Final = 1
FILE: Final = "evaluation.json"


class EvaluationError(PatrolError):
    """An evaluation that cannot be made or read, with the reason."""


class JudgedModel(Record):
    """The package that was judged.

    Attributes:
        name: Its name.
        version: Its version.
        data_version: Of the photos it was trained on.
        sha256: Of its model.onnx.
        provider: What ran it.
    """

    name: str
    version: str
    data_version: str
    sha256: str
    provider: str


class JudgedData(Record):
    """The photos it was judged on.

    Attributes:
        version: Data version.
        part: `val`, `test`, or whatever the caller chose.
        photos: How many, unreadable ones included.
        seen_in_fitting: Whether thresholds and calibration of the package were fitted on this part of this version:
            then figures at its thresholds are a little kind.
    """

    version: str
    part: str
    photos: Count
    seen_in_fitting: bool


class JudgedCategory(Record):
    """What the package does with a category or parent.

    Attributes:
        name_zh: Chinese name.
        name_en: English name.
        role: A problem, context or a parent.
        amorphous: Agreement at IoU 0.3 is enough.
        suggest: Probability from which it is suggested, or None.
        prefill: Probability from which it is pre-filled, or None.
        shown_from: Detection score from which the service shows its boxes, or None.
    """

    name_zh: str
    name_en: str
    role: Role
    amorphous: bool
    suggest: Unit | None
    prefill: Unit | None
    shown_from: Unit | None


class Evaluation(Record):
    """A package judged on labelled photos.

    Attributes:
        schema_version: Of this record.
        created: When, ISO 8601.
        model: What was judged.
        data: On what.
        settings: How.
        ious: Overlaps that the bits of `FoundBox.right` stand for.
        categories: Category or parent -> what the package does with it, in its own order, parents last.
        whole: Figures over all photos.
        sources: Source -> figures over its photos.
        conditions: Photo condition -> figures over the photos under it.
        photos: What came of each photo, ordered by key.
    """

    schema_version: Literal[1] = 1
    created: str
    model: JudgedModel
    data: JudgedData
    settings: EvaluationSettings
    ious: tuple[float, ...] = IOUS
    categories: dict[str, JudgedCategory]
    whole: Measures
    sources: dict[str, Measures]
    conditions: dict[str, Measures]
    photos: tuple[PhotoOutcome, ...]

    @property
    def failed(self) -> tuple[PhotoOutcome, ...]:
        """Photos that could not be read."""
        return tuple(photo for photo in self.photos if photo.error is not None)


def read_evaluation(path: Path) -> Evaluation:
    """An evaluation.json.

    Raises:
        EvaluationError: it is missing, damaged or of another schema.
    """
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise EvaluationError(f"{path} does not exist: run `patrol evaluate` first") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise EvaluationError(f"{path}: no evaluation of schema {SCHEMA} ({where}: {first['msg']})") from error
