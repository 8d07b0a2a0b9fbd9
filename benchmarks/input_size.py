"""Average precision of weights at several input sizes: `python -m benchmarks.input_size WEIGHTS --size 448 --size 640`.

Over exposed_garbage, waste_bin and overflowing_bin, on the proposed validation part of gbs111-cn and on
amsterdam-patrol, which is held out whole; with the photos, NMS and floor of configs/train.yaml.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

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


def main(weights: Path, size: Annotated[list[int], typer.Option()], nms_iou: float | None = None) -> None:
    """Print one row per size."""
    settings = load_train_settings()
    catalogue = load_catalogue()
    collection = labelled_photos(settings.data, catalogue, CONFIGS)
    categories, _ = trainable(collection.part("train"), catalogue, settings.model)
    floor = {"score_floor": settings.detection.evaluation_floor, "iou": nms_iou or settings.detection.nms_iou}
    parts = {
        "gbs111-cn val": [p for p in collection.photos if p.key in collection.proposed_val],
        "amsterdam-patrol": [p for p in collection.part("test") if p.source == "amsterdam-patrol"],
    }
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
            scores = []
            for photos in parts.values():
                found = evaluate(observer.observe_all(photos), _JUDGED)
                scores.append("{:.3f} / {:.3f}".format(*mean(found.values())))
            table.add_row(str(side), *scores)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
