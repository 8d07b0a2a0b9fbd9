"""The worst false alarms and misses of an evaluation, as pictures inside the page."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.labels import LabelledPhoto
from inference.photo import PhotoError, read_photo
from training.evaluation import Evaluation
from training.evaluation_settings import GallerySettings
from training.evaluation_tables import short
from training.outcomes import CategoryOutcome, PhotoOutcome


@dataclass(frozen=True, slots=True)
class Mistake:
    """A category that was wrongly said or not said of a photo.

    Attributes:
        photo: What came of the photo.
        category: Which.
        outcome: Its outcome there.
        weight: How bad, for sorting.
    """

    photo: PhotoOutcome
    category: str
    outcome: CategoryOutcome
    weight: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A box on a picture, in per cent of its size; `role` is `label` or `model`."""

    left: float
    top: float
    width: float
    height: float
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A mistake to look at.

    Attributes:
        uri: The picture as a data URI; empty where it cannot be shown.
        width: Its pixels.
        height: Its pixels.
        name: Key of the photo.
        category: Chinese name of the category.
        said: What the service made of it.
        frames: Boxes.
    """

    uri: str
    width: int
    height: int
    name: str
    category: str
    said: str
    frames: tuple[Frame, ...]


def false_alarms(evaluation: Evaluation) -> list[Mistake]:
    """Problem categories said of photos known not to show them, the surest first."""
    wrong = (m for m in _problems(evaluation) if m.outcome.shows is False and m.outcome.decision is not None)
    return _worst(wrong, evaluation.settings.gallery)


def misses(evaluation: Evaluation, photos: Mapping[str, LabelledPhoto]) -> list[Mistake]:
    """Problem categories that are suggested at all but were not said of photos that show them, the largest first."""
    missed = (
        Mistake(m.photo, m.category, m.outcome, _share(photos.get(m.photo.key), m.category))
        for m in _problems(evaluation)
        if m.outcome.shows and m.outcome.decision is None
    )
    return _worst(missed, evaluation.settings.gallery)


def pictures(
    mistakes: Iterable[Mistake], evaluation: Evaluation, photos: Mapping[str, LabelledPhoto]
) -> Iterator[Picture]:
    """Pictures of mistakes whose photos are at hand."""
    for mistake in mistakes:
        photo = photos.get(mistake.photo.key)
        if photo is not None:
            yield _picture(mistake, photo, evaluation)


def _problems(evaluation: Evaluation) -> Iterator[Mistake]:
    for photo in evaluation.photos:
        for category, outcome in photo.categories.items():
            judged = evaluation.categories[category]
            if judged.role == "problem" and judged.suggest is not None:
                yield Mistake(photo, category, outcome, outcome.probability)


def _worst(mistakes: Iterable[Mistake], settings: GallerySettings) -> list[Mistake]:
    taken: Counter[str] = Counter()
    chosen: list[Mistake] = []
    for mistake in sorted(mistakes, key=lambda m: (-m.weight, m.photo.key, m.category)):
        if len(chosen) < settings.photos and taken[mistake.category] < settings.per_category:
            taken[mistake.category] += 1
            chosen.append(mistake)
    return chosen


def _share(photo: LabelledPhoto | None, category: str) -> float:
    """Share of the photo that the category's largest labelled box covers."""
    boxes = [box.xyxy for box in photo.boxes if box.category == category] if photo is not None else []
    return max(((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes), default=0.0)


def _picture(mistake: Mistake, photo: LabelledPhoto, evaluation: Evaluation) -> Picture:
    uri, width, height = _shrunk(photo, evaluation.settings.gallery)
    judged = evaluation.categories[mistake.category]
    name = short(judged.name_zh)
    outcome = mistake.outcome
    labels = [_frame(b.xyxy, "label", name) for b in photo.boxes if b.category == mistake.category]
    model = [_frame(outcome.strongest, "model", f"{name} {outcome.score:.2f}")] if outcome.strongest else []
    decision = {"prefill": "预填 pre-filled", "suggest": "建议 suggested", None: "未提出 not said"}[outcome.decision]
    said = f"{decision}, p {outcome.probability:.2f}"
    return Picture(uri, width, height, photo.key, f"{name} {judged.name_en}", said, (*labels, *model))


def _frame(xyxy: tuple[float, float, float, float], role: str, text: str) -> Frame:
    x1, y1, x2, y2 = (round(100 * value, 2) for value in xyxy)
    return Frame(x1, y1, round(x2 - x1, 2), round(y2 - y1, 2), role, text)


def _shrunk(photo: LabelledPhoto, settings: GallerySettings) -> tuple[str, int, int]:
    """(data URI, width, height) of a small JPEG; an empty URI where the photo cannot be read."""
    try:
        rgb = read_photo(photo.path.read_bytes(), target_side=settings.side, allow_degraded=True).rgb
    except (OSError, PhotoError):
        return "", settings.side, settings.side * 3 // 4
    scale = min(1.0, settings.side / max(rgb.shape[:2]))
    width, height = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.quality]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), quality)[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode(), width, height
