"""Which categories the labels at hand allow to train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from datasets.labels import LabelledPhoto
from inference.categories import Catalogue
from training.settings import ModelSettings


def trainable(
    photos: Sequence[LabelledPhoto], catalogue: Catalogue, settings: ModelSettings
) -> tuple[list[str], dict[str, str]]:
    """The categories to train in catalogue order, and why each other labelled one is left out.

    Args:
        photos: The training part.
        catalogue: All categories.
        settings: The minimum of boxes and of exhaustively labelled photos.
    """
    boxes = Counter(box.category for photo in photos for box in photo.boxes)
    searched = Counter(category for photo in photos for category in photo.exhaustive_for)
    chosen: list[str] = []
    left_out: dict[str, str] = {}
    for category in catalogue:
        if catalogue[category].role == "parent":
            continue
        if boxes[category] < settings.min_train_boxes:
            left_out[category] = f"{boxes[category]} labelled boxes for training, {settings.min_train_boxes} needed"
        elif searched[category] < settings.min_exhaustive_photos:
            left_out[category] = (
                f"{searched[category]} photos searched for it exhaustively, {settings.min_exhaustive_photos} needed"
            )
        else:
            chosen.append(category)
    return chosen, left_out
