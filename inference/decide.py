"""Detections -> calibrated probabilities, suggestions, verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.categories import Catalogue
from inference.detections import Detections
from inference.package import Calibration, CategoryDecision, ModelDescription, SceneHead
from inference.quality import Quality

Decision = Literal["prefill", "suggest"]
Verdict = Literal["issue", "no_issue", "unrelated", "unusable", "uncertain"]

_RANK: dict[Decision | None, int] = {None: 0, "suggest": 1, "prefill": 2}
_NEVER = 2.0  # above any probability
_EPSILON = 1e-6
_FAR = 700.0  # log-odds beyond which exp() would overflow


def calibrated(score: float, calibration: Calibration) -> float:
    """Photo score in [0, 1] -> probability in [0, 1] that the photo shows the category."""
    clipped = min(max(score, _EPSILON), 1 - _EPSILON)
    logit = math.log(clipped / (1 - clipped))
    return _sigmoid(calibration.slope * logit + calibration.intercept)


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(min(-log_odds, _FAR)))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A category the photo probably shows.

    Attributes:
        category: Category id; a roll-up parent where no child is as sure.
        probability: Calibrated, in [0, 1].
        decision: `prefill` where the promised precision was met on held-out photos, else `suggest`.
    """

    category: str
    probability: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class PhotoDecision:
    """What is said about one photo.

    Attributes:
        verdict: See DESIGN: issue, no_issue, unrelated, unusable, uncertain.
        suggestions: Prefills first, then by probability.
        evidence: Detections behind the suggestions, and context such as bins.
    """

    verdict: Verdict
    suggestions: tuple[Suggestion, ...]
    evidence: Detections


def ordered(suggestions: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """Prefills first, then by probability."""
    return tuple(sorted(suggestions, key=lambda s: (-_RANK[s.decision], -s.probability, s.category)))


def rolled_up(suggestions: Mapping[str, Suggestion], catalogue: Catalogue) -> tuple[Suggestion, ...]:
    """Suggestions without the parents that a child states as firmly."""

    def is_needed(suggestion: Suggestion) -> bool:
        children = (suggestions.get(child.id) for child in catalogue.children(suggestion.category))
        firmest = max((_RANK[child.decision] for child in children if child is not None), default=0)
        return _RANK[suggestion.decision] > firmest

    return ordered(s for s in suggestions.values() if is_needed(s))


class Decider:
    """Applies a model package's calibration, thresholds and verdict recipe.

    Args:
        description: The package's model.json.
        catalogue: Roles and roll-up parents of the categories.

    Raises:
        UnknownCategory: the package names a category that the catalogue lacks.
    """

    def __init__(self, description: ModelDescription, catalogue: Catalogue) -> None:
        for category in (*description.categories, *description.decisions):
            catalogue.require(category)
        self._decisions = description.decisions
        self._recipe = description.verdicts
        self._scene = description.scene
        self._catalogue = catalogue
        self._parents = [p.id for p in catalogue.parents if p.id in description.decisions]

    def decide(
        self,
        detections: Detections,
        embedding: NDArray[np.float32] | None,
        quality: Quality,
        *,
        degraded: bool = False,
    ) -> PhotoDecision:
        """Suggestions, verdict and evidence for one photo.

        Args:
            detections: All detections above the package's floor.
            embedding: (d,) of the whole photo, for the scene head.
            quality: Of the decoded photo.
            degraded: Part of the photo is missing; calibration does not hold, so nothing is pre-filled.
        """
        probabilities = self._probabilities(detections.photo_scores())
        suggestions = self._suggestions(probabilities, degraded=degraded)
        evidence = detections.where(self._is_evidence(detections, suggestions))
        # A bin or a pole is of the street, whatever the photo as a whole looks like (at night, say).
        scene = embedding if not len(evidence) else None
        return PhotoDecision(
            self._verdict(probabilities, suggestions, scene, quality),
            rolled_up(suggestions, self._catalogue),
            evidence,
        )

    def _probabilities(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Problem category or parent -> probability, for those with any detection."""
        raw = dict(scores)
        for parent in self._parents:
            children = [scores.get(child.id, 0.0) for child in self._catalogue.children(parent)]
            raw[parent] = max(children, default=0.0)
        return {
            category: calibrated(score, self._decisions[category].calibration)
            for category, score in raw.items()
            if score > 0 and category in self._decisions and self._catalogue[category].role != "context"
        }

    def _suggestions(self, probabilities: Mapping[str, float], *, degraded: bool) -> dict[str, Suggestion]:
        found: dict[str, Suggestion] = {}
        for category, probability in probabilities.items():
            decision = decision_at(probability, self._decisions[category])
            if decision is not None:
                found[category] = Suggestion(category, probability, "suggest" if degraded else decision)
        return found

    def _verdict(
        self,
        probabilities: Mapping[str, float],
        suggestions: Mapping[str, Suggestion],
        embedding: NDArray[np.float32] | None,
        quality: Quality,
    ) -> Verdict:
        if suggestions:
            return "issue"
        if not quality.is_usable(self._recipe):
            return "unusable"
        if self._scene is not None and embedding is not None and is_unrelated(embedding, self._scene):
            return "unrelated"
        unsure = any(p >= self._recipe.uncertain_ratio * self._threshold(c) for c, p in probabilities.items())
        return "uncertain" if unsure else "no_issue"

    def _threshold(self, category: str) -> float:
        """Suggest threshold; 1 for a category that is never suggested."""
        suggest = self._decisions[category].suggest
        return 1.0 if suggest is None else suggest

    def _is_evidence(self, detections: Detections, suggestions: Mapping[str, Suggestion]) -> NDArray[np.bool_]:
        return np.array(
            [
                self._supports(category, score, suggestions)
                for category, score in zip(detections.categories, detections.scores.tolist(), strict=True)
            ],
            dtype=bool,
        )

    def _supports(self, category: str, score: float, suggestions: Mapping[str, Suggestion]) -> bool:
        """Whether a box alone would make its category, or a suggested parent of it, a suggestion."""
        parent = self._catalogue[category].parent
        names = [category] if parent not in suggestions else [category, str(parent)]
        return any(
            calibrated(score, decision.calibration) >= (_NEVER if decision.suggest is None else decision.suggest)
            for decision in (self._decisions[name] for name in names if name in self._decisions)
        )


def decision_at(probability: float, decision: CategoryDecision) -> Decision | None:
    """What a category's thresholds make of a calibrated probability; None: nothing is said."""
    if decision.prefill is not None and probability >= decision.prefill:
        return "prefill"
    if decision.suggest is not None and probability >= decision.suggest:
        return "suggest"
    return None


def is_unrelated(embedding: NDArray[np.float32], head: SceneHead) -> bool:
    """Whether the photo is no street scene, as far as the head's threshold says."""
    return street_probability(embedding, head) < head.unrelated_below


def street_probability(embedding: NDArray[np.float32], head: SceneHead) -> float:
    """Probability in [0, 1] that the photo is of a street.

    Raises:
        ValueError: the embedding has another length than the head's weights.
    """
    weights = np.asarray(head.weights, dtype=np.float32)
    if embedding.shape != weights.shape:
        raise ValueError(f"embedding must have shape {weights.shape}, but got {embedding.shape}")
    return _sigmoid(float(embedding @ weights) + head.bias)
