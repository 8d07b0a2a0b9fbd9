"""The whole way from labelled photos to a model package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasets.collection import Collection
from datasets.load_version import labelled_photos
from inference.categories import Catalogue
from inference.errors import PatrolError
from inference.package import ModelDescription
from training.build import Progress, build_package
from training.selection import trainable
from training.settings import TrainSettings
from training.trainer import TrainingSet, train


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came of a run.

    Attributes:
        collection: The data it used.
        checkpoint: The last checkpoint.
        description: The package's model.json.
    """

    collection: Collection
    checkpoint: Path
    description: ModelDescription


def run(
    settings: TrainSettings,
    base: Path,
    catalogue: Catalogue,
    runs: Path,
    target: Path,
    on_step: Callable[[str], None],
    on_photos: Progress,
) -> TrainingReport:
    """Collect, train (or go on training), export, calibrate, write the package.

    Args:
        settings: The recipe.
        base: Folder that files named in the recipe's data part are relative to.
        catalogue: All categories.
        runs: Folder of checkpoints; a run that was cut off goes on from its last epoch.
        target: The package's folder, replaced only when the new package passed its checks.
        on_step: Told the name of each step.
        on_photos: Wraps the observation of photos, for progress.

    Raises:
        PatrolError: labels, recipe or the finished model are not usable, with the reason.
    """
    _require_start(settings.model.start)
    on_step("读取标注 / reading labels")
    collection = labelled_photos(settings.data, catalogue, base)
    categories, left_out = trainable(collection.part("train"), catalogue, settings.model)
    on_step("训练 / training")
    data = TrainingSet(collection.part("train"), categories, collection.stretched)
    checkpoint = train(settings, data, runs, lambda done, of: on_step(f"训练 / training: {done}/{of}"))
    on_step("导出与校准 / export and calibration")
    description = build_package(
        checkpoint, settings, collection, catalogue, tuple(categories), left_out, target, on_photos
    )
    return TrainingReport(collection, checkpoint, description)


def _require_start(start: Path) -> None:
    """Refuse a missing file before an hour is spent, and before ultralytics looks for it elsewhere."""
    if not start.is_file():
        raise PatrolError(
            f"model.start in train.yaml names {start}, which does not exist (seen from {Path.cwd()}). "
            "Name an ultralytics checkpoint, or continue from the shipped models/street-patrol-n/weights.pt"
        )
