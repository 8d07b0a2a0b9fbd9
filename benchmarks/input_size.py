"""Average precision of weights at several input sizes: `python -m benchmarks.input_size WEIGHTS --size 448 --size 640`.

Over exposed_garbage, waste_bin and overflowing_bin, on the proposed validation part of gbs111-cn and on
amsterdam-patrol, which is held out whole; with --all also over every category with enough boxes in the validation part,
and over every category in all held-out sources with boxes. Photos, NMS and floor are those of configs/train.yaml.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from inference.categories import load_catalogue
from inference.engine import Engine
from inference.letterbox import InputRecipe
from inference.paths import CONFIGS
from training.evaluate import evaluate, mean
from training.export import export_onnx, load_detector
from training.observe import Observer
from training.selection import trainable
from training.settings import load_train_settings

_JUDGED = ("exposed_garbage", "waste_bin", "overflowing_bin")
_ENOUGH = 16
"""Boxes of a category in the validation part, below which its figure is left out of the mean."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Photos, the categories judged on them, and how many boxes a category needs."""

    photos: list[LabelledPhoto]
    categories: Sequence[str]
    enough: int = 1

    def mean(self, observer: Observer) -> str:
        """mAP50 / mAP50-95, each category counting the same."""
        found = evaluate(observer.observe_all(self.photos), self.categories)
        return "{:.3f} / {:.3f}".format(*mean(m for m in found.values() if m.boxes >= self.enough))


def main(
    weights: Path,
    size: Annotated[list[int], typer.Option()],
    nms_iou: float | None = None,
    *,
    everything: Annotated[bool, typer.Option("--all")] = False,
) -> None:
    """Print one row per size."""
    settings = load_train_settings()
    catalogue = load_catalogue()
    collection = labelled_photos(settings.data, catalogue, CONFIGS)
    categories, _ = trainable(collection.part("train"), catalogue, settings.model)
    floor = {"score_floor": settings.detection.evaluation_floor, "iou": nms_iou or settings.detection.nms_iou}
    test = collection.part("test")
    parts = {
        "gbs111-cn val": _Part([p for p in collection.photos if p.key in collection.proposed_val], _JUDGED),
        "amsterdam-patrol": _Part([p for p in test if p.source == "amsterdam-patrol"], _JUDGED),
    }
    if everything:
        boxed = {p.source for p in test if p.boxes}
        parts[f"val, categories with {_ENOUGH} boxes"] = _Part(collection.part("val"), categories, _ENOUGH)
        parts["held-out sources, all categories"] = _Part([p for p in test if p.source in boxed], categories)
    table = Table("input", *(f"{name}: mAP50 / mAP50-95" for name in parts))
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing remarks about shapes that are fixed on purpose
        for side in size:
            model = Path(folder) / f"{side}.onnx"
            export_onnx(load_detector(weights), side, model)
            recipe = InputRecipe(width=side, height=side)
            observer = Observer(
                Engine(model, "cpu"), categories, recipe, settings.detection.nms.model_copy(update=floor)
            )
            table.add_row(str(side), *(part.mean(observer) for part in parts.values()))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
