"""Labels that the current model doubts: a box missed, a category swapped, a box badly placed, a tag overlooked.

Only where the labels allow a judgement: a detection where nobody looked for its category says nothing. The scores
follow the idea of Tkachenko et al. (2023), as in cleanlab.object_detection: in [0, 1], of one kind comparable
across photos. They differ in what they compare: each label with the detections that overlap it, rather than with
the most similar one anywhere in the photo (benchmarks/label_errors.py shows what that is worth).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from datasets.box_faults import shown
from datasets.check_settings import SuspicionSettings
from datasets.faults import Fault
from datasets.geometry import covered, iou
from datasets.labels import Box, LabelledPhoto
from datasets.photo_faults import CheckedPhoto
from datasets.predictions import Prediction

Kind = Literal["missed", "swapped", "misplaced"]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A doubt about a photo's labels.

    Attributes:
        kind: `missed`: no box where the model sees one; `swapped`: it sees another category in a box;
            `misplaced`: it sees the box's category elsewhere nearby.
        score: In [0, 1]; higher is more suspicious.
        seen: What the model sees.
        label: The box in doubt; None when it is missing.
    """

    kind: Kind
    score: float
    seen: Prediction
    label: Box | None = None


def suspicions(photo: LabelledPhoto, predictions: Sequence[Prediction], settings: SuspicionSettings) -> list[Suspicion]:
    """Doubts about the boxes of a photo, most suspicious first."""
    swapped = [s for box in photo.boxes if (s := swap(photo, box, predictions, settings))]
    misplaced = [s for box in photo.boxes if (s := misplacement(photo, box, predictions, settings))]
    explained = {id(doubt.seen) for doubt in (*swapped, *misplaced)}
    missed = [
        Suspicion("missed", score, seen)
        for seen in predictions
        if id(seen) not in explained and (score := missing(photo, seen, settings)) > 0
    ]
    return sorted((*swapped, *misplaced, *missed), key=lambda doubt: -doubt.score)


def missing(photo: LabelledPhoto, seen: Prediction, settings: SuspicionSettings) -> float:
    """How sure it is that a detection should have a box, in [0, 1]; 0 where the labels do not say.

    A detection that lies in a box of its category, or around one, is not missing: people box heaps where a model
    boxes bags, and the other way round.
    """
    if seen.category not in _searched(photo) or seen.category in photo.present:
        return 0.0
    best = max((_closeness(seen, box) for box in photo.boxes if box.category == seen.category), default=0.0)
    return seen.score * (1 - best) if best <= settings.missed_overlap else 0.0


def _searched(photo: LabelledPhoto) -> frozenset[str]:
    return photo.exhaustive_for - photo.unsure


def _closeness(seen: Prediction, box: Box) -> float:
    return max(iou(seen.xyxy, box.xyxy), covered(seen.xyxy, box.xyxy) ** 2)


def swap(
    photo: LabelledPhoto, label: Box, predictions: Sequence[Prediction], settings: SuspicionSettings
) -> Suspicion | None:
    """Another category seen in a box, unless it has a box of its own there, or may stand there unlabelled."""
    own = max((p.score * iou(p.xyxy, label.xyxy) for p in predictions if p.category == label.category), default=0.0)
    doubts = [
        Suspicion("swapped", seen.score * overlap * (1 - own), seen, label)
        for seen in predictions
        if seen.category != label.category
        and seen.category in _searched(photo)
        and (overlap := iou(seen.xyxy, label.xyxy)) >= settings.swapped_iou
        and not _has_box(photo, seen, settings)
    ]
    return max(doubts, key=lambda doubt: doubt.score, default=None)


def _has_box(photo: LabelledPhoto, seen: Prediction, settings: SuspicionSettings) -> bool:
    return any(box.category == seen.category and _closeness(seen, box) > settings.missed_overlap for box in photo.boxes)


def misplacement(
    photo: LabelledPhoto, label: Box, predictions: Sequence[Prediction], settings: SuspicionSettings
) -> Suspicion | None:
    """The category of a box seen beside it rather than in it, where no other box accounts for that."""
    same = [p for p in predictions if p.category == label.category]
    fit = max((p.score * iou(p.xyxy, label.xyxy) for p in same), default=0.0)
    others = [box for box in photo.boxes if box.category == label.category and box is not label]
    low, high = settings.placed_iou
    doubts = [
        Suspicion("misplaced", max(0.0, seen.score * (1 - overlap) - fit * overlap), seen, label)
        for seen in same
        if low <= (overlap := iou(seen.xyxy, label.xyxy)) <= high
        and all(iou(seen.xyxy, other.xyxy) < overlap for other in others)
    ]
    return max(doubts, key=lambda doubt: doubt.score, default=None)


def suspicion_faults(
    predicted: Iterable[tuple[CheckedPhoto, Sequence[Prediction]]], settings: SuspicionSettings
) -> Iterator[Fault]:
    """Suspicious labels as findings."""
    for checked, predictions in predicted:
        tags: set[str] = set()
        for doubt in suspicions(checked.photo, predictions, settings):
            if doubt.score < settings.report_from or doubt.seen.score < _needed(doubt, settings):
                continue
            if doubt.kind == "missed" and not checked.photo.boxes:
                if doubt.seen.category not in tags:
                    tags.add(doubt.seen.category)
                    yield _fault(checked, doubt, "tag-overlooked")
                continue
            yield _fault(checked, doubt, f"label-{doubt.kind}")


def _needed(doubt: Suspicion, settings: SuspicionSettings) -> float:
    needed = {
        "missed": settings.missed_score,
        "swapped": settings.swapped_score,
        "misplaced": settings.placed_score,
    }
    return needed[doubt.kind]


def _fault(checked: CheckedPhoto, doubt: Suspicion, code: str) -> Fault:
    seen = doubt.seen
    model = {**shown(Box(seen.category, seen.xyxy), "model"), "score": round(seen.score, 3)}
    boxes = [model] if doubt.label is None else [shown(doubt.label, "suspect"), model]
    labels = [shown(box) for box in checked.photo.boxes if box is not doubt.label]
    category = seen.category if doubt.label is None else doubt.label.category
    texts = {
        "label-missed": f"疑似漏标 / seen with {seen.score:.2f}, but not boxed; add the box, or mark it unsure",
        "label-swapped": f"疑似标错类别 / boxed as {category}, seen as {seen.category} with {seen.score:.2f}",
        "label-misplaced": f"疑似框偏了 / seen beside the box with {seen.score:.2f}; draw it again",
        "tag-overlooked": f"疑似漏打标签 / labelled as not shown, but seen with {seen.score:.2f}",
    }
    details = {"category": category, "boxes": boxes, "labels": labels}
    return checked.fault(code, "warning", texts[code], doubt.score, details)
