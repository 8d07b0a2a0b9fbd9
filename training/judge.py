"""Everything that is measured about a trained model, from its observations on held-out photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.categories import Catalogue
from inference.decide import calibrated
from inference.package import CategoryDecision, Evidence
from training.calibrate import (
    DecisionFitter,
    PhotoScores,
    evidence,
    expected_calibration_error,
    pooled_calibration,
)
from training.evaluate import DetectionMetrics, evaluate, mean
from training.observe import Observation
from training.settings import TrainSettings

_ECE_POSITIVES = 10
"""Photos showing a category, below which its calibration error says nothing."""


def photo_scores(observations: Sequence[Observation], category: str, catalogue: Catalogue) -> PhotoScores:
    """Scores of a category or parent on the photos where the truth is known.

    A source in which every such photo shows the category is left out: whoever recognises the source is always right
    there, so it says nothing about precision elsewhere (asphalt close-ups collected for their potholes, say).
    """
    known = [(o, truth) for o in observations if (truth := o.shows(category, catalogue)) is not None]
    two_sided = {o.photo.source for o, truth in known if not truth}
    known = [(o, truth) for o, truth in known if o.photo.source in two_sided]
    return PhotoScores(
        np.array([o.score(category, catalogue) for o, _ in known], dtype=float),
        np.array([truth for _, truth in known], dtype=bool),
        tuple(o.photo.group for o, _ in known),
    )


def decided(categories: Sequence[str], catalogue: Catalogue) -> list[str]:
    """The model's categories and every parent of at least one of them."""
    parents = [p.id for p in catalogue.parents if any(c.id in categories for c in catalogue.children(p.id))]
    return [*categories, *parents]


def fit_decisions(
    observations: Sequence[Observation],
    categories: Sequence[str],
    catalogue: Catalogue,
    settings: TrainSettings,
) -> dict[str, CategoryDecision]:
    """Calibration, thresholds and evidence for every category and parent, from the validation part."""
    data = {c: photo_scores(observations, c, catalogue) for c in decided(categories, catalogue)}
    floor = settings.detection.score_floor
    fitter = DecisionFitter(settings.decision, floor, pooled_calibration({c: data[c] for c in categories}, floor))
    return {c: fitter.fit(d, may_prefill=catalogue[c].role != "context") for c, d in data.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """Measurements on one part of the held-out photos.

    Attributes:
        title: What the part is.
        photos: How many.
        detection: Per category.
        prefill: Per category that is pre-filled: evidence at its threshold on this part.
        suggest: Per category that is suggested: evidence at its suggest threshold on this part.
        calibration_error: Per category with at least ten photos: ECE on this part.
    """

    title: str
    photos: int
    detection: dict[str, DetectionMetrics]
    prefill: dict[str, Evidence | None]
    suggest: dict[str, Evidence | None]
    calibration_error: dict[str, float]

    def mean_over(self, categories: Sequence[str]) -> tuple[float, float]:
        """(mAP50, mAP50-95) over some categories."""
        return mean(self.detection[c] for c in categories if c in self.detection)

    def as_dict(self) -> dict[str, Any]:
        """For model.json."""
        return {
            "photos": self.photos,
            "detection": {c: {k: round(v, 4) for k, v in m.as_dict().items()} for c, m in self.detection.items()},
            "prefill": {c: e.model_dump() if e else None for c, e in self.prefill.items()},
            "suggest": {c: e.model_dump() if e else None for c, e in self.suggest.items()},
            "calibration_error": {c: round(v, 4) for c, v in self.calibration_error.items()},
        }


def judge(
    title: str,
    observations: Sequence[Observation],
    decisions: Mapping[str, CategoryDecision],
    categories: Sequence[str],
    catalogue: Catalogue,
    settings: TrainSettings,
) -> Part:
    """Measure one part with decisions that are already fixed."""
    floor = settings.detection.score_floor
    prefill: dict[str, Evidence | None] = {}
    suggest: dict[str, Evidence | None] = {}
    error: dict[str, float] = {}
    for category, decision in decisions.items():
        data = photo_scores(observations, category, catalogue)
        p = np.array([calibrated(max(s, floor), decision.calibration) for s in data.scores.tolist()])
        for threshold, table in ((decision.prefill, prefill), (decision.suggest, suggest)):
            if threshold is not None:
                table[category] = evidence(p >= threshold, data.truth, settings.decision.confidence)
        if data.positives >= _ECE_POSITIVES:
            error[category] = expected_calibration_error(p.tolist(), data.truth.tolist())
    return Part(title, len(observations), evaluate(observations, categories), prefill, suggest, error)
