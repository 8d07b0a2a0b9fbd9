"""Our figures against ultralytics' own: `python -m benchmarks.crosscheck [--weights FILE] [--size N] [--source NAME]`.

The same weights on the same photos (the proposed validation part of gbs111-cn, or all photos of a source; garbage,
bins and overflow), judged by our photo path, by our path with one step at a time done as ultralytics does it, with all
of them, and by `YOLO(weights).val` itself. The last two must agree, else the difference is not explained. Every path is
judged by faster-coco-eval and by ultralytics' `ap_per_class`; differences to our path have a paired bootstrap interval.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
import torch
import typer
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from ultralytics import YOLO
from ultralytics.engine.validator import BaseValidator
from ultralytics.nn.tasks import load_checkpoint
from ultralytics.utils.metrics import ap_per_class, box_iou

from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from inference.categories import load_catalogue
from inference.codec import NO_OVERHANG
from inference.detect import detect
from inference.letterbox import InputRecipe, Placement, letterbox
from inference.package import NmsRecipe, load_package
from inference.paths import CONFIGS, MODELS
from inference.photo import Photo, read_photo
from training.evaluation_settings import BootstrapSettings
from training.export import ExportedDetector, load_detector
from training.matching import DetectedPhoto, match
from training.outcomes import IOUS, CategoryOutcome, PhotoOutcome
from training.resampling import Resamples, Sampled
from training.sampling import BoxTable, mean_over
from training.settings import load_train_settings

_JUDGED: Final = ("exposed_garbage", "waste_bin", "overflowing_bin")
_STRIDE, _THEIR_PAD, _THEIR_NMS = 32, 0.5, 0.7
_EXPLAINED: Final = 0.005


@dataclass(frozen=True, slots=True)
class PhotoPath:
    """How a photo becomes boxes; each switch does one step as ultralytics' `val` does it.

    Attributes:
        opencv_decoding: JPEGs decoded at full size by OpenCV.
        linear_resize: Bilinear also when shrinking, which aliases.
        border: Instead of a square, the photo's own shape with a grey border (`rect` with `pad=0.5`): a square of 448
            pixels lies in one of 480.
        nms_iou: Of two boxes of one category overlapping more, the weaker goes.
    """

    opencv_decoding: bool = False
    linear_resize: bool = False
    border: bool = False
    nms_iou: float = 0.6


class Detector:
    """Weights on photos.

    Args:
        weights: An ultralytics checkpoint.
        side: Pixels of the photo's longer side in the model's input.
        nms: Floor and maximum.
    """

    def __init__(self, weights: Path, side: int, nms: NmsRecipe) -> None:
        self._model: ExportedDetector = load_detector(weights)
        self.categories = tuple(load_checkpoint(weights)[0].names.values())
        self._side = side
        self._nms = nms

    def detect_all(self, photos: Sequence[LabelledPhoto], path: PhotoPath) -> list[DetectedPhoto]:
        """Every photo by one path."""
        return [self._detect(photo, path) for photo in photos]

    def _detect(self, labels: LabelledPhoto, path: PhotoPath) -> DetectedPhoto:
        data = labels.path.read_bytes()
        photo = read_photo(data, target_side=self._side, allow_degraded=True)
        if path.opencv_decoding:
            bgr = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)
            photo = replace(photo, rgb=np.ascontiguousarray(bgr[..., ::-1]), overhang=NO_OVERHANG)
        tensor, placement = self._input(photo, path)
        with torch.inference_mode():
            raw = self._model(torch.from_numpy(tensor))[0][0].numpy()
        nms = self._nms.model_copy(update={"iou": path.nms_iou})
        size = (photo.width, photo.height)
        return DetectedPhoto(labels, size, detect(raw, self.categories, nms, placement, size))

    def _input(self, photo: Photo, path: PhotoPath) -> tuple[NDArray[np.float32], Placement]:
        if path.linear_resize:
            photo = replace(photo, rgb=_linear(photo.rgb, self._side), overhang=NO_OVERHANG)
        inner = InputRecipe(width=self._side, height=self._side)
        tensor, placement = letterbox(photo.rgb, inner, photo.width, photo.height, photo.overhang)
        if not path.border:
            return tensor, placement
        rows, columns = photo.rgb.shape[:2]
        longer = max(rows, columns)
        width, height = round(columns / longer * self._side), round(rows / longer * self._side)
        left, top = (self._side - width) // 2, (self._side - height) // 2
        wide, high = (math.ceil(n / longer * self._side / _STRIDE + _THEIR_PAD) * _STRIDE for n in (columns, rows))
        across, down = (wide - width) // 2, (high - height) // 2
        canvas = np.full((1, 3, high, wide), np.float32(inner.fill * inner.scale), dtype=np.float32)
        shown = tensor[:, :, top : top + height, left : left + width]
        canvas[:, :, down : down + height, across : across + width] = shown
        x, y = placement.offset_x - left + across, placement.offset_y - top + down
        return canvas, replace(placement, offset_x=x, offset_y=y)


def _linear(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    scale = side / max(rgb.shape[:2])
    width, height = (min(math.ceil(n * scale), side) for n in rgb.shape[1::-1])  # they round up, we to the nearest
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def coco_means(detected: Sequence[DetectedPhoto], resamples: Resamples) -> tuple[Sampled, Sampled]:
    """(mAP50, mAP50-95) under every resample, by COCO's rule."""
    found = match(detected, _JUDGED)
    outcomes = [_outcome(photo, boxes) for photo, boxes in zip(detected, found, strict=True)]
    precision = [BoxTable.of(outcomes, c, resamples).average_precision(resamples) for c in _JUDGED]
    coco = IOUS.index(0.5)
    return mean_over([p[:, coco] for p in precision]), mean_over([p[:, coco:].mean(axis=1) for p in precision])


