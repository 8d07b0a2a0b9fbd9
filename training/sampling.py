"""Every figure under every resample, from what came of the photos.

The formulas are those of the libraries people compare with: average precision of boxes as COCO computes it, ROC area
and average precision of photos as scikit-learn does. They are written for weighted photos, so that a figure and its
thousand resamples come from one formula; tests hold the unweighted figure to the libraries'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from training.outcomes import IOUS, PhotoOutcome
from training.resampling import Resamples, Sampled, ratio

_RECALLS: Final = np.linspace(0, 1, 101)
"""Where COCO reads precision off."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxTable:
    """A category's boxes on the photos that were searched for it.

    Attributes:
        scores: (n,) of the detections, strongest first.
        right: bool (n, len(IOUS)).
        columns: (n,) of their groups among the resamples.
        labelled: (m,) boxes labelled on each photo.
        photo_columns: (m,) of the photos' groups.
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    columns: NDArray[np.intp]
    labelled: NDArray[np.float64]
    photo_columns: NDArray[np.intp]

    @classmethod
    def of(cls, photos: Sequence[PhotoOutcome], category: str, resamples: Resamples) -> Self:
        """The boxes of one category."""
        searched = [(p, c) for p in photos if (c := p.categories.get(category)) is not None and c.boxes is not None]
        columns = resamples.columns([p.group for p, _ in searched])
        found = [(box, column) for (_, c), column in zip(searched, columns.tolist(), strict=True) for box in c.found]
        scores = np.array([box.score for box, _ in found], dtype=np.float64)
        bits = np.array([box.right for box, _ in found], dtype=np.int64)
        order = np.argsort(-scores, kind="stable")
        return cls(
            scores=scores[order],
            right=(bits[order, None] >> np.arange(len(IOUS)) & 1).astype(np.bool_),
            columns=np.array([column for _, column in found], dtype=np.intp)[order],
            labelled=np.array([c.boxes for _, c in searched], dtype=np.float64),
            photo_columns=columns,
        )

    @property
    def boxes(self) -> int:
        """Labelled boxes."""
        return int(self.labelled.sum())

    def average_precision(self, resamples: Resamples) -> NDArray[np.float64]:
        """COCO's, at each overlap: (1 + resamples, len(IOUS)); NaN under resamples without a labelled box."""
        wanted = resamples.totals(self.photo_columns, self.labelled)
        columns = [_average_precision(right, self.columns, wanted, resamples) for right in self.right.T]
        return np.stack(columns, axis=1)

    def precision_recall(self, resamples: Resamples, iou: int, shown_from: float) -> tuple[Sampled, Sampled, int]:
        """Precision and recall of the boxes from a score on, and how many they are; `iou` is a position in IOUS."""
        shown = self.scores >= shown_from
        values = np.stack([self.right[:, iou] & shown, shown], axis=1).astype(np.float64)
        right, said = resamples.totals(self.columns, values).T
        wanted = resamples.totals(self.photo_columns, self.labelled)
        return ratio(right, said), ratio(right, wanted), int(shown.sum())


