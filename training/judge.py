"""Calibration and thresholds of a trained model, from its observations on held-out photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.categories import Catalogue
from inference.package import CategoryDecision
from training.calibrate import DecisionFitter, PhotoScores, pooled_calibration
from training.observe import Observation
from training.settings import TrainSettings


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
