"""The model package: a folder that describes itself (model.json) and its loader, which believes nothing unchecked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.errors import PatrolError
from inference.letterbox import InputRecipe

SCHEMA = 1
DESCRIPTION = "model.json"
MODEL = "model.onnx"
GOLDEN = "golden.json"

Unit = Annotated[float, Field(ge=0, le=1)]


class PackageError(PatrolError):
    """A model package that must not be used, with the reason."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NmsRecipe(_Strict):
    """How candidates become detections.

    Attributes:
        score_floor: Weaker candidates are dropped.
        iou: Of two boxes of one category that overlap more, the weaker is dropped.
        max_detections: The strongest that are kept per photo.
    """

    score_floor: Annotated[float, Field(gt=0, lt=1)]
    iou: Annotated[float, Field(gt=0, lt=1)]
    max_detections: Annotated[int, Field(ge=1)]


class Calibration(_Strict):
    """Photo score -> probability: sigmoid(slope * logit(score) + intercept), after Platt (1999).

    Attributes:
        slope: Positive, so that a higher score is never less probable.
        intercept: Shift in log-odds.
        fitted_on: `category` or `pooled` (over all categories).
        pooled_because: Why it is not fitted on the category's own photos; None where it is, and in older packages.
    """

    slope: Annotated[float, Field(gt=0)]
    intercept: float
    fitted_on: Literal["category", "pooled"]
    pooled_because: str | None = None


class Evidence(_Strict):
    """What a threshold's promise rests on, measured on held-out photos.

    Attributes:
        precision: Share of photos at or above the threshold that show the category.
        lower_bound: Its lower confidence bound.
        recall: Share of the photos showing the category that are at or above the threshold.
        support: Photos at or above the threshold.
    """

    precision: Unit
    lower_bound: Unit
    recall: Unit
    support: Annotated[int, Field(ge=0)]


class CategoryDecision(_Strict):
    """How one category (or roll-up parent) is decided.

    Attributes:
        calibration: Photo score to probability.
        suggest: Probability from which it is suggested; None: never.
        prefill: Probability from which it is pre-filled; None: demoted, see `demoted`.
        demoted: Why it is not pre-filled, or None.
        evidence: For the prefill threshold, or for the suggest threshold where there is no other.
        positives: Held-out photos that show it.
        negatives: Held-out photos verified not to show it.
    """

    calibration: Calibration
    suggest: Unit | None
    prefill: Unit | None
    demoted: str | None
    evidence: Evidence | None
    positives: Annotated[int, Field(ge=0)]
    negatives: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> CategoryDecision:
        if self.prefill is None and self.demoted is None:
            raise ValueError("a category without a prefill threshold must say why in `demoted`")
        if self.prefill is not None and (self.suggest is None or self.prefill < self.suggest):
            raise ValueError(f"prefill threshold {self.prefill} is below the suggest threshold {self.suggest}")
        return self


class VerdictRecipe(_Strict):
    """When a photo without suggestions is still worth a look, and when it shows nothing at all.

    Attributes:
        uncertain_ratio: A category reaching this share of its suggest threshold makes the photo `uncertain`.
        min_contrast: Standard deviation of grey values (0 to 255) below which a photo is `unusable`.
        min_sharpness: Variance of the Laplacian of the 256-pixel thumbnail below which it is.
    """

    uncertain_ratio: Annotated[float, Field(gt=0, le=1)]
    min_contrast: Annotated[float, Field(ge=0)]
    min_sharpness: Annotated[float, Field(ge=0)]


class SceneHead(_Strict):
    """Logistic regression on the model's embedding: is this a street scene at all?

    Attributes:
        weights: One per embedding value.
        bias: Added to their product.
        unrelated_below: Street probability under which a photo without suggestions is called unrelated.
        evidence: Share of held-out street photos called unrelated, share of unrelated ones recognised.
    """

    weights: tuple[float, ...]
    bias: float
    unrelated_below: Unit
    evidence: dict[str, float]