def _average_precision(
    right: NDArray[np.bool_], columns: NDArray[np.intp], wanted: NDArray[np.float64], resamples: Resamples
) -> Sampled:
    """At one overlap. Precision is only ever read off at a right box: wrong ones after the last do not matter."""
    count = int(right.sum())
    if not count:
        return np.where(wanted > 0, 0.0, np.nan)
    before = np.asarray(np.cumsum(right) - right, dtype=np.intp)  # right boxes before each box
    wrong = ~right & (before < count)
    between = resamples.counts(columns[wrong], before[wrong], count)  # wrong boxes from one right box to the next
    hits = np.cumsum(resamples.weights(columns[right]), axis=1)
    precision = ratio(hits, hits + np.cumsum(between, axis=1))
    envelope = np.maximum.accumulate(np.nan_to_num(precision)[:, ::-1], axis=1)[:, ::-1]
    recall = ratio(hits, wanted[:, None])
    reached = np.searchsorted(_RECALLS, np.nan_to_num(recall), side="right")
    steps = np.diff(reached, axis=1, prepend=0)
    return np.where(wanted > 0, (envelope * steps).sum(axis=1) / len(_RECALLS), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoTable:
    """A category on the photos of which it is known whether they show it.

    Attributes:
        scores: (n,) photo scores.
        probabilities: (n,) calibrated.
        truth: bool (n,).
        prefilled: bool (n,).
        suggested: bool (n,), pre-filled ones included.
        columns: (n,) of their groups among the resamples.
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.bool_]
    prefilled: NDArray[np.bool_]
    suggested: NDArray[np.bool_]
    columns: NDArray[np.intp]

    @classmethod
    def of(cls, photos: Sequence[PhotoOutcome], category: str, resamples: Resamples) -> Self:
        """One category; photos of which nothing is known are left out."""
        known = [(p, c) for p in photos if (c := p.categories.get(category)) is not None and c.shows is not None]
        outcomes = [c for _, c in known]
        return cls(
            scores=np.array([c.score for c in outcomes], dtype=np.float64),
            probabilities=np.array([c.probability for c in outcomes], dtype=np.float64),
            truth=np.array([c.shows for c in outcomes], dtype=np.bool_),
            prefilled=np.array([c.decision == "prefill" for c in outcomes], dtype=np.bool_),
            suggested=np.array([c.decision is not None for c in outcomes], dtype=np.bool_),
            columns=resamples.columns([p.group for p, _ in known]),
        )

    @property
    def shown(self) -> int:
        """Photos that show it."""
        return int(self.truth.sum())

    @property
    def absent(self) -> int:
        """Photos that do not."""
        return int((~self.truth).sum())

    def ranking(self, resamples: Resamples) -> tuple[Sampled, Sampled]:
        """(ROC area, average precision) of the photo scores, as scikit-learn defines them."""
        order = np.argsort(-self.scores, kind="stable")
        starts = np.flatnonzero(np.diff(self.scores[order], prepend=np.inf))  # of each score's photos
        weights = resamples.weights(self.columns[order])
        shown = np.add.reduceat(weights * self.truth[order], starts, axis=1)
        absent = np.add.reduceat(weights * ~self.truth[order], starts, axis=1)
        stronger_absent = np.cumsum(absent, axis=1)
        all_shown, all_absent = shown.sum(axis=1), absent.sum(axis=1)
        beaten = (shown * (all_absent[:, None] - stronger_absent + absent / 2)).sum(axis=1)
        stronger_shown = np.cumsum(shown, axis=1)
        precision = np.nan_to_num(ratio(stronger_shown, stronger_shown + stronger_absent))
        return ratio(beaten, all_shown * all_absent), ratio((shown * precision).sum(axis=1), all_shown)

    def at(self, chosen: NDArray[np.bool_], resamples: Resamples) -> tuple[Sampled, Sampled, Sampled]:
        """Precision, recall and false alarms per absent photo of the `chosen` (n,) photos."""
        values = np.stack([chosen & self.truth, chosen & ~self.truth, self.truth, ~self.truth], axis=1)
        hits, alarms, shown, absent = resamples.totals(self.columns, values.astype(np.float64)).T
        return ratio(hits, hits + alarms), ratio(hits, shown), ratio(alarms, absent)

    def bins(self, count: int) -> NDArray[np.intp]:
        """(n,) which of `count` bins of equal width each probability is in."""
        return np.minimum((self.probabilities * count).astype(np.intp), count - 1)

    def calibration_error(self, bins: int, resamples: Resamples) -> Sampled:
        """Expected calibration error with bins of equal width (Naeini et al. 2015)."""
        gaps = np.eye(bins)[self.bins(bins)] * (self.probabilities - self.truth)[:, None]
        total = resamples.totals(self.columns, np.ones(len(self.truth)))
        return ratio(np.abs(resamples.totals(self.columns, gaps)).sum(axis=1), total)


def mean_over(sampled: Sequence[Sampled]) -> Sampled:
    """The mean of several categories' figures, each counting the same; no figure where one of them has none."""
    return np.asarray(np.stack(list(sampled)).mean(axis=0), dtype=np.float64)
