"""A photo as a comparison needs it: what the model sees, what the place looks like, where it was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.classify import Classifier, PhotoResult
from inference.compare import Look, Pairing, Trouble, bounds
from inference.compare_settings import CompareSettings
from inference.detections import Detections
from inference.geography import metres_between
from inference.photo import DEFAULT_LIMITS, PhotoLimits, read_photo
from inference.viewpoint import Box, Landmarks, landmarks, view_between

Rgb = NDArray[np.uint8]

_TROUBLES: Final[Mapping[str, Trouble]] = {"unusable": "after-unusable", "unrelated": "after-unrelated"}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One photo of a comparison.

    Attributes:
        look: What the model sees.
        landmarks: What the place looks like.
        result: The whole answer.
        rgb: (h, w, 3) the upright photo, maybe at reduced scale.
        captured_at: When it was taken, or None.
        position: (latitude, longitude) in degrees, or None.
    """

    look: Look
    landmarks: Landmarks
    result: PhotoResult
    rgb: Rgb
    captured_at: datetime | None = None
    position: tuple[float, float] | None = None


def snapshot(
    data: bytes, classifier: Classifier, settings: CompareSettings, limits: PhotoLimits = DEFAULT_LIMITS
) -> Snapshot:
    """A photo file, looked at.

    Raises:
        PhotoError: The bytes are no photo that can be judged.
    """
    floor = classifier.package.description.nms.score_floor
    result = classifier.classify(data, limits=limits, min_score=floor)
    photo = read_photo(data, target_side=settings.view.side, limits=limits, allow_degraded=True)
    is_placed = photo.latitude is not None and photo.longitude is not None
    return Snapshot(
        look=_look(result, photo.rgb, classifier, settings),
        landmarks=landmarks(photo.rgb, settings.view),
        result=result,
        rgb=photo.rgb,
        captured_at=photo.captured_at,
        position=(photo.latitude or 0.0, photo.longitude or 0.0) if is_placed else None,
    )


def pairing(first: Snapshot, second: Snapshot, settings: CompareSettings, *, vouched: bool = False) -> Pairing:
    """What says that two photos show one place.

    Args:
        first: One photo.
        second: The other.
        settings: How near is near.
        vouched: Whether the user says so.
    """
    view = view_between(first.landmarks, second.landmarks, settings.view)
    if vouched:
        return Pairing("given", view)
    if view is not None:
        return Pairing("view", view)
    if first.position is None or second.position is None:
        return Pairing(None)
    near = metres_between(first.position, second.position) <= settings.place_metres
    return Pairing("position" if near else None)


def fractions(detections: Detections, width: int, height: int) -> dict[str, tuple[Box, ...]]:
    """Category -> its boxes as fractions of the photo, strongest first."""
    found: dict[str, tuple[Box, ...]] = {}
    size = np.array([width, height, width, height], np.float32)
    for category, row in zip(detections.categories, (detections.xyxy / size).tolist(), strict=True):
        x1, y1, x2, y2 = row
        found[category] = (*found.get(category, ()), (x1, y1, x2, y2))
    return found


def _look(result: PhotoResult, rgb: Rgb, classifier: Classifier, settings: CompareSettings) -> Look:
    description, catalogue = classifier.package.description, classifier.catalogue
    boxes = fractions(result.detections, result.photo.width, result.photo.height)
    for parent in catalogue.parents:
        children = [boxes[child.id] for child in catalogue.children(parent.id) if child.id in boxes]
        if children:
            boxes[parent.id] = tuple(box for those in children for box in those)
    return Look(
        suggested={s.category: s.probability for s in result.suggestions},
        at_most=bounds(result.detections.photo_scores(), description.nms.score_floor, description, catalogue),
        boxes=boxes,
        trouble=_trouble(result, rgb, settings),
    )


def _trouble(result: PhotoResult, rgb: Rgb, settings: CompareSettings) -> Trouble | None:
    if result.photo.degraded:
        return "after-degraded"
    if result.verdict in _TROUBLES:
        return _TROUBLES[result.verdict]
    return "after-dark" if brightness(rgb) < settings.dark else None


def brightness(rgb: Rgb) -> float:
    """Mean grey value of an (h, w, 3) photo, 0 to 255."""
    return float(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).mean())
