"""Answered photos -> outcomes, category by category."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inference.categories import Catalogue
from inference.decide import calibrated, decision_at
from inference.package import CategoryDecision, ModelDescription
from training.answered import AnsweredPhoto
from training.matching import DetectedPhoto, match
from training.outcomes import Answer, CategoryOutcome, Corners, FoundBox, PhotoOutcome


def shown_from(decision: CategoryDecision, floor: float) -> float | None:
    """Detection score in [0, 1] from which a box makes its category a suggestion; None: never.

    Args:
        decision: The category's calibration and thresholds.
        floor: Detections below are never seen by the service.
    """
    if decision.suggest is None:
        return None
    if decision.suggest in (0.0, 1.0):
        return floor if decision.suggest == 0.0 else 1.0
    wanted = math.log(decision.suggest / (1 - decision.suggest))
    logit = (wanted - decision.calibration.intercept) / decision.calibration.slope
    return max(floor, 0.5 * (1 + math.tanh(logit / 2)))  # the logistic function, which never overflows this way


class OutcomeTable:
    """Makes the outcomes of photos that one package answered.

    Args:
        description: The package's model.json.
        catalogue: Roles and parents of the categories.
    """

    def __init__(self, description: ModelDescription, catalogue: Catalogue) -> None:
        self._description = description
        self._catalogue = catalogue
        self._floor = description.nms.score_floor
        self._problems = [c for c in description.categories if catalogue[c].role == "problem"]
        self._children = {p.id: [c.id for c in catalogue.children(p.id)] for p in catalogue.parents}

    def outcomes(self, answered: Sequence[AnsweredPhoto]) -> list[PhotoOutcome]:
        """One per photo, in the same order."""
        readable = [a for a in answered if a.error is None]
        detected = [DetectedPhoto(a.photo, a.size_wh, a.detections) for a in readable]
        found = self._pruned(match(detected, self._description.categories))
        by_photo = {id(a): boxes for a, boxes in zip(readable, found, strict=True)}
        return [self._outcome(a, by_photo.get(id(a), {})) for a in answered]

    def _pruned(self, found: list[dict[str, tuple[FoundBox, ...]]]) -> list[dict[str, tuple[FoundBox, ...]]]:
        """Without the boxes that cannot change any figure: weaker than every right one, and too weak to be shown."""
        least: dict[str, float] = {}
        for category in self._description.categories:
            decision = self._description.decisions.get(category)
            shown = None if decision is None else shown_from(decision, self._floor)
            right = [box.score for boxes in found for box in boxes.get(category, ()) if box.right]
            least[category] = min([*right, 1.0 if shown is None else shown])
        return [{c: tuple(b for b in boxes if b.score >= least[c]) for c, boxes in photo.items()} for photo in found]

    def _outcome(self, answered: AnsweredPhoto, found: dict[str, tuple[FoundBox, ...]]) -> PhotoOutcome:
        photo = answered.photo
        outcomes = {c: self._category(answered, c, found) for c in self._description.decisions}
        return PhotoOutcome(
            key=photo.key,
            source=photo.source,
            group=photo.group or photo.key,
            width=answered.size_wh[0],
            height=answered.size_wh[1],
            conditions=answered.conditions,
            clean=self._is_clean(answered),
            verdict=answered.verdict,
            answers=tuple(
                Answer(category=s.category, probability=s.probability, decision=s.decision)
                for s in answered.suggestions
            ),
            categories={} if answered.error else {c: o for c, o in outcomes.items() if _says_anything(o)},
            error=answered.error,
        )

    def _is_clean(self, answered: AnsweredPhoto) -> bool:
        photo = answered.photo
        if answered.error is not None or photo.present or photo.unsure:
            return False
        searched = any(c in photo.exhaustive_for for c in self._problems)
        return searched and not any(self._catalogue[b.category].role == "problem" for b in photo.boxes)

    def _category(
        self, answered: AnsweredPhoto, category: str, found: dict[str, tuple[FoundBox, ...]]
    ) -> CategoryOutcome:
        decision = self._description.decisions[category]
        score, strongest = self._strongest(answered, category)
        probability = calibrated(max(score, self._floor), decision.calibration)
        said = decision_at(probability, decision) if score >= self._floor else None
        boxes = found.get(category)
        return CategoryOutcome(
            shows=self._shows(answered, category),
            score=score,
            probability=probability,
            decision="suggest" if said is not None and answered.degraded else said,
            strongest=strongest,
            boxes=None if boxes is None else sum(box.category == category for box in answered.photo.boxes),
            found=boxes or (),
        )

    def _strongest(self, answered: AnsweredPhoto, category: str) -> tuple[float, Corners | None]:
        """Score and place of the strongest detection of a category or of a parent's children."""
        names = self._children.get(category) or [category]
        found = answered.detections
        chosen = found.where(np.array([c in names for c in found.categories], dtype=bool))
        if not len(chosen):
            return 0.0, None
        best = int(chosen.scores.argmax())
        corners = chosen.xyxy[best] / np.array([*answered.size_wh] * 2, dtype=np.float32)
        x1, y1, x2, y2 = np.clip(corners, 0, 1).round(5).tolist()
        return float(chosen.scores[best]), (x1, y1, x2, y2)

    def _shows(self, answered: AnsweredPhoto, category: str) -> bool | None:
        """Whether the photo shows a category or any child of a parent; None: not known."""
        names = self._children.get(category) or [category]
        answers = [None if name in answered.photo.unsure else answered.photo.shows(name) for name in names]
        if True in answers:
            return True
        return None if None in answers else False


def _says_anything(outcome: CategoryOutcome) -> bool:
    return outcome.shows is not None or outcome.boxes is not None
