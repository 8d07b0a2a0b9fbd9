"""Outcomes -> figures with intervals, over all photos or over some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation_settings import EvaluationSettings
from training.measures import (
    AnswerMeasures,
    CategoryMeasures,
    DetectionMeasures,
    Estimate,
    MeanMeasures,
    Measures,
    PhotoMeasures,
    ReliabilityBin,
    ThresholdMeasures,
)
from training.outcomes import IOUS, PhotoOutcome
from training.resampling import Resamples, Sampled, ratio
from training.sampling import BoxTable, PhotoTable, mean_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.evaluation import JudgedCategory

_AP30, _AP50, _COCO = IOUS.index(0.3), IOUS.index(0.5), slice(IOUS.index(0.5), None)
_HUNDRED = 100.0

ALL, ENOUGH = "all", "enough_boxes"


class Measurer:
    """Measures photos that one package answered.

    Args:
        photos: All of them; which categories have enough boxes, and which sources show a category on every photo, is
            judged on all.
        categories: What the package does with each category and parent.
        settings: How to judge.
    """

    def __init__(
        self, photos: Sequence[PhotoOutcome], categories: Mapping[str, JudgedCategory], settings: EvaluationSettings
    ) -> None:
        self._categories = categories
        self._settings = settings
        self._resamples = Resamples([p.group for p in photos], settings.bootstrap)
        self._one_sided = one_sided(photos, categories)
        boxes = {c: sum(o.boxes or 0 for p in photos if (o := p.categories.get(c)) is not None) for c in categories}
        problems = [c for c, judged in categories.items() if judged.role == "problem" and boxes[c]]
        enough = [c for c in problems if boxes[c] >= settings.macro_boxes]
        self._means = {ALL: problems, ENOUGH: enough, **settings.means}

    def measure(self, photos: Sequence[PhotoOutcome]) -> Measures:
        """Figures over some of the photos."""
        tables = {c: BoxTable.of(photos, c, self._resamples) for c in self._categories}
        precision = {c: t.average_precision(self._resamples) for c, t in tables.items() if t.boxes}
        figures = {c: self._category(photos, c, tables[c], precision.get(c)) for c in self._categories}
        return Measures(
            photos=len(photos),
            groups=len({p.group for p in photos}),
            categories={c: m for c, m in figures.items() if m.photos_searched or m.photos_shown or m.photos_absent},
            means={
                name: self._mean([c for c in chosen if c in precision], precision)
                for name, chosen in self._means.items()
                if any(c in precision for c in chosen)
            },
            answers=self._answers(photos),
        )

    def _category(
        self, photos: Sequence[PhotoOutcome], category: str, boxes: BoxTable, precision: NDArray[np.float64] | None
    ) -> CategoryMeasures:
        judged = self._categories[category]
        fair = [p for p in photos if (category, p.source) not in self._one_sided]
        table = PhotoTable.of(fair, category, self._resamples)
        return CategoryMeasures(
            role=judged.role,
            amorphous=judged.amorphous,
            photos_searched=len(boxes.labelled),
            boxes=boxes.boxes,
            photos_shown=table.shown,
            photos_absent=table.absent,
            detection=None if precision is None else self._detection(boxes, precision, judged.shown_from),
            photo=self._photo(table, judged) if table.shown and table.absent else None,
        )

    def _detection(
        self, table: BoxTable, precision: NDArray[np.float64], shown_from: float | None
    ) -> DetectionMeasures:
        def at(iou: int) -> tuple[Estimate | None, Estimate | None]:
            if shown_from is None:
                return None, None
            right, found, shown = table.precision_recall(self._resamples, iou, shown_from)
            return self._estimate(right, shown), self._estimate(found, table.boxes)

        (precision30, recall30), (precision50, recall50) = at(_AP30), at(_AP50)
        return DetectionMeasures(
            ap30=self._estimate(precision[:, _AP30], table.boxes),
            ap50=self._estimate(precision[:, _AP50], table.boxes),
            ap=self._estimate(precision[:, _COCO].mean(axis=1), table.boxes),
            precision30=precision30,
            recall30=recall30,
            precision50=precision50,
            recall50=recall50,
        )

    def _photo(self, table: PhotoTable, judged: JudgedCategory) -> PhotoMeasures:
        auc, ap = table.ranking(self._resamples)
        bins = self._settings.calibration.bins
        enough = table.shown >= self._settings.calibration.positives
        error = self._estimate(table.calibration_error(bins, self._resamples), len(table.truth)) if enough else None
        return PhotoMeasures(
            auc=self._estimate(auc, len(table.truth)),
            ap=self._estimate(ap, table.shown),
            prefill=None if judged.prefill is None else self._threshold(table, table.prefilled),
            suggest=None if judged.suggest is None else self._threshold(table, table.suggested),
            calibration_error=error,
            reliability=_reliability(table, bins),
        )

    def _threshold(self, table: PhotoTable, chosen: NDArray[np.bool_]) -> ThresholdMeasures:
        precision, recall, alarms = table.at(chosen, self._resamples)
        return ThresholdMeasures(
            precision=self._estimate(precision, int(chosen.sum())),
            recall=self._estimate(recall, table.shown),
            false_alarms=self._estimate(_HUNDRED * alarms, table.absent),
        )

    def _mean(self, categories: Sequence[str], precision: Mapping[str, NDArray[np.float64]]) -> MeanMeasures:
        stack = [precision[c] for c in categories]
        return MeanMeasures(
            categories=tuple(categories),
            ap30=self._estimate(mean_over([p[:, _AP30] for p in stack]), len(stack)),
            ap50=self._estimate(mean_over([p[:, _AP50] for p in stack]), len(stack)),
            ap=self._estimate(mean_over([p[:, _COCO].mean(axis=1) for p in stack]), len(stack)),
        )

    def _answers(self, photos: Sequence[PhotoOutcome]) -> AnswerMeasures:
        showing = [p for p in photos if self._shows_problem(p)]
        clean = [p for p in photos if p.clean]
        return AnswerMeasures(
            first_hit=self._share(showing, lambda p: float(_hits(p, 1))),
            top_hit=self._share(showing, lambda p: float(_hits(p, self._settings.answers))),
            clean_prefills=self._share(clean, lambda p: _HUNDRED * _wrong(p, prefilled=True)),
            clean_suggestions=self._share(clean, lambda p: _HUNDRED * _wrong(p, prefilled=False)),
            clean_alarms=self._share(clean, lambda p: _HUNDRED * bool(_wrong(p, prefilled=False))),
        )

    def _shows_problem(self, photo: PhotoOutcome) -> bool:
        return any(o.shows and self._categories[c].role == "problem" for c, o in photo.categories.items())

    def _share(self, photos: Sequence[PhotoOutcome], value: Callable[[PhotoOutcome], float]) -> Estimate:
        """The mean of a value over photos."""
        columns = self._resamples.columns([p.group for p in photos])
        values = np.array([value(p) for p in photos], dtype=np.float64)
        over = self._resamples.totals(columns, values)
        return self._estimate(ratio(over, self._resamples.totals(columns, np.ones(len(photos)))), len(photos))

    def _estimate(self, sampled: Sampled, support: int) -> Estimate:
        return self._resamples.estimate(sampled, support)


def one_sided(photos: Sequence[PhotoOutcome], categories: Mapping[str, JudgedCategory]) -> frozenset[tuple[str, str]]:
    """(category, source) of which every photo shows the category: recognising the source is enough there."""
    outcomes = ((c, p.source, o.shows) for p in photos for c, o in p.categories.items())
    known = {(c, source, shows) for c, source, shows in outcomes if c in categories and shows is not None}
    return frozenset((c, source) for c, source, shows in known if shows and (c, source, False) not in known)


def _hits(photo: PhotoOutcome, first: int) -> bool:
    """Whether one of the first few suggestions is known to be right."""
    return any(
        (outcome := photo.categories.get(answer.category)) is not None and bool(outcome.shows)
        for answer in photo.answers[:first]
    )


def _wrong(photo: PhotoOutcome, *, prefilled: bool) -> int:
    """Suggestions known to be wrong; with `prefilled` only those that are pre-filled."""
    return sum(
        (outcome := photo.categories.get(answer.category)) is not None
        and outcome.shows is False
        and (not prefilled or answer.decision == "prefill")
        for answer in photo.answers
    )


def _reliability(table: PhotoTable, bins: int) -> tuple[ReliabilityBin, ...]:
    which = table.bins(bins)
    return tuple(
        ReliabilityBin(
            photos=int(at.sum()),
            probability=float(table.probabilities[at].mean()),
            share=float(table.truth[at].mean()),
        )
        for b in range(bins)
        if (at := which == b).any()
    )
