"""What the exported model says about labelled photos, on the same path the service takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.labels import LabelledPhoto
from inference.categories import Catalogue
from inference.detect import detect
from inference.detections import Detections
from inference.engine import Engine
from inference.letterbox import InputRecipe, letterboxed
from inference.package import NmsRecipe
from inference.photo import read_photo
from inference.quality import Quality, measure


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A labelled photo and what the model said about it.

    Attributes:
        photo: The labels.
        size_wh: (width, height) of the upright full-size photo, the unit of `detections`.
        detections: Everything above the floor.
        embedding: (d,) of the whole photo.
        quality: Contrast and sharpness.
    """

    photo: LabelledPhoto
    size_wh: tuple[int, int]
    detections: Detections
    embedding: NDArray[np.float32]
    quality: Quality

    def score(self, category: str, catalogue: Catalogue) -> float:
        """Photo score of a category, or of a parent: its strongest child; 0 without detections."""
        scores = self.detections.photo_scores()
        names = [child.id for child in catalogue.children(category)] or [category]
        return max(scores.get(name, 0.0) for name in names)

    def shows(self, category: str, catalogue: Catalogue) -> bool | None:
        """Whether the photo shows a category or any child of a parent; None: not known."""
        children = [child.id for child in catalogue.children(category)]
        if not children:
            return self.photo.shows(category)
        answers = [self.photo.shows(child) for child in children]
        if True in answers:
            return True
        return None if None in answers else False


class Observer:
    """Runs labelled photos through an engine.

    Args:
        engine: The exported model.
        categories: Ids in output order.
        recipe: Model input.
        nms: How candidates become detections; its floor may be lowered for evaluation.
    """

    def __init__(self, engine: Engine, categories: Sequence[str], recipe: InputRecipe, nms: NmsRecipe) -> None:
        self.engine = engine
        self.categories = tuple(categories)
        self.recipe = recipe
        self.nms = nms

    def observe(self, photo: LabelledPhoto) -> Observation:
        """One photo."""
        read = read_photo(photo.path.read_bytes(), target_side=self.recipe.longest_side, allow_degraded=True)
        tensor, placement = letterboxed(read, self.recipe)
        raw = self.engine.run(tensor)
        size = (read.width, read.height)
        found = detect(raw.candidates, self.categories, self.nms, placement, size)
        embedding = np.empty(0, np.float32) if raw.embedding is None else raw.embedding
        return Observation(photo, size, found, embedding, measure(read.rgb))

    def observe_all(
        self,
        photos: Sequence[LabelledPhoto],
        progress: Callable[[Iterable[Observation]], Iterable[Observation]] = iter,
    ) -> list[Observation]:
        """Many photos, decoding one while another is inferred."""
        return list(progress(self._stream(photos)))

    def _stream(self, photos: Sequence[LabelledPhoto]) -> Iterator[Observation]:
        with ThreadPoolExecutor(max_workers=2) as pool:
            yield from pool.map(self.observe, photos)