def _outcome(photo: DetectedPhoto, found: dict[str, Any]) -> PhotoOutcome:
    """Only what average precision needs."""
    labels = photo.photo
    boxes = {c: sum(box.category == c for box in labels.boxes) for c in found}
    categories = {
        c: CategoryOutcome(
            shows=None, score=0, probability=0, decision=None, strongest=None, boxes=boxes[c], found=found[c]
        )
        for c in found
    }
    return PhotoOutcome(
        key=labels.key,
        source=labels.source,
        group=labels.group,
        width=photo.size_wh[0],
        height=photo.size_wh[1],
        conditions=(),
        clean=False,
        verdict=None,
        answers=(),
        categories=categories,
    )


def ultralytics_means(detected: Sequence[DetectedPhoto]) -> tuple[float, float]:
    """(mAP50, mAP50-95) of the same boxes as ultralytics' `ap_per_class` computes them."""
    validator = BaseValidator.__new__(BaseValidator)  # only its matching is wanted, not its data loading
    validator.iouv = torch.linspace(0.5, 0.95, 10)
    validator.niou = 10
    parts = [np.concatenate(column) for column in zip(*(_matches(d, validator) for d in detected), strict=True)]
    ap = ap_per_class(*parts)[5]
    return float(ap[:, 0].mean()), float(ap.mean())


def _matches(detected: DetectedPhoto, validator: BaseValidator) -> tuple[NDArray[Any], ...]:
    """Per detection: right at each IoU (n, 10), score (n,), class (n,); and the class of each label (m,)."""
    width, height = detected.size_wh
    boxes = [b for b in detected.photo.boxes if b.category in _JUDGED]
    labels = torch.tensor([b.xyxy for b in boxes], dtype=torch.float32).reshape(-1, 4)
    labels *= torch.tensor([width, height, width, height])
    wanted = torch.tensor([_JUDGED.index(b.category) for b in boxes], dtype=torch.long)
    found = detected.detections.where(np.isin(detected.detections.categories, _JUDGED))
    classes = torch.tensor([_JUDGED.index(c) for c in found.categories], dtype=torch.long)
    right = torch.zeros(len(found), validator.niou, dtype=torch.bool)
    if len(found) and boxes:
        right = validator.match_predictions(classes, wanted, box_iou(labels, torch.from_numpy(found.xyxy)))
    return right.numpy(), found.scores, classes.numpy(), wanted.numpy()


