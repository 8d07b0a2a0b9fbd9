"""The same detections judged by two kept libraries: `python -m benchmarks.crosscheck [--model DIR]`.

faster-coco-eval (what report.md uses) and ultralytics' own `ap_per_class`, on the proposed validation part of
gbs111-cn, over garbage, bins and overflow. Their interpolation and matching differ a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from ultralytics.engine.validator import BaseValidator
from ultralytics.utils.metrics import ap_per_class, box_iou

from datasets.load_version import labelled_photos
from inference.categories import load_catalogue
from inference.engine import Engine
from inference.package import load_package
from inference.paths import CONFIGS, MODELS
from training.evaluate import evaluate, mean
from training.observe import Observation, Observer
from training.settings import load_train_settings

_JUDGED = ("exposed_garbage", "waste_bin", "overflowing_bin")


def _matches(observation: Observation, validator: BaseValidator) -> tuple[NDArray[Any], ...]:
    """Per detection: right at each IoU (n, 10), score (n,), class (n,); and the class of each label (m,)."""
    width, height = observation.size_wh
    boxes = [b for b in observation.photo.boxes if b.category in _JUDGED]
    labels = torch.tensor([b.xyxy for b in boxes], dtype=torch.float32).reshape(-1, 4)
    labels *= torch.tensor([width, height, width, height])
    wanted = torch.tensor([_JUDGED.index(b.category) for b in boxes], dtype=torch.long)
    found = observation.detections.where(np.isin(observation.detections.categories, _JUDGED))
    classes = torch.tensor([_JUDGED.index(c) for c in found.categories], dtype=torch.long)
    right = torch.zeros(len(found), validator.niou, dtype=torch.bool)
    if len(found) and boxes:
        right = validator.match_predictions(classes, wanted, box_iou(labels, torch.from_numpy(found.xyxy)))
    return right.numpy(), found.scores, classes.numpy(), wanted.numpy()


def ultralytics_mean(observations: Sequence[Observation]) -> tuple[float, float]:
    """(mAP50, mAP50-95) as ultralytics computes them."""
    validator = BaseValidator.__new__(BaseValidator)  # only its matching is wanted, not its data loading
    validator.iouv = torch.linspace(0.5, 0.95, 10)
    validator.niou = 10
    parts = [np.concatenate(column) for column in zip(*(_matches(o, validator) for o in observations), strict=True)]
    ap = ap_per_class(*parts)[5]
    return float(ap[:, 0].mean()), float(ap.mean())


def main(model: Path = MODELS / "street-patrol-n") -> None:
    """Print both."""
    settings = load_train_settings()
    description = load_package(model).description
    collection = labelled_photos(settings.data, load_catalogue(), CONFIGS)
    floor = description.nms.model_copy(update={"score_floor": settings.detection.evaluation_floor})
    observer = Observer(Engine(model / "model.onnx", "cpu"), description.categories, description.input, floor)
    seen = observer.observe_all([p for p in collection.photos if p.key in collection.proposed_val])
    table = Table("judged by", "mAP50", "mAP50-95")
    for name, (map50, map_) in (
        ("faster-coco-eval", mean(evaluate(seen, _JUDGED).values())),
        ("ultralytics", ultralytics_mean(seen)),
    ):
        table.add_row(name, f"{map50:.4f}", f"{map_:.4f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
