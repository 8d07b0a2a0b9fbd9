"""configs/gate.yaml as checked values."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from inference.config_file import load_model
from inference.paths import CONFIGS
from training.evaluation_settings import BootstrapSettings

Measure = Literal["boxes", "photos", "prefill_precision", "prefill_recall"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerances(_Strict):
    """Loss of a measure, in [0, 1], that is nobody's concern even when it is certain."""

    boxes: float = Field(default=0.01, ge=0, lt=1)
    photos: float = Field(default=0.01, ge=0, lt=1)
    prefill_precision: float = Field(default=0.01, ge=0, lt=1)
    prefill_recall: float = Field(default=0.03, ge=0, lt=1)

    def of(self, measure: Measure) -> float:
        """Of one measure."""
        return float(getattr(self, measure))


class LargeLossSettings(_Strict):
    """When a loss is judged by the category's own interval, without correction for the many comparisons.

    Attributes:
        share: What is left is less than this share of the champion's figure.
        points: And the difference is at least this large.
    """

    share: float = Field(default=0.25, gt=0, le=1)
    points: float = Field(default=0.10, gt=0, lt=1)


class MacroSettings(_Strict):
    """The mean over categories.

    Attributes:
        min_boxes: Labelled boxes of a category that counts in the mean of `boxes`.
        min_photos: Photos showing a category that counts in the mean of `photos`.
        margin: Loss of the mean that is refused even where its interval reaches zero.
        strict: The whole interval must lie above the margin: for test parts of thousands of photos.
    """

    min_boxes: int = Field(default=30, ge=1)
    min_photos: int = Field(default=10, ge=1)
    margin: float = Field(default=0.05, gt=0, lt=1)
    strict: bool = False


class GateSettings(_Strict):
    """The whole of configs/gate.yaml.

    Attributes:
        resamples: Of the bootstrap by group.
        seed: Of the resamples.
        confidence: Of the intervals: simultaneous, one-sided.
        min_groups: Groups of photos showing a category, below which it is not compared.
        tolerated: Losses that are nobody's concern.
        large_loss: Losses that rare categories are judged by.
        macro: The mean over categories.
        may_be_dropped: Categories that the candidate may lack.
        may_lose_prefill: Categories that the candidate need not pre-fill.
        examples: Photos named for each refusal.
    """

    resamples: int = Field(default=2000, ge=100)
    seed: int = Field(default=0, ge=0)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    min_groups: int = Field(default=5, ge=2)
    tolerated: Tolerances = Tolerances()
    large_loss: LargeLossSettings = LargeLossSettings()
    macro: MacroSettings = MacroSettings()
    may_be_dropped: tuple[str, ...] = ()
    may_lose_prefill: tuple[str, ...] = ()
    examples: int = Field(default=5, ge=0)

    @property
    def bootstrap(self) -> BootstrapSettings:
        """How the resamples are drawn."""
        return BootstrapSettings(resamples=self.resamples, seed=self.seed)


def load_gate_settings(path: Path = CONFIGS / "gate.yaml") -> GateSettings:
    """Settings from a file.

    Raises:
        ConfigError: naming the file, and the line of every wrong field.
    """
    return load_model(path, GateSettings, "The comments in configs/gate.yaml say what each field takes.")
