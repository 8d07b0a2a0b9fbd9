"""Labelled photos as the service answers them: the same bytes, the same classifier, nothing besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from datasets.labels import LabelledPhoto
from inference.classify import Classifier
from inference.decide import Suggestion, Verdict
from inference.detections import Detections
from inference.photo import PhotoError
from training.conditions import conditions
from training.evaluation_settings import EvaluationSettings

_AHEAD = 2  # photos in work: one is decoded while another is inferred


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredPhoto:
    """A labelled photo and what the service answers.

    Attributes:
        photo: The labels.
        size_wh: (width, height) of the upright full-size photo; (0, 0) where it cannot be read.
        detections: Everything above the evaluation's floor.
        verdict: None where the photo cannot be read.
        suggestions: In the service's order.
        degraded: A part of the picture is missing, so that nothing is pre-filled.
        conditions: It was taken under.
        error: Why it cannot be read, or None.
    """

    photo: LabelledPhoto
    size_wh: tuple[int, int]
    detections: Detections
    verdict: Verdict | None
    suggestions: tuple[Suggestion, ...]
    degraded: bool
    conditions: tuple[str, ...]
    error: str | None = None


class Answerer:
    """Runs labelled photos through a classifier.

    Args:
        classifier: A loaded package.
        settings: Floor and conditions.
        stretched: Sources whose photos lost their aspect ratio.
    """

    def __init__(self, classifier: Classifier, settings: EvaluationSettings, stretched: frozenset[str]) -> None:
        self._classifier = classifier
        self._settings = settings
        self._stretched = stretched

    def answer_all(self, photos: Sequence[LabelledPhoto]) -> Iterator[AnsweredPhoto]:
        """Many photos, in order."""
        with ThreadPoolExecutor(max_workers=_AHEAD) as pool:
            yield from pool.map(self.answer, photos)

    def answer(self, photo: LabelledPhoto) -> AnsweredPhoto:
        """One photo; one that cannot be read comes back with the reason."""
        try:
            result = self._classifier.classify(photo.path.read_bytes(), min_score=self._settings.detection_floor)
        except (OSError, PhotoError) as error:
            return AnsweredPhoto(photo, (0, 0), Detections.empty(), None, (), False, (), str(error))
        return AnsweredPhoto(
            photo=photo,
            size_wh=(result.photo.width, result.photo.height),
            detections=result.detections,
            verdict=result.verdict,
            suggestions=result.suggestions,
            degraded=result.photo.degraded,
            conditions=conditions(
                result.photo,
                photo,
                self._classifier.catalogue,
                self._settings.conditions,
                stretched=photo.source in self._stretched,
            ),
        )
