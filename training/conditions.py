"""Under which conditions a photo was taken, as far as its file, its pixels and its labels say."""

from __future__ import annotations

from collections.abc import Iterator

from datasets.labels import LabelledPhoto
from inference.categories import Catalogue
from inference.photo import Photo
from inference.quality import measure
from training.evaluation_settings import ConditionSettings

NIGHT = "night"
_UPRIGHT, _WIDE = 0.95, 1.05  # width over height; between them a photo is square


def conditions(
    photo: Photo, labels: LabelledPhoto, catalogue: Catalogue, settings: ConditionSettings, *, stretched: bool
) -> tuple[str, ...]:
    """Names of the conditions a photo is under, sorted.

    Args:
        photo: As decoded.
        labels: What people said about it.
        catalogue: Roles of the categories.
        settings: When a photo is under a condition.
        stretched: Whether its source lost the aspect ratio.
    """
    found = {*_of_pixels(photo, settings), *_of_labels(labels, catalogue, settings)}
    if NIGHT in labels.flags or _is_night(photo, settings):
        found.add(NIGHT)
    if stretched:
        found.add("stretched")
    return tuple(sorted(found))


def _is_night(photo: Photo, settings: ConditionSettings) -> bool:
    if float(photo.rgb.mean()) < settings.night_brightness:
        return True
    taken = photo.captured_at
    return taken is not None and (taken.hour >= settings.night_from or taken.hour < settings.night_to)


def _of_pixels(photo: Photo, settings: ConditionSettings) -> Iterator[str]:
    longer, ratio = max(photo.width, photo.height), photo.width / photo.height
    if longer < settings.low_resolution:
        yield "low_resolution"
    elif longer >= settings.high_resolution:
        yield "high_resolution"
    yield "portrait" if ratio < _UPRIGHT else "landscape" if ratio > _WIDE else "square"
    if photo.degraded:
        yield "degraded"
    if measure(photo.rgb).sharpness < settings.blurred_sharpness:
        yield "blurred"


def _of_labels(labels: LabelledPhoto, catalogue: Catalogue, settings: ConditionSettings) -> Iterator[str]:
    boxes = [box.xyxy for box in labels.boxes if catalogue[box.category].role == "problem"]
    shares = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    if shares and max(shares) < settings.small_share:
        yield "small_objects"
    if "collage" in labels.flags:
        yield "collage"
