"""configs/train.yaml as checked values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from datasets.settings import DataSettings
from inference.config_file import load_model
from inference.package import NmsRecipe, VerdictRecipe
from inference.paths import CONFIGS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Strict):
    """What training starts from.

    Attributes:
        start: Weights to fine-tune, an ultralytics checkpoint.
        min_train_boxes: A category with fewer labelled boxes in the training part is left out.
        min_exhaustive_photos: So is one that fewer training photos were searched for exhaustively.
    """

    start: Path
    min_train_boxes: int = Field(ge=1)
    min_exhaustive_photos: int = Field(ge=1)


class FinishSettings(_Strict):
    """What the second, short run does differently from the first, and its share in the averaged weights."""

    share: float = Field(gt=0, le=1)
    epochs: int = Field(ge=1)
    close_mosaic: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    nominal_batch: int = Field(ge=1)
    warmup_epochs: float = Field(ge=0)
    aspect_jitter: float = Field(ge=0)


class TrainingSettings(_Strict):
    """How the detector is trained; configs/train.yaml says what each is for.

    `warmup_bias_lr`, the learning rate that biases fall from during warm-up, has ultralytics' default. It unlearns what
    a head knew; retraining from a champion, whose head is to be kept, sets it to 0.
    """

    image_size: int = Field(ge=64, multiple_of=32)
    batch: int = Field(ge=1)
    nominal_batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    hours: float | None = Field(gt=0)
    close_mosaic: int = Field(ge=0)
    optimizer: Literal["AdamW", "SGD", "MuSGD"]
    learning_rate: float = Field(gt=0)
    final_learning_rate_fraction: float = Field(gt=0, le=1)
    schedule: Literal["cosine", "linear"]
    warmup_epochs: float = Field(ge=0)
    warmup_bias_lr: float = Field(default=0.1, ge=0)
    weight_decay: float = Field(ge=0)
    frozen_layers: int = Field(ge=0)
    repeat_threshold: float = Field(ge=0, lt=1)
    repeat_limit: float = Field(ge=1)
    aspect_jitter: float = Field(ge=0)
    scale: float = Field(ge=0, lt=1)
    brightness: float = Field(ge=0, lt=1)
    rotation: float = Field(ge=0, le=45)
    precision: Literal["fp32", "bf16", "auto"]
    workers: int = Field(ge=0)
    seed: int
    finish: FinishSettings | None


class DetectionSettings(_Strict):
    """How candidates become detections.

    Attributes:
        input_size: Side of the square model input in pixels.
        score_floor: Candidates below are dropped before NMS.
        evaluation_floor: The floor where average precision is measured.
        nms_iou: Of two boxes of one category overlapping more than this, the weaker goes.
        max_detections: At most this many a photo.
    """

    input_size: int = Field(ge=64, multiple_of=32)
    score_floor: float = Field(gt=0, lt=1)
    evaluation_floor: float = Field(gt=0, lt=1)
    nms_iou: float = Field(gt=0, lt=1)
    max_detections: int = Field(ge=1)

    @property
    def nms(self) -> NmsRecipe:
        """The part that goes into model.json."""
        return NmsRecipe(score_floor=self.score_floor, iou=self.nms_iou, max_detections=self.max_detections)


class DecisionSettings(_Strict):
    """What the package promises, and when a category cannot promise it.

    Attributes:
        prefill_precision: Precision on held-out photos at or above the prefill threshold.
        prefill_lower_bound: Lower confidence bound it must reach.
        prefill_support: Photos at or above the threshold, at least.
        prefill_probability: Calibrated probability that every single pre-filled answer has at least.
        suggest_precision: Calibrated probability from which a category is suggested.
        suggest_positives: Held-out photos showing a category, below which it is never suggested.
        calibration_positives: Photos showing a category that a calibration of its own takes.
        folds: Parts of grouped cross-fitting.
        confidence: Of the interval, two-sided.
    """

    prefill_precision: float = Field(gt=0, lt=1)
    prefill_lower_bound: float = Field(gt=0, lt=1)
    prefill_support: int = Field(ge=1)
    prefill_probability: float = Field(ge=0, lt=1)
    suggest_precision: float = Field(gt=0, lt=1)
    suggest_positives: int = Field(ge=0)
    calibration_positives: int = Field(ge=1)
    folds: int = Field(ge=2)
    confidence: float = Field(gt=0, lt=1)


class SceneSettings(_Strict):
    """How the street-or-not head is fitted.

    Attributes:
        min_unrelated: Photos of other things, below which there is no head.
        street_loss: Share of street photos that may be called unrelated.
        regularisation: scikit-learn's C.
        folds: Of cross-validation, by group.
        street_sample: Street photos of the training part used for the fit.
    """

    min_unrelated: int = Field(ge=1)
    street_loss: float = Field(ge=0, lt=1)
    regularisation: float = Field(gt=0)
    folds: int = Field(ge=2)
    street_sample: int = Field(ge=1)


class GoldenSettings(_Strict):
    """Tolerances of golden outputs, and how many real photos are among them."""

    score_tolerance: float = Field(gt=0)
    pixel_tolerance: float = Field(gt=0)
    photos: int = Field(ge=0)


class ParitySettings(_Strict):
    """How closely the exported model must follow the trained one."""

    photos: int = Field(ge=1)
    max_score_difference: float = Field(gt=0)
    min_iou: float = Field(gt=0, le=1)


class TrainSettings(_Strict):
    """The whole of configs/train.yaml."""

    name: str
    version: str
    data: DataSettings
    model: ModelSettings
    training: TrainingSettings
    detection: DetectionSettings
    decision: DecisionSettings
    verdicts: VerdictRecipe
    scene: SceneSettings
    golden: GoldenSettings
    parity: ParitySettings

    def with_budget(self, epochs: int | None, hours: float | None) -> TrainSettings:
        """The recipe with another number of epochs (which lifts the time budget) or another time budget."""
        if epochs is None and hours is None:
            return self
        return self._changed({"hours": hours} if epochs is None else {"epochs": epochs, "hours": hours})

    def finishing(self, start: Path) -> TrainSettings | None:
        """The recipe of the second run, from the first one's weights; None where there is none."""
        finish = self.training.finish
        if finish is None:
            return None
        changed = self._changed({**finish.model_dump(exclude={"share"}), "hours": None, "finish": None})
        return changed.model_copy(update={"model": self.model.model_copy(update={"start": start})})

    def _changed(self, changes: dict[str, Any]) -> TrainSettings:
        return self.model_copy(update={"training": self.training.model_copy(update=changes)})


def load_train_settings(path: Path = CONFIGS / "train.yaml") -> TrainSettings:
    """Settings from a file.

    Raises:
        ConfigError: naming the file, and the line of every wrong field.
    """
    return load_model(path, TrainSettings, "The comments in configs/train.yaml say what each field takes.")
