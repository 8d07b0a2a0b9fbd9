"""What stock training makes of the same labels: `python -m benchmarks.plain_training [--epochs 8] [--size 480]`.

The yardstick of docs/experiments.md. Every source of the training part goes into one YOLO data set, as anyone would
merge them: what a photo was not searched for counts as background. Then ultralytics' own trainer with stock settings,
from the same starting weights; only what would fetch files is switched off. The best checkpoint by ultralytics' own
validation is exported, calibrated and judged like ours, so that `patrol evaluate` and `patrol gate` can compare the
two packages. A run that was cut off goes on from its last epoch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.console import Console

os.environ.setdefault("YOLO_OFFLINE", "true")  # no font, model or update is ever fetched

from ultralytics import YOLO

from datasets.collection import Collection
from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from inference.categories import load_catalogue
from inference.paths import CONFIGS
from training.build import REPORT, build_package
from training.selection import trainable
from training.settings import load_train_settings


def merge(collection: Collection, categories: Sequence[str], folder: Path) -> Path:
    """Write training and validation part as one YOLO data set; its data.yaml."""
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True, exist_ok=True)
        for photo in collection.part(part):
            _add(photo, categories, folder, part)
    data = {"path": str(folder.resolve()), "train": "images/train", "val": "images/val"}
    (folder / "data.yaml").write_text(yaml.safe_dump({**data, "names": dict(enumerate(categories))}), encoding="utf-8")
    return folder / "data.yaml"


def _add(photo: LabelledPhoto, categories: Sequence[str], folder: Path, part: str) -> None:
    name = photo.key.replace("/", "__")
    picture = folder / "images" / part / name
    picture.unlink(missing_ok=True)
    picture.symlink_to(Path(photo.path).resolve())
    rows = [_row(box.xyxy, categories.index(box.category)) for box in photo.boxes if box.category in categories]
    (folder / "labels" / part / name).with_suffix(".txt").write_text("".join(rows), encoding="utf-8")


def _row(xyxy: Sequence[float], category: int) -> str:
    """A line of a YOLO label file: class, centre and size as fractions."""
    x1, y1, x2, y2 = xyxy
    return f"{category} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}\n"


def train_stock(start: Path, data: Path, runs: Path, **stock: Any) -> Path:
    """Ultralytics' trainer as it comes; the checkpoint it calls best."""
    last, best = runs / "weights" / "last.pt", runs / "weights" / "best.pt"
    if (runs / "done").exists():
        return best
    if last.exists():
        YOLO(str(last)).train(resume=True)
    else:
        switched_off = {"amp": False, "plots": False}  # they fetch a model and a font
        where = {"project": str(runs.parent.resolve()), "name": runs.name, "exist_ok": True}
        YOLO(str(start)).train(data=str(data), device="cpu", **stock, **switched_off, **where)
    (runs / "done").touch()
    return best


def main(
    config: Path = CONFIGS / "train.yaml",
    runs: Path = Path("runs/plain"),
    out: Path = Path("runs/plain-package"),
    epochs: int = 8,
    size: int = 480,
) -> None:
    """Train, write a package to `out` and print its report."""
    settings, catalogue = load_train_settings(config), load_catalogue()
    settings = settings.model_copy(
        update={
            "name": "plain",
            "detection": settings.detection.model_copy(update={"input_size": size}),
        }
    )
    collection = labelled_photos(settings.data, catalogue, config.parent)
    categories, left_out = trainable(collection.part("train"), catalogue, settings.model)
    data = merge(collection, categories, runs / "data")
    best = train_stock(settings.model.start, data, runs, epochs=epochs, imgsz=size)
    build_package(best, settings, collection, catalogue, tuple(categories), left_out, out)
    Console().print((out / REPORT).read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
