"""Checkpoint -> model package: export, parity, calibration, golden outputs, report."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from ultralytics.nn.tasks import load_checkpoint

from datasets.collection import Collection
from datasets.labels import LabelledPhoto, Split
from inference.categories import Catalogue
from inference.engine import Engine
from inference.golden import check_golden, make_golden
from inference.letterbox import InputRecipe
from inference.package import (
    DESCRIPTION,
    GOLDEN,
    MODEL,
    CategoryDecision,
    DataSource,
    ModelDescription,
    SceneHead,
    Trainer,
    TrainingData,
    file_record,
    load_package,
)
from training.evaluation import Evaluation, PhotosToJudge, evaluate_package
from training.evaluation_settings import EvaluationSettings, load_evaluation_settings
from training.export import export_onnx, load_detector
from training.judge import fit_decisions
from training.observe import Observation, Observer
from training.parity import Parity, ParityError, compare
from training.reference import reference_of
from training.report import figures, render
from training.scene import UNRELATED, fit_scene_head
from training.settings import TrainSettings

WEIGHTS = "weights.pt"
REPORT = "report.md"
LICENCE = "AGPL-3.0-or-later"
HELD_OUT: Final[tuple[Split, ...]] = ("val", "test")

Progress = Callable[[str, Iterable[Any]], Iterable[Any]]


def _silent(_: str, items: Iterable[Any]) -> Iterable[Any]:
    return items


@dataclass(frozen=True, slots=True)
class Judged:
    """What the package says about itself beyond the model.

    Attributes:
        decisions: Per category and parent.
        scene: Street-or-not head.
        parity: Exported against trained model.
        val: What was observed on the validation part.
    """

    decisions: dict[str, CategoryDecision]
    scene: SceneHead | None
    parity: Parity
    val: tuple[Observation, ...]


def build_package(
    checkpoint: Path,
    settings: TrainSettings,
    collection: Collection,
    catalogue: Catalogue,
    categories: tuple[str, ...],
    left_out: Mapping[str, str],
    target: Path,
    progress: Progress = _silent,
    evaluation: EvaluationSettings | None = None,
) -> ModelDescription:
    """Make a package from a checkpoint and put it in place of `target` only when every check passed.

    The finished package is judged by the service's own path on the held-out parts; its report and model.json say what
    came of it. `evaluation` says how, by default as configs/evaluate.yaml does.

    Raises:
        ParityError: the exported model does not follow the trained one closely enough.
        PackageError: the finished package does not load.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as staging:
        folder = Path(staging) / "package"
        folder.mkdir()
        recipe = InputRecipe(width=settings.detection.input_size, height=settings.detection.input_size)
        detector = load_detector(checkpoint)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing remarks about shapes that are fixed on purpose
            export_onnx(detector, settings.detection.input_size, folder / MODEL)
        engine = Engine(folder / MODEL, "cpu")
        held_out = [*collection.part("val"), *collection.part("test")]
        paths = [p.path for p in held_out[:: max(1, len(held_out) // settings.parity.photos)]]
        parity = compare(
            detector, engine, paths, categories, recipe, settings.detection.nms, settings.parity.max_score_difference
        )
        _require_parity(parity, settings)
        low = settings.detection.nms.model_copy(update={"score_floor": settings.detection.evaluation_floor})
        observer = Observer(engine, categories, recipe, low)
        judged = _judge(observer, settings, collection, catalogue, categories, parity, progress)
        written = _write(folder, checkpoint, settings, collection, categories, left_out, recipe, engine, judged)
        description = written.model_copy(update={"reference": reference_of(judged.val, written, catalogue)})
        how = evaluation or load_evaluation_settings()
        _write_card(folder, description, _evaluate(folder, collection, catalogue, how, progress), catalogue)
        check_golden(load_package(folder), engine)
        _replace(folder, target)
    return load_package(target).description


def _require_parity(parity: Parity, settings: TrainSettings) -> None:
    limit = settings.parity
    if parity.max_score_difference > limit.max_score_difference or parity.min_iou < limit.min_iou:
        raise ParityError(
            f"exported and trained model differ by {parity.max_score_difference:.5f} in scores "
            f"(at most {limit.max_score_difference}) and {parity.min_iou:.4f} in IoU (at least {limit.min_iou})"
        )


def _judge(
    observer: Observer,
    settings: TrainSettings,
    collection: Collection,
    catalogue: Catalogue,
    categories: tuple[str, ...],
    parity: Parity,
    progress: Progress,
) -> Judged:
    def observe(step: str, photos: Sequence[LabelledPhoto]) -> list[Observation]:
        return observer.observe_all(photos, lambda stream: progress(step, stream))

    val = observe("val", collection.part("val"))
    decisions = fit_decisions(val, categories, catalogue, settings)
    train = collection.part("train")
    streets = [p for p in train if UNRELATED not in p.flags]
    sample = streets[:: max(1, len(streets) // settings.scene.street_sample)]
    others = [p for p in train if UNRELATED in p.flags]
    scene = fit_scene_head([*observe("scene", [*sample, *others]), *val], settings.scene)
    return Judged(decisions, scene, parity, tuple(val))


def _evaluate(
    folder: Path, collection: Collection, catalogue: Catalogue, settings: EvaluationSettings, progress: Progress
) -> list[Evaluation]:
    """The package judged on each held-out part that has photos."""
    parts = {part: collection.part(part) for part in HELD_OUT}
    return [
        evaluate_package(
            folder,
            PhotosToJudge(photos, collection.version, part, collection.stretched),
            catalogue,
            settings,
            progress=partial(progress, f"evaluate {part}"),
        )
        for part, photos in parts.items()
        if photos
    ]


def _write(
    folder: Path,
    checkpoint: Path,
    settings: TrainSettings,
    collection: Collection,
    categories: tuple[str, ...],
    left_out: Mapping[str, str],
    recipe: InputRecipe,
    engine: Engine,
    judged: Judged,
) -> ModelDescription:
    """A package without a report."""
    val = collection.part("val")
    chosen = val[:: max(1, len(val) // max(1, settings.golden.photos))][: settings.golden.photos]
    golden = make_golden(
        engine,
        recipe,
        {p.path.name: p.path for p in chosen},
        settings.golden.score_tolerance,
        settings.golden.pixel_tolerance,
    )
    (folder / GOLDEN).write_text(golden.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _write_weights(checkpoint, folder / WEIGHTS)
    data = TrainingData(version=collection.version, sources=_sources(collection))
    description = ModelDescription(
        schema_version=1,
        name=settings.name,
        version=settings.version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        licence=LICENCE,
        categories=categories,
        input=recipe,
        nms=settings.detection.nms,
        decisions=judged.decisions,
        verdicts=settings.verdicts,
        left_out=dict(left_out),
        scene=judged.scene,
        data=data,
        trainer=_trainer(settings),
        metrics={"parity": asdict(judged.parity)},
        files={name: file_record(folder / name) for name in (MODEL, GOLDEN, WEIGHTS)},
    )
    _write_description(folder, description)
    return description


def _write_card(
    folder: Path, description: ModelDescription, evaluations: Sequence[Evaluation], catalogue: Catalogue
) -> None:
    """report.md, and the same figures in model.json."""
    (folder / REPORT).write_text(render(description, evaluations, catalogue), encoding="utf-8")
    metrics = {**description.metrics, "evaluation": {e.data.part: figures(e) for e in evaluations}}
    files = {**description.files, REPORT: file_record(folder / REPORT)}
    _write_description(folder, description.model_copy(update={"metrics": metrics, "files": files}))


def _write_description(folder: Path, description: ModelDescription) -> None:
    text = json.dumps(description.model_dump(mode="json"), ensure_ascii=False, indent=1)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def _write_weights(checkpoint: Path, target: Path) -> None:
    """The EMA weights alone, in fp16, as any ultralytics continues training from."""
    model, _ = load_checkpoint(checkpoint)
    model.pt_path = WEIGHTS  # where it was read from is nobody's business
    torch.save({"model": model.half(), "epoch": -1, "train_args": {}}, target)


def _sources(collection: Collection) -> tuple[DataSource, ...]:
    count = Counter((p.source, p.split) for p in collection.photos)
    return tuple(
        DataSource(
            name=s.name,
            licence=s.licence,
            attribution=s.attribution,
            train_photos=count[s.name, "train"],
            val_photos=count[s.name, "val"],
            test_photos=count[s.name, "test"],
        )
        for s in collection.sources
    )


def _trainer(settings: TrainSettings) -> Trainer:
    start = settings.model.start  # of the first run; a finishing run starts from its result
    return Trainer(
        name="ultralytics, extended by street-patrol training.trainer",
        version=version("ultralytics"),
        licence="AGPL-3.0",
        start_weights=start.name,
        start_sha256=file_record(start).sha256,
    )


def _replace(folder: Path, target: Path) -> None:
    """Put `folder` in the place of `target`; the old package is kept aside until the new one is in place."""
    aside = folder.parent / "replaced"
    if target.exists():
        target.rename(aside)
    folder.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
