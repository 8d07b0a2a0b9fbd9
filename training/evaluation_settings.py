"""configs/evaluate.yaml as checked values."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from inference.config_file import load_model
from inference.paths import CONFIGS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BootstrapSettings(_Strict):
    """How intervals are drawn.

    Attributes:
        resamples: How often the groups are drawn with replacement.
        seed: Of the draw; the same groups and seed give the same resamples, so two models can be compared pairwise.
        confidence: Of the two-sided percentile interval.
        defined_share: No interval where fewer of the resamples give a figure at all.
    """

    resamples: int = Field(default=1000, ge=1)
    seed: int = Field(default=0, ge=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    defined_share: float = Field(default=0.9, gt=0, le=1)


class CalibrationSettings(_Strict):
    """How calibration is judged.

    Attributes:
        bins: Of equal width, between 0 and 1.
        positives: Photos showing a category, below which its calibration error says nothing.
    """

    bins: int = Field(default=10, ge=2)
    positives: int = Field(default=10, ge=1)


class ConditionSettings(_Strict):
    """When a photo is under a condition.

    Attributes:
        night_brightness: Mean grey value (0 to 255) below which it counts as taken at night.
        night_from: Hour by its own clock from which it does, too.
        night_to: Hour before which it does, too.
        small_share: Share of the photo that its largest labelled problem box stays below.
        low_resolution: Pixels of the longer side, below which resolution is low.
        high_resolution: Pixels of the longer side, from which it is high.
        blurred_sharpness: `inference.quality` sharpness below which it is blurred.
    """

    night_brightness: float = Field(default=60.0, ge=0, le=255)
    night_from: int = Field(default=21, ge=0, le=23)
    night_to: int = Field(default=5, ge=0, le=23)
    small_share: float = Field(default=0.02, gt=0, lt=1)
    low_resolution: int = Field(default=800, ge=1)
    high_resolution: int = Field(default=1600, ge=1)
    blurred_sharpness: float = Field(default=60.0, ge=0)


class GallerySettings(_Strict):
    """Pictures of the worst answers.

    Attributes:
        photos: Worst false alarms, and as many worst misses.
        per_category: At most this many of one category.
        side: Pixels of a picture's longer side.
        quality: Of its JPEG, 1 to 100.
    """

    photos: int = Field(default=24, ge=0)
    per_category: int = Field(default=4, ge=1)
    side: int = Field(default=420, ge=32)
    quality: int = Field(default=78, ge=1, le=100)


class EvaluationSettings(_Strict):
    """The whole of configs/evaluate.yaml.

    Attributes:
        detection_floor: Detections from this score on count for average precision.
        amorphous: Categories without a clear edge, for which agreement at IoU 0.3 is enough.
        macro_boxes: Labelled boxes that a problem category needs to count in the mean `enough_boxes`.
        means: Name -> categories of further means.
        bootstrap: How intervals are drawn.
        calibration: How calibration is judged.
        answers: Suggestions of a photo that count for the hit rate.
        conditions: When a photo is under a condition.
        gallery: Pictures of the worst answers.
    """

    detection_floor: float = Field(default=0.001, gt=0, lt=1)
    amorphous: tuple[str, ...] = ()
    macro_boxes: int = Field(default=30, ge=1)
    means: dict[str, tuple[str, ...]] = {}
    bootstrap: BootstrapSettings = BootstrapSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    answers: int = Field(default=3, ge=1)
    conditions: ConditionSettings = ConditionSettings()
    gallery: GallerySettings = GallerySettings()


def load_evaluation_settings(path: Path = CONFIGS / "evaluate.yaml") -> EvaluationSettings:
    """Settings from a file.

    Raises:
        ConfigError: naming the file, and the line of every wrong field.
    """
    return load_model(path, EvaluationSettings, "The comments in configs/evaluate.yaml say what each field takes.")
