"""What became of the problems of a place from one case to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inference.categories import Catalogue
from inference.compare import Change, Comparer, Look, Pairing, Trouble, bounds
from inference.package import ModelDescription
from inference.scan.case_record import CaseChange
from inference.scan.case_settings import CaseSettings
from inference.scan.cases import Sighting
from inference.scan.record import Record
from inference.scan.views import Viewer
from inference.viewpoint import Box


class CaseComparer:
    """Compares a case with the one before it at the same place.

    Args:
        comparer: Draws the conclusions.
        description: The model that made the records.
        catalogue: Roll-up parents of the categories.
        settings: How many photos are looked at.
        floor: Detector score from which everything was recorded (`--min-score`), or None.
        viewer: Lays photos on each other; None: nobody looks at photos again, and nothing is called gone.
    """

    def __init__(
        self,
        comparer: Comparer,
        description: ModelDescription,
        catalogue: Catalogue,
        settings: CaseSettings,
        *,
        floor: float | None,
        viewer: Viewer | None,
    ) -> None:
        self._comparer = comparer
        self._description = description
        self._catalogue = catalogue
        self._settings = settings
        self._floor = floor
        self._viewer = viewer

    def changes(self, first: Sequence[Sighting], second: Sequence[Sighting]) -> tuple[CaseChange, ...]:
        """What became of each problem of the case before, and what only the later one shows."""
        before, records = ([sighting.record for sighting in case] for case in (first, second))
        later = self._merged(records)
        shown = {suggestion.category for record in before for suggestion in record.suggestions}
        found = [change for category in sorted(shown) for change in self._of(category, before, records, later)]
        earlier = Look(dict.fromkeys(shown, 1.0))
        found += [c for c in self._comparer.compare(earlier, later, Pairing(None)) if c.reason == "only-after"]
        return tuple(_written(change) for change in found)

    def _of(self, category: str, before: Sequence[Record], after: Sequence[Record], later: Look) -> Iterator[Change]:
        """What became of one problem, told by the photo that shows it best."""
        record = max(before, key=lambda record: _probability(record, category))
        probability = _probability(record, category)
        boxes = _boxes(record, category, self._catalogue)
        earlier = Look({category: probability}, boxes={category: boxes[:1]})
        change = self._told(category, earlier, later, Pairing("position"))
        if change.reason == "out-of-view" and self._viewer is not None:
            for other in _clear(after)[: self._settings.change_photos]:
                view = self._viewer.view(record, other)
                told = change if view is None else self._told(category, earlier, later, Pairing("view", view))
                if told.verdict == "gone":
                    change = told
                    break
        yield change

    def _told(self, category: str, before: Look, after: Look, pairing: Pairing) -> Change:
        return next(c for c in self._comparer.compare(before, after, pairing) if c.category == category)

    def _merged(self, records: Sequence[Record]) -> Look:
        """What all photos of a case show together; a category is as unlikely as in the photo where it is likeliest."""
        suggested: dict[str, float] = {}
        at_most: dict[str, float] = {}
        for record in records:
            for s in record.suggestions:
                suggested[s.category] = max(s.probability, suggested.get(s.category, 0.0))
        for record in _clear(records) or records:
            for category, bound in record_bounds(record, self._description, self._catalogue, self._floor).items():
                at_most[category] = max(bound, at_most.get(category, 0.0))
        troubles = [_trouble(record) for record in records]
        return Look(suggested, at_most, trouble=troubles[0] if all(troubles) else None)


def record_bounds(
    record: Record, description: ModelDescription, catalogue: Catalogue, floor: float | None
) -> dict[str, float]:
    """Category -> the highest probability that it can have had, as far as a record tells.

    Args:
        record: Of a photo.
        description: The model that made it.
        catalogue: Roll-up parents of the categories.
        floor: Detector score from which everything was recorded; None: evidence for suggestions alone was.
    """
    if floor is not None:
        scores: dict[str, float] = {}
        for detection in record.detections:
            scores[detection.category] = max(detection.score, scores.get(detection.category, 0.0))
        return bounds(scores, max(floor, description.nms.score_floor), description, catalogue)
    share = description.verdicts.uncertain_ratio if record.verdict == "no_issue" else 1.0
    found = {
        category: share * (1.0 if decision.suggest is None else decision.suggest)
        for category, decision in description.decisions.items()
    }
    return {**found, **{suggestion.category: suggestion.probability for suggestion in record.suggestions}}


def _probability(record: Record, category: str) -> float:
    return next((s.probability for s in record.suggestions if s.category == category), 0.0)


def _trouble(record: Record) -> Trouble | None:
    return "after-degraded" if record.status == "degraded" else None


def _clear(records: Sequence[Record]) -> Sequence[Record]:
    """Those whose silence counts."""
    return [record for record in records if _trouble(record) is None]


def _boxes(record: Record, category: str, catalogue: Catalogue) -> tuple[Box, ...]:
    """The boxes of a category, or of a parent's children, as fractions of the photo, strongest first."""
    names = {category, *(child.id for child in catalogue.children(category))}
    width, height = record.width or 1, record.height or 1
    return tuple(
        (d.box[0] / width, d.box[1] / height, d.box[2] / width, d.box[3] / height)
        for d in record.detections
        if d.category in names
    )


def _written(change: Change) -> CaseChange:
    return CaseChange(
        category=change.category,
        verdict=change.verdict,
        reason=change.reason,
        before=None if change.before is None else round(change.before, 4),
        after=None if change.after is None else round(change.after, 4),
    )
