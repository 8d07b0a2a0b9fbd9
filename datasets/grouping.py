"""Joins photos that belong together into groups, and remembers why."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.joins import REASONS, Join, Reason
from datasets.photo_table import NONE, PhotoTable, column
from datasets.places import near_places
from datasets.settings import GroupSettings


@dataclass(frozen=True, slots=True)
class LargeGroup:
    """A group that swallowed more than its share.

    Attributes:
        group: Its name.
        photos: How many.
        share: Of all photos, in [0, 1].
        reasons: How many joins of each reason made it.
    """

    group: str
    photos: int
    share: float
    reasons: dict[str, int]


class Groups:
    """Union-find over photo numbers that keeps the joins which made a difference: a tree for each group.

    Args:
        count: Number of photos.
    """

    def __init__(self, count: int) -> None:
        self._parent = array("q", range(count))
        self._first, self._second = array("q"), array("q")
        self._reason, self._measure = array("b"), array("f")

    def __len__(self) -> int:
        return len(self._parent)

    def root(self, photo: int) -> int:
        """The photo that stands for the group of `photo`."""
        parent = self._parent
        while parent[photo] != photo:
            parent[photo] = parent[parent[photo]]
            photo = parent[photo]
        return photo

    def join(self, first: int, second: int, reason: Reason, measure: float = 0.0) -> None:
        """Put two photos, and all that is together with either, into one group."""
        roots = sorted((self.root(first), self.root(second)))
        if roots[0] == roots[1]:
            return
        self._parent[roots[1]] = roots[0]
        self._first.append(min(first, second))
        self._second.append(max(first, second))
        self._reason.append(REASONS.index(reason))
        self._measure.append(measure)

    def roots(self) -> NDArray[np.int64]:
        """(n,) the first photo of each photo's group."""
        return np.fromiter(map(self.root, range(len(self))), dtype=np.int64, count=len(self))

    def joins(self) -> Iterator[Join]:
        """The joins that made the groups, the most telling reasons first."""
        for first, second, reason, measure in zip(self._first, self._second, self._reason, self._measure, strict=True):
            yield Join(first, second, REASONS[reason], round(measure, 2))


def grouped(table: PhotoTable, alike: Iterable[Join], settings: GroupSettings) -> Groups:
    """Join the photos of a table.

    Telling reasons come first, so that what a person is shown as the reason is the best one there is.

    Args:
        table: The photos.
        alike: Pairs that look alike, from `datasets.likeness`.
        settings: What else belongs together.
    """
    groups = Groups(len(table))
    _join_equal(groups, table.contents(), "same-content")
    _join_equal(groups, column(table.given), "given")
    for pair in alike:
        groups.join(pair.first, pair.second, pair.reason, pair.measure)
    _join_equal(groups, column(table.series), "series")
    places = np.array(table.latitude), np.array(table.longitude)
    for i, j, metres in near_places(*places, settings.place_metres):
        groups.join(i, j, "same-place", metres)
    for i, j, seconds in _bursts(column(table.source), column(table.captured), settings.burst_seconds):
        groups.join(i, j, "burst", seconds)
    if settings.day_and_folder:
        _join_equal(groups, column(table.day), "day-and-folder")
    return groups


def group_names(table: PhotoTable, roots: NDArray[np.int64]) -> dict[int, str]:
    """Root -> name: from the smallest content hash in the group, so that order and place of photos do not matter."""
    smallest: dict[int, bytes] = {}
    for root, digest in zip(roots.tolist(), table.all_digests(), strict=True):
        if root not in smallest or digest < smallest[root]:
            smallest[root] = digest
    return {root: f"g-{digest.hex()[:16]}" for root, digest in smallest.items()}


def large_groups(groups: Groups, roots: NDArray[np.int64], names: dict[int, str], s: GroupSettings) -> list[LargeGroup]:
    """Groups of more than the set share (and number) of photos, the largest first, and what made them."""
    found, counts = np.unique(roots, return_counts=True)
    limit = max(s.chain_photos, s.chain_share * len(groups))
    large = {int(root): int(count) for root, count in zip(found, counts, strict=True) if count > limit}
    reasons: dict[int, Counter[str]] = {root: Counter() for root in large}
    for join in groups.joins() if large else ():
        if (root := groups.root(join.first)) in large:
            reasons[root][join.reason] += 1
    ordered = sorted(large, key=lambda root: (-large[root], names[root]))
    return [LargeGroup(names[r], large[r], large[r] / len(groups), dict(reasons[r].most_common())) for r in ordered]


def _join_equal(groups: Groups, ids: NDArray[np.int64], reason: Reason) -> None:
    order = np.argsort(ids, kind="stable")
    same = np.flatnonzero((ids[order][1:] == ids[order][:-1]) & (ids[order][1:] != NONE))
    for position in same.tolist():
        groups.join(int(order[position]), int(order[position + 1]), reason)


def _bursts(
    sources: NDArray[np.int64], captured: NDArray[np.int64], seconds: float
) -> Iterable[tuple[int, int, float]]:
    """Photos of one source taken one after the other, with their times."""
    dated = np.flatnonzero(captured != NONE)
    order = dated[np.lexsort((captured[dated], sources[dated]))]
    gaps, same = np.diff(captured[order]), np.diff(sources[order]) == 0
    for position in np.flatnonzero(same & (gaps <= seconds)).tolist():
        yield int(order[position]), int(order[position + 1]), float(gaps[position])
