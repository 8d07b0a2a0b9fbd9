"""A model package judged on labelled photos: the record that reports are made from and that gates compare.

Two evaluations of the same photos with the same settings can be compared pairwise: `Resamples` of the same groups and
seed are the same, `training.sampling` gives a figure under every one of them, and the differences have an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from datasets.labels import LabelledPhoto, Split
from inference.categories import Catalogue
from inference.classify import Classifier
from inference.engine import Provider
from inference.errors import PatrolError
from inference.package import MODEL, ModelDescription
from training.answered import AnsweredPhoto, Answerer
from training.evaluation_settings import EvaluationSettings
from training.measures import Count, Measures
from training.measuring import Measurer
from training.outcome_table import OutcomeTable, shown_from
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
        seen_in_fitting: Whether thresholds and calibration of the package were fitted on some of these photos: then
            figures at its thresholds are a little kind.
        seen_in_training: Whether the model was trained on some of them: then no figure says anything about new photos.
    """

    version: str
    part: str
    photos: Count
    seen_in_fitting: bool
    seen_in_training: bool = False


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


@dataclass(frozen=True, slots=True)
class PhotosToJudge:
    """Labelled photos and what they are called.

    Attributes:
        photos: The photos.
        version: Data version they come from.
        part: `val`, `test`, or whatever the caller chose.
        stretched: Sources whose photos lost their aspect ratio.
    """

    photos: Sequence[LabelledPhoto]
    version: str
    part: str
    stretched: frozenset[str] = frozenset()

    def holds(self, split: Split) -> bool:
        """Whether any of the photos is of a split."""
        return any(photo.split == split for photo in self.photos)


Progress = Callable[[Iterable[AnsweredPhoto]], Iterable[AnsweredPhoto]]


def evaluate_package(
    package: Path,
    data: PhotosToJudge,
    catalogue: Catalogue,
    settings: EvaluationSettings,
    provider: Provider | Literal["auto"] = "cpu",
    progress: Progress = iter,
) -> Evaluation:
    """Judge a package by the path that service and scan use, at its own recipe.

    Args:
        package: The model package.
        data: What to judge it on.
        catalogue: The categories.
        settings: How to judge.
        provider: What runs the model; the CPU by default, since its figures are the same on every machine.
        progress: Wraps the answered photos as they come.

    Raises:
        EvaluationError: there is no photo, or none that can be read.
        PackageError: the package must not be used.
        EngineError: the provider is not to be had.
    """
    if not data.photos:
        raise EvaluationError(f"data version {data.version} has no photos in part {data.part!r}; choose another --part")
    classifier = Classifier.load(package, catalogue, provider)
    photos = sorted(data.photos, key=lambda p: p.key)
    answered = list(progress(Answerer(classifier, settings, data.stretched).answer_all(photos)))
    return _evaluation(classifier, data, answered, settings)


def _evaluation(
    classifier: Classifier, data: PhotosToJudge, answered: Sequence[AnsweredPhoto], settings: EvaluationSettings
) -> Evaluation:
    description, catalogue = classifier.package.description, classifier.catalogue
    outcomes = OutcomeTable(description, catalogue).outcomes(answered)
    readable = [p for p in outcomes if p.error is None]
    if not readable:
        raise EvaluationError(f"none of the {len(outcomes)} photos can be read: {outcomes[0].key}: {outcomes[0].error}")
    categories = judged_categories(description, catalogue, settings)
    measurer = Measurer(readable, categories, settings)
    sources = sorted({p.source for p in readable})
    conditions = sorted({c for p in readable for c in p.conditions})
    return Evaluation(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=JudgedModel(
            name=description.name,
            version=description.version,
            data_version=description.data.version,
            sha256=description.files[MODEL].sha256,
            provider=classifier.engine.provider,
        ),
        data=JudgedData(
            version=data.version,
            part=data.part,
            photos=len(outcomes),
            seen_in_fitting=data.holds("val") and data.version == description.data.version,
            seen_in_training=data.holds("train") and data.version == description.data.version,
        ),
        settings=settings,
        categories=categories,
        whole=measurer.measure(readable),
        sources={s: measurer.measure([p for p in readable if p.source == s]) for s in sources},
        conditions={c: measurer.measure([p for p in readable if c in p.conditions]) for c in conditions},
        photos=tuple(outcomes),
    )


def judged_categories(
    description: ModelDescription, catalogue: Catalogue, settings: EvaluationSettings
) -> dict[str, JudgedCategory]:
    """What a package does with each of its categories and parents."""
    return {
        c: JudgedCategory(
            name_zh=catalogue[c].name_zh,
            name_en=catalogue[c].name_en,
            role=catalogue[c].role,
            amorphous=c in settings.amorphous,
            suggest=decision.suggest,
            prefill=decision.prefill,
            shown_from=shown_from(decision, description.nms.score_floor),
        )
        for c, decision in description.decisions.items()
    }
