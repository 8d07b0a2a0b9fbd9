"""Does the check find planted label errors, and better than cleanlab? `python -m benchmarks.label_errors [--data DIR]`.

On the validation photos of a source, 5 % of the labels are dropped, given another category, or shifted, one kind at a
time and several times by seed; both ways of scoring see the same predictions. AUC: how often an altered label (or, for
dropped boxes, a photo that lost one) is more suspicious than an untouched one. Labels that were wrong before count as
untouched, for both.

Exit codes: 0 done, 2 bad usage or input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal

import numpy as np
import typer
from cleanlab.object_detection import rank
from numpy.typing import NDArray
from rich.table import Table
from sklearn.metrics import roc_auc_score

from datasets.check_settings import SuspicionSettings, load_check_settings
from datasets.fingerprint_cache import Facts
from datasets.geometry import within
from datasets.labels import Box, LabelledPhoto
from datasets.photo_faults import CheckedPhoto
from datasets.predictions import Prediction, Predictor
from datasets.source import read_source
from datasets.split import proposed_split
from datasets.suspicions import misplacement, missing, swap
from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.package import file_record
from inference.paths import MODELS
from inference.printer import Printer

Kind = Literal["dropped", "swapped", "shifted"]
KINDS: Final[tuple[Kind, ...]] = ("dropped", "swapped", "shifted")
_PIXELS: Final = 640.0  # cleanlab measures distances in pixels
_SHIFT: Final = (0.3, 0.5)  # of width and height


@dataclass(frozen=True, slots=True)
class Altered:
    """Photos with planted errors.

    Attributes:
        photos: All photos, some altered.
        boxes: For each photo, whether each of its boxes was altered.
        lost: For each photo, whether it lost a box.
    """

    photos: list[LabelledPhoto]
    boxes: list[list[bool]]
    lost: list[bool]


def planted(photos: Sequence[LabelledPhoto], kind: Kind, share: float, random: np.random.Generator) -> Altered:
    """Alter a share of all labels in one way."""
    categories = sorted({box.category for photo in photos for box in photo.boxes})
    result = Altered([], [], [])
    for photo in photos:
        hit = random.random(len(photo.boxes)) < share
        boxes: list[Box] = []
        altered: list[bool] = []
        for box, is_hit in zip(photo.boxes, hit.tolist(), strict=True):
            if is_hit and kind == "dropped":
                continue
            boxes.append(_altered(box, kind, categories, random) if is_hit else box)
            altered.append(is_hit)
        result.photos.append(replace(photo, boxes=tuple(boxes)))
        result.boxes.append(altered)
        result.lost.append(bool(hit.any()) and kind == "dropped")
    return result


def _altered(box: Box, kind: Kind, categories: Sequence[str], random: np.random.Generator) -> Box:
    if kind == "swapped":
        return Box(str(random.choice([c for c in categories if c != box.category])), box.xyxy)
    x1, y1, x2, y2 = box.xyxy
    across, down = (
        (far - near) * float(random.uniform(*_SHIFT) * random.choice([-1, 1])) for near, far in ((x1, x2), (y1, y2))
    )
    moved = within((x1 + across, y1 + down, x2 + across, y2 + down))
    return Box(box.category, moved) if moved[0] < moved[2] and moved[1] < moved[3] else box


def our_scores(
    altered: Altered, predictions: Sequence[Sequence[Prediction]], settings: SuspicionSettings, kind: Kind
) -> list[float]:
    """One score a box, or for dropped boxes one a photo; higher is more suspicious."""
    scores: list[float] = []
    for photo, seen in zip(altered.photos, predictions, strict=True):
        if kind == "dropped":
            scores.append(max((missing(photo, one, settings) for one in seen), default=0.0))
            continue
        doubt = swap if kind == "swapped" else misplacement
        scores += [found.score if (found := doubt(photo, box, seen, settings)) else 0.0 for box in photo.boxes]
    return scores


def cleanlab_scores(
    altered: Altered, predictions: Sequence[Sequence[Prediction]], categories: Sequence[str], kind: Kind
) -> list[float]:
    """The same by cleanlab, turned so that higher is more suspicious."""
    score: dict[Kind, Callable[..., list[NDArray[np.float64]]]] = {
        "dropped": rank.compute_overlooked_box_scores,
        "swapped": rank.compute_swap_box_scores,
        "shifted": rank.compute_badloc_box_scores,
    }
    found = score[kind](
        labels=[_cleanlab_label(photo, categories) for photo in altered.photos],
        predictions=[_cleanlab_prediction(seen, categories) for seen in predictions],
    )
    if kind == "dropped":
        return [1 - float(np.nanmin(values, initial=1.0)) for values in found]
    return [1 - float(value) for values in found for value in values]


def _cleanlab_label(photo: LabelledPhoto, categories: Sequence[str]) -> dict[str, Any]:
    boxes = np.array([box.xyxy for box in photo.boxes], dtype=np.float64).reshape(-1, 4) * _PIXELS
    return {"bboxes": boxes, "labels": np.array([categories.index(box.category) for box in photo.boxes], dtype=int)}


def _cleanlab_prediction(seen: Sequence[Prediction], categories: Sequence[str]) -> NDArray[np.object_]:
    rows = [
        np.array([[*(v * _PIXELS for v in p.xyxy), p.score] for p in seen if p.category == c]).reshape(-1, 5)
        for c in categories
    ]
    found = np.empty(len(rows), dtype=object)
    found[:] = rows
    return found


def measured(
    photos: Sequence[LabelledPhoto], predictions: Sequence[Sequence[Prediction]], share: float, seeds: int
) -> dict[Kind, tuple[list[float], list[float], int]]:
    """Kind -> (our AUC by seed, cleanlab's, errors planted in all)."""
    settings = load_check_settings().suspicions
    known = {p.category for seen in predictions for p in seen}
    categories = sorted(known | {box.category for photo in photos for box in photo.boxes})
    results: dict[Kind, tuple[list[float], list[float], int]] = {}
    for kind in KINDS:
        ours, theirs, errors = [], [], 0
        for seed in range(seeds):
            altered = planted(photos, kind, share, np.random.default_rng(seed))
            truth = altered.lost if kind == "dropped" else [hit for boxes in altered.boxes for hit in boxes]
            errors += sum(truth)
            ours.append(float(roc_auc_score(truth, our_scores(altered, predictions, settings, kind))))
            theirs.append(float(roc_auc_score(truth, cleanlab_scores(altered, predictions, categories, kind))))
        results[kind] = (ours, theirs, errors)
    return results


def main(
    data: Annotated[Path, typer.Option(help="Folder of sources.")] = Path("../shared/data"),
    source: str = "gbs111-cn",
    model: Annotated[Path, typer.Option(help="Model package.")] = MODELS / "street-patrol-n",
    share: float = 0.05,
    seeds: int = 5,
    cache: Annotated[Path | None, typer.Option(help="File to keep predictions in.")] = None,
) -> None:
    """AUC of finding planted errors, by kind."""
    printer, catalogue = Printer(), load_catalogue()
    parts = proposed_split(data / source / "splits.json")
    if not parts:
        printer.error(f"{data / source}: no splits.json there; name a source that proposes validation photos")
        raise typer.Exit(2)
    chosen = [p for p in read_source(data / source, catalogue).photos if parts.get(p.path.name) == "val"]
    floor = load_check_settings().suspicions.score_floor
    classifier = Classifier.load(model, catalogue)
    checked = [CheckedPhoto(p, Facts(sha256=file_record(p.path).sha256)) for p in chosen]
    with (
        TemporaryDirectory() as folder,
        Predictor(classifier, cache or Path(folder) / "predictions.sqlite", floor) as predictor,
        printer.progress("predictions", len(checked)) as advance,
    ):
        seen = [found for _, found in predictor.predictions(checked, advance)]
    table = Table("error", "planted", "ours AUC", "cleanlab AUC", "ours better in", caption=f"{len(chosen)} photos")
    for kind, (ours, theirs, errors) in measured(chosen, seen, share, seeds).items():
        wins = sum(a > b for a, b in zip(ours, theirs, strict=True))
        row = (f"{np.mean(ours):.3f} ± {np.std(ours):.3f}", f"{np.mean(theirs):.3f} ± {np.std(theirs):.3f}")
        table.add_row(kind, str(errors), *row, f"{wins} of {seeds}")
    printer.table(table)


if __name__ == "__main__":
    typer.run(main)
