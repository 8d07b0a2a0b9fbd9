"""Before and after: for each problem of one photo, whether a later one of the same place still shows it.

Seeing and not seeing are not alike. That a problem is still there takes the same place and a sure look at the problem.
That it has gone takes more: a later photo that shows the very spot, well enough, and a category that the model does
not overlook. Whatever is missing, the answer is "cannot tell", with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from inference.categories import Catalogue
from inference.compare_settings import CompareSettings
from inference.decide import calibrated
from inference.package import ModelDescription
from inference.viewpoint import Box, View
from inference.wording import Lang

ChangeVerdict = Literal["still", "gone", "cannot_tell"]
Trouble = Literal["after-degraded", "after-unusable", "after-unrelated", "after-dark"]
Reason = (
    Literal["seen-again", "not-seen-again", "other-place", "out-of-view", "beyond-model", "unsure", "only-after"]
    | Trouble
)
PlaceBy = Literal["view", "position", "given"]

CHANGES: Final[Mapping[ChangeVerdict, Mapping[Lang, str]]] = {
    "still": {"zh": "仍在", "en": "still there"},
    "gone": {"zh": "已整改", "en": "gone"},
    "cannot_tell": {"zh": "无法判断", "en": "cannot tell"},
}
REASONS: Final[Mapping[Reason, Mapping[Lang, str]]] = {
    "seen-again": {"zh": "后一张照片仍能看到", "en": "the later photo shows it again"},
    "not-seen-again": {"zh": "后一张照片拍到同一位置，未见此问题", "en": "the later photo shows the spot without it"},
    "other-place": {"zh": "无法确认是同一地点", "en": "the photos are not known to show the same place"},
    "out-of-view": {"zh": "后一张照片取景不同，未必拍到该位置", "en": "the later photo may not show the spot"},
    "beyond-model": {"zh": "该类别漏检较多，未见不等于已整改", "en": "the model overlooks this category too often"},
    "unsure": {"zh": "后一张照片把握不足", "en": "the later photo leaves it open"},
    "only-after": {"zh": "仅后一张照片可见，整改前未见", "en": "only the later photo shows it"},
    "after-degraded": {"zh": "后一张照片已损坏", "en": "the later photo is damaged"},
    "after-unusable": {"zh": "后一张照片模糊或空白", "en": "the later photo shows nothing clearly"},
    "after-unrelated": {"zh": "后一张照片不是街面", "en": "the later photo is of no street"},
    "after-dark": {"zh": "后一张照片太暗", "en": "the later photo is too dark"},
}


@dataclass(frozen=True, slots=True)
class Look:
    """What the model saw in one photo, or in all photos of one visit.

    Attributes:
        suggested: Category -> probability, for what is suggested.
        at_most: Category -> the highest probability that it can have had, for the others too.
        boxes: Category -> its boxes, strongest first.
        trouble: Why not seeing something says nothing here, or None.
    """

    suggested: Mapping[str, float]
    at_most: Mapping[str, float] = field(default_factory=dict)
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is known of two photos' places.

    Attributes:
        by: What says that they show one place; None: nothing does.
        view: How the first lies on the second, where that was found.
    """

    by: PlaceBy | None
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one problem.

    Attributes:
        category: Its id.
        verdict: Still there, gone, or not to be told.
        reason: Why.
        before: Probability that the earlier photo shows it; None where it is not suggested there.
        after: The highest probability that the later photo shows it.
    """

    category: str
    verdict: ChangeVerdict
    reason: Reason
    before: float | None
    after: float | None


class Comparer:
    """Compares what the model saw at two times.

    Args:
        description: The model that saw both.
        catalogue: Roll-up parents of the categories.
        settings: Where the lines are drawn.
    """

    def __init__(self, description: ModelDescription, catalogue: Catalogue, settings: CompareSettings) -> None:
        self._description = description
        self._catalogue = catalogue
        self._settings = settings

    def compare(self, before: Look, after: Look, pairing: Pairing) -> tuple[Change, ...]:
        """What became of each problem of the earlier photo, and what only the later one shows, which is no verdict."""
        changes = [
            Change(category, *self._judge(category, before, after, pairing), probability, after.at_most.get(category))
            for category, probability in before.suggested.items()
        ]
        known = {family for category in before.suggested for family in self._family(category)}
        changes += [
            Change(category, "cannot_tell", "only-after", None, probability)
            for category, probability in after.suggested.items()
            if category not in known
        ]
        return tuple(changes)

    def _family(self, category: str) -> set[str]:
        """A category with its parent or its children: what one of them says the other does not add to."""
        parent = self._catalogue.require(category).parent
        return {category, *([parent] if parent else []), *(child.id for child in self._catalogue.children(category))}

    def _judge(self, category: str, before: Look, after: Look, pairing: Pairing) -> tuple[ChangeVerdict, Reason]:
        if pairing.by is None:
            return "cannot_tell", "other-place"
        if self._seen(category, after) >= self._settings.still_from:
            return "still", "seen-again"
        doubt = self._doubt(category, before, after, pairing)
        return ("gone", "not-seen-again") if doubt is None else ("cannot_tell", doubt)

    def _doubt(self, category: str, before: Look, after: Look, pairing: Pairing) -> Reason | None:
        """Why it does not follow that a problem has gone which the later photo does not clearly show; or None."""
        if after.trouble is not None:
            return after.trouble
        if not self._finds(category):
            return "beyond-model"
        if after.at_most.get(category, 1.0) > self._settings.gone_below:
            return "unsure"
        return None if self._is_shown(category, before, pairing) else "out-of-view"

    def _seen(self, category: str, look: Look) -> float:
        """Probability with which a category or a child of it, which stands for it, is suggested; 0 where it is not."""
        names = (category, *(child.id for child in self._catalogue.children(category)))
        return max(look.suggested.get(name, 0.0) for name in names)

    def _finds(self, category: str) -> bool:
        """Whether the model's silence about a category was measured to mean something."""
        decision = self._description.decisions[category]
        if decision.evidence is None or decision.positives < self._settings.min_positives:
            return False
        return decision.evidence.recall >= self._settings.min_recall

    def _is_shown(self, category: str, before: Look, pairing: Pairing) -> bool:
        """Whether the later photo has the problem's place in its frame."""
        if pairing.by == "given":
            return True
        boxes = before.boxes.get(category, ())
        if pairing.view is None or not boxes:
            return False
        return pairing.view.shown(boxes[0]) >= self._settings.in_view


def bounds(
    scores: Mapping[str, float], floor: float, description: ModelDescription, catalogue: Catalogue
) -> dict[str, float]:
    """Category -> the highest probability that it can have, parents included.

    Args:
        scores: Category -> its highest detector score in the photo.
        floor: Scores below it were not looked at.
        description: The model.
        catalogue: Roll-up parents of the categories.
    """
    found = {}
    for category, decision in description.decisions.items():
        members = [child.id for child in catalogue.children(category)] or [category]
        found[category] = calibrated(max(scores.get(member, floor) for member in members), decision.calibration)
    return found