class DataSource(_Strict):
    """A source of training photos and its papers."""

    name: str
    licence: str
    attribution: str
    train_photos: int
    val_photos: int
    test_photos: int


class TrainingData(_Strict):
    """What the model was trained and fitted on."""

    version: str
    sources: tuple[DataSource, ...]


class Trainer(_Strict):
    """What trained it, under which licence."""

    name: str
    version: str
    licence: str
    start_weights: str
    start_sha256: str


class Reference(_Strict):
    """What the model answers on held-out photos: live answers are compared with it, to notice drift.

    Attributes:
        photos: How many photos.
        nothing: Of these, how many get no suggestion.
        suggested: Category -> photos for which it is suggested, by tenth of the probability (10 counts, ascending).
    """

    photos: Annotated[int, Field(ge=0)]
    nothing: Annotated[int, Field(ge=0)]
    suggested: dict[str, Annotated[tuple[int, ...], Field(min_length=10, max_length=10)]]


class FileRecord(_Strict):
    """Size and hash of a file of the package."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: int


class ModelDescription(_Strict):
    """model.json."""

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    version: str
    created: str
    licence: str
    categories: tuple[str, ...]
    input: InputRecipe
    nms: NmsRecipe
    decisions: dict[str, CategoryDecision]
    verdicts: VerdictRecipe
    left_out: dict[str, str]
    scene: SceneHead | None
    reference: Reference | None = None
    data: TrainingData
    trainer: Trainer
    metrics: dict[str, Any]
    files: dict[str, FileRecord]

    @model_validator(mode="after")
    def _consistent(self) -> ModelDescription:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories are not unique")
        for name in (MODEL, GOLDEN):
            if name not in self.files:
                raise ValueError(f"files does not list {name}")
        for name in self.files:
            if name in ("", ".", "..") or {"/", "\\", ":"} & set(name):
                raise ValueError(
                    f"files lists {name!r}, but a package's files lie in its own folder: name them plainly"
                )
        return self


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A package whose description and hashes were checked.

    Attributes:
        folder: Where it lies.
        description: model.json.
    """

    folder: Path
    description: ModelDescription

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    def golden(self) -> dict[str, Any]:
        """golden.json, see `inference.golden`."""
        found: dict[str, Any] = json.loads((self.folder / GOLDEN).read_text(encoding="utf-8"))
        return found


def file_record(path: Path) -> FileRecord:
    """Hash and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(sha256=digest, bytes=path.stat().st_size)


def load_package(folder: Path) -> ModelPackage:
    """A package with its schema and every file's hash checked; golden outputs are checked by `inference.golden`.

    Raises:
        PackageError: saying which file or key is wrong, and how.
    """
    description = read_description(folder)
    _check_files(folder, description)
    return ModelPackage(folder, description)


def read_description(folder: Path) -> ModelDescription:
    """What a package says about itself, before any of it is checked.

    Raises:
        PackageError: saying which key is wrong, and how.
    """
    path = folder / DESCRIPTION
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PackageError(f"{folder} is no model package: {DESCRIPTION} is missing") from error
    except ValueError as error:
        raise PackageError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(raw, dict) or raw.get("schema_version") != SCHEMA:
        found = raw.get("schema_version") if isinstance(raw, dict) else None
        raise PackageError(f"{path}: schema_version is {found!r}, this program reads {SCHEMA}; use a matching release")
    try:
        return ModelDescription.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or DESCRIPTION}: {e['msg']}" for e in error.errors())
        raise PackageError(f"{path}: {wrong}") from error


def _check_files(folder: Path, description: ModelDescription) -> None:
    for name, expected in description.files.items():
        path = folder / name
        if not path.is_file():
            raise PackageError(f"{folder}: {name} is listed in {DESCRIPTION} but missing; copy the whole package again")
        found = file_record(path)
        if found != expected:
            raise PackageError(
                f"{path}: {found.bytes} bytes with sha256 {found.sha256[:12]}..., but {DESCRIPTION} says "
                f"{expected.bytes} bytes with {expected.sha256[:12]}...; the file was changed or damaged"
            )