def their_val(weights: Path, side: int, photos: Sequence[LabelledPhoto], names: Sequence[str]) -> tuple[float, float]:
    """(mAP50, mAP50-95) as `YOLO(weights).val` says over the judged categories."""
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        data = _as_yolo(Path(folder), photos, names)
        options = {"imgsz": side, "device": "cpu", "workers": 0, "batch": 1, "plots": False, "verbose": False}
        found = YOLO(weights).val(data=str(data), project=folder, **options)
    rows = [list(found.box.ap_class_index).index(names.index(c)) for c in _JUDGED]
    return float(np.mean(found.box.ap50[rows])), float(np.mean(found.box.ap[rows]))


def _as_yolo(folder: Path, photos: Sequence[LabelledPhoto], names: Sequence[str]) -> Path:
    """A data set as ultralytics reads it, with the judged categories' labels; copied, for it mends damaged photos."""
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for number, photo in enumerate(photos):
        (folder / "images" / f"{number:05d}{photo.path.suffix}").write_bytes(photo.path.read_bytes())
        rows = [_row(box.xyxy, names.index(box.category)) for box in photo.boxes if box.category in _JUDGED]
        (folder / "labels" / f"{number:05d}.txt").write_text("\n".join(rows), encoding="utf-8")
    settings = {"path": str(folder), "train": "images", "val": "images", "names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder / "data.yaml"


def _row(xyxy: tuple[float, float, float, float], category: int) -> str:
    x1, y1, x2, y2 = xyxy
    return f"{category} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}"


def main(weights: Path = MODELS / "street-patrol-n" / "weights.pt", size: int = 448, source: str | None = None) -> None:
    """Print one row per path; exit code 1 where a difference is not explained."""
    settings = load_train_settings()
    collection = labelled_photos(settings.data, load_catalogue(), CONFIGS)
    photos = [p for p in collection.photos if (p.source == source if source else p.key in collection.proposed_val)]
    nms = load_package(MODELS / "street-patrol-n").description.nms
    floor = nms.model_copy(update={"score_floor": settings.detection.evaluation_floor})
    detector = Detector(weights, size, floor)
    ours = PhotoPath(nms_iou=nms.iou)
    theirs = PhotoPath(opencv_decoding=True, linear_resize=True, border=True, nms_iou=_THEIR_NMS)
    paths = {
        "our path": ours,
        "their JPEG decoding": replace(ours, opencv_decoding=True),
        "their resize (bilinear)": replace(ours, linear_resize=True),
        "their border": replace(ours, border=True),
        f"their NMS ({_THEIR_NMS})": replace(ours, nms_iou=_THEIR_NMS),
        "all four": theirs,
    }
    resamples = Resamples([p.group for p in photos], BootstrapSettings())
    table = Table("path", "by faster-coco-eval", "to our path, with 95 % interval", "by ultralytics' ap_per_class")
    base: tuple[Sampled, Sampled] | None = None
    last = (0.0, 0.0)
    for name, path in paths.items():
        detected = detector.detect_all(photos, path)
        means, last = coco_means(detected, resamples), ultralytics_means(detected)
        base = base or means
        table.add_row(name, _pair((means[0][0], means[1][0])), _difference(means, base, resamples), _pair(last))
    said = their_val(weights, size, photos, detector.categories)
    table.add_row("YOLO(weights).val", "", "", _pair(said))
    Console().print(table)
    if max(abs(a - b) for a, b in zip(said, last, strict=True)) >= _EXPLAINED:
        raise typer.Exit(1)


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:.4f} / {values[1]:.4f}"


def _difference(means: tuple[Sampled, Sampled], base: tuple[Sampled, Sampled], resamples: Resamples) -> str:
    found = [resamples.estimate(m - b, 1) for m, b in zip(means, base, strict=True)]
    return " / ".join(
        f"{e.value:+.4f}" + ("" if e.lower is None else f" ({e.lower:+.4f} to {e.upper:+.4f})") for e in found
    )


if __name__ == "__main__":
    typer.run(main)
