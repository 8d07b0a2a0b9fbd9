"""Two models' figures on the same photos, under the same resamples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.gate_settings import GateSettings, Measure
from training.outcomes import IOUS, PhotoOutcome
from training.resampling import Resamples, Sampled
from training.sampling import BoxTable, PhotoTable

_IOU: Final = IOUS.index(0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One measure of one category on one part.

    Attributes:
        part: Name of the part.
        category: Category or parent.
        measure: What is measured.
        support: Labelled boxes, or photos that show it.
        groups: Groups of photos that show it.
        candidate: The candidate's figure under every resample, itself first.
        champion: The champion's.
    """

    part: str
    category: str
    measure: Measure
    support: int
    groups: int
    candidate: Sampled
    champion: Sampled

    @property
    def difference(self) -> float:
        """Candidate minus champion."""
        return float(self.candidate[0] - self.champion[0])

    @property
    def deviations(self) -> NDArray[np.float64]:
        """(resamples,) of the resampled differences from the difference; 0 where a resample gives none."""
        drawn = self.candidate[1:] - self.champion[1:] - self.difference
        return np.nan_to_num(drawn)


def pairs(
    part: str,
    candidate: Sequence[PhotoOutcome],
    champion: Sequence[PhotoOutcome],
    categories: Sequence[str],
    settings: GateSettings,
) -> list[Pair]:
    """Everything that can be compared on a part.

    Args:
        part: Its name.
        candidate: What came of each photo; unreadable ones are left out by the caller.
        champion: The same photos in the same order.
        categories: Categories and parents that both models know.
        settings: How many resamples, and from how many groups on a category is compared.
    """
    resamples = Resamples([photo.group for photo in champion], settings.bootstrap)
    found = (
        pair
        for category in categories
        for pair in (
            *_boxes(part, category, candidate, champion, resamples),
            *_photos(part, category, candidate, champion, resamples),
        )
    )
    return [pair for pair in found if pair.groups >= settings.min_groups and np.isfinite(pair.difference)]


def _boxes(
    part: str,
    category: str,
    candidate: Sequence[PhotoOutcome],
    champion: Sequence[PhotoOutcome],
    resamples: Resamples,
) -> Iterator[Pair]:
    ours, theirs = (BoxTable.of(photos, category, resamples) for photos in (candidate, champion))
    if theirs.boxes:
        groups = len(set(theirs.photo_columns[theirs.labelled > 0].tolist()))
        figures = [table.average_precision(resamples)[:, _IOU] for table in (ours, theirs)]
        yield Pair(part, category, "boxes", theirs.boxes, groups, *figures)


def _photos(
    part: str,
    category: str,
    candidate: Sequence[PhotoOutcome],
    champion: Sequence[PhotoOutcome],
    resamples: Resamples,
) -> Iterator[Pair]:
    ours, theirs = (PhotoTable.of(photos, category, resamples) for photos in (candidate, champion))
    if not theirs.shown:
        return
    groups = len(set(theirs.columns[theirs.truth].tolist()))
    if theirs.absent:
        figures = [table.ranking(resamples)[1] for table in (ours, theirs)]
        yield Pair(part, category, "photos", theirs.shown, groups, *figures)
    if theirs.prefilled.any():
        (precision, recall, _), (their_precision, their_recall, _) = (
            table.at(table.prefilled, resamples) for table in (ours, theirs)
        )
        yield Pair(part, category, "prefill_recall", theirs.shown, groups, recall, their_recall)
        if theirs.absent:
            support = int(theirs.prefilled.sum())
            yield Pair(part, category, "prefill_precision", support, groups, precision, their_precision)
