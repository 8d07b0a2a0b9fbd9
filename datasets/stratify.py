"""Shares groups of photos out to parts so that every category gets its share in each, the rarest first.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, algorithm 1) with groups in the place of examples, and
a second pass that moves single groups while that brings the shares nearer. See docs/decisions/0009-splits.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_FREE: Final = -1
_PASSES: Final = 4
"""Rounds of the second pass; it ends earlier when no move helps."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupCounts:
    """What groups hold.

    Attributes:
        names: (g,) names; order and ties follow from them and the seed alone.
        labels: (g, k) how much of each label a group holds: positive photos and boxes of a category, photos of a
            source. The last column is the number of photos.
        fixed: (g,) part of each group that has one already, else -1.
    """

    names: Sequence[str]
    labels: NDArray[np.int32]
    fixed: NDArray[np.int8]


def stratify(groups: GroupCounts, fractions: Sequence[float], seed: int) -> NDArray[np.int8]:
    """(g,) the part of every group.

    Args:
        groups: What they hold, and which of them are fixed.
        fractions: Wanted share of each part, summing to 1.
        seed: Changes the order among equals.
    """
    parts = groups.fixed.copy()
    order = _shuffled(groups.names, seed)
    wanted = np.outer(np.asarray(fractions, dtype=float), groups.labels.sum(axis=0))
    desire = wanted - np.stack([groups.labels[parts == part].sum(axis=0) for part in range(len(fractions))])
    free = order[parts[order] == _FREE]
    while len(free):
        label = _rarest(groups.labels[free])
        holds = groups.labels[free, label] > 0
        holders = free[holds] if holds.any() else free
        for group in holders[np.argsort(-groups.labels[holders, label], kind="stable")].tolist():
            part = _neediest(desire, label)
            parts[group] = part
            desire[part] -= groups.labels[group]
        free = free[parts[free] == _FREE]
    _improve(parts, desire, groups, order[groups.fixed[order] == _FREE], wanted)
    return parts


def _rarest(labels: NDArray[np.int32]) -> int:
    """The label with the fewest left, the number of photos (the last column) only when nothing else is left."""
    left = labels.sum(axis=0)[:-1]
    return int(np.where(left > 0, left, np.iinfo(left.dtype).max).argmin()) if (left > 0).any() else labels.shape[1] - 1


def _neediest(desire: NDArray[np.float64], label: int) -> int:
    """The part that lacks most of a label; among equals, most photos."""
    return max(range(len(desire)), key=lambda part: (desire[part, label], desire[part, -1], -part))


def _improve(
    parts: NDArray[np.int8],
    desire: NDArray[np.float64],
    groups: GroupCounts,
    order: NDArray[np.int64],
    wanted: NDArray[np.float64],
) -> None:
    """Move single groups while the squared misses, relative to what was wanted of each label, become fewer."""
    weight = 1.0 / np.maximum(wanted.sum(axis=0), 1.0) ** 2
    takes_part = np.flatnonzero(wanted.sum(axis=1) > 0)
    for _ in range(_PASSES):
        moved = False
        for group in order.tolist():
            held, here = groups.labels[group], int(parts[group])
            gain = ((desire[here] + held) ** 2 - desire[here] ** 2) @ weight
            costs = ((desire[takes_part] - held) ** 2 - desire[takes_part] ** 2) @ weight + gain
            costs[takes_part == here] = 0.0
            best = int(costs.argmin())
            if costs[best] < -np.finfo(np.float32).eps:
                there = int(takes_part[best])
                desire[here] += held
                desire[there] -= held
                parts[group] = there
                moved = True
        if not moved:
            return


def _shuffled(names: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Positions in an order that depends on seed and names alone."""
    keys = [hashlib.sha256(f"{seed}:{name}".encode()).digest() for name in names]
    return np.array(sorted(range(len(names)), key=keys.__getitem__), dtype=np.int64)
