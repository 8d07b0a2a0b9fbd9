"""A few real labelled photos as a folder that `patrol retrain` takes, and recipes that train on them in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import yaml

from datasets.source import SourceOptions, read_source
from inference.categories import load_catalogue
from inference.package import load_package
from inference.paths import CONFIGS, MODELS
from tests.shared import shared

SHIPPED = MODELS / "street-patrol-n"
KEPT = ("overflowing_bin", "exposed_garbage", "waste_bin")


def write_labels(folder: Path, photos: slice) -> Path:
    """Some photos of gbs111-cn, smaller, with COCO labels of three categories."""
    source = read_source(shared("data", "gbs111-cn"), load_catalogue(), SourceOptions())
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, photo in enumerate(source.photos[photos], start=1):
        pixels = cv2.resize(cv2.imread(str(photo.path)), (320, 320), interpolation=cv2.INTER_AREA)  # type: ignore[arg-type]
        cv2.imwrite(str(folder / "images" / f"{folder.name}-{number:03}.jpg"), pixels)
        images.append({"id": number, "file_name": f"{folder.name}-{number:03}.jpg", "width": 320, "height": 320})
        for box in (b for b in photo.boxes if b.category in KEPT):
            x1, y1, x2, y2 = (320 * value for value in box.xyxy)
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": KEPT.index(box.category) + 1}
            annotations.append({**row, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(KEPT, start=1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(document), "utf-8")
    papers = {"licence": "CC BY 4.0", "attribution": "gbs111-cn", "exhaustive_for": list(KEPT)}
    (folder / "SOURCE.json").write_text(json.dumps(papers), "utf-8")
    return folder


def write_recipe(target: Path) -> Path:
    """configs/train.yaml, for one short epoch at 160 pixels, which changes the start weights little."""
    recipe = yaml.safe_load((CONFIGS / "train.yaml").read_text("utf-8"))
    recipe["model"] |= {
        "start": str(shared("weights", "yolo11n.pt")),
        "min_exhaustive_photos": 10,
        "min_train_boxes": 1,
    }
    quick = {"image_size": 160, "batch": 8, "nominal_batch": 8, "epochs": 1, "hours": None, "workers": 0}
    recipe["training"] |= {**quick, "finish": None, "close_mosaic": 1, "precision": "fp32", "learning_rate": 1e-5}
    recipe["detection"] |= {"input_size": 160}
    recipe["parity"] |= {"photos": 4}
    recipe["golden"] |= {"photos": 1}
    target.write_text(yaml.safe_dump(recipe, allow_unicode=True), "utf-8")
    return target


def write_gate(target: Path, **changes: object) -> Path:
    """configs/gate.yaml, for a model that knows three categories only."""
    dropped = [c for c in load_package(SHIPPED).description.categories if c not in KEPT]
    parents = ["garbage", "disorderly_parking", "street_trading"]
    settings = {"resamples": 200, "may_be_dropped": [*dropped, *parents], **changes}
    target.write_text(yaml.safe_dump(settings), "utf-8")
    return target
