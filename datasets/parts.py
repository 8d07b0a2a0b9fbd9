"""The part (train, val, test) of every group of a new version, given what earlier versions promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.photo_table import NONE, PARTS, PhotoTable, column
from datasets.settings import SplitSettings
from datasets.stratify import GroupCounts, stratify

Promises = Mapping[bytes, int]
"""Content hash -> code of the part that a photo has in the base version, or had in one before it."""

_TEST: Final = PARTS.index("test")


def assign_parts(
    table: PhotoTable, roots: NDArray[np.int64], names: Mapping[int, str], promises: Promises, settings: SplitSettings
) -> NDArray[np.int8]:
    """(n,) the code of each photo's part.

    A group with several claims goes to the most protected part: test, then val, then train. What a photo claims is,
    in this order: test, when its whole source is held out; its part in the base version; the part its source
    proposes. Groups without claims are stratified. So nothing of test or val ever moves to train, a new photo that
    belongs with a test photo goes to test, and a group that nothing new belongs to stays where it is.

    Args:
        table: The photos.
        roots: (n,) first photo of each photo's group.
        names: Root -> name of the group.
        promises: Parts in earlier versions.
        settings: Fractions and seed.
    """
    found, group = np.unique(roots, return_inverse=True)
    promised = np.array([promises.get(digest, NONE) for digest in table.all_digests()], dtype=np.int8)
    held_out = column(table.held_out) > 0
    proposed = column(table.proposed) if settings.proposed else np.full(len(table), NONE)
    claims = np.where(held_out, _TEST, np.where(promised != NONE, promised, proposed)).astype(np.int8)
    fixed = np.full(len(found), NONE, dtype=np.int8)
    np.maximum.at(fixed, group, claims)
    counted = ~held_out & (proposed == NONE)  # what others decided must not be made up for with the rest
    labels = _labels(table, group, counted, len(found))
    counts = GroupCounts([names[int(root)] for root in found], labels, fixed)
    return stratify(counts, settings.fractions, settings.seed)[group]


def _labels(table: PhotoTable, group: NDArray[np.int64], counted: NDArray[np.bool_], groups: int) -> NDArray[np.int32]:
    """(groups, k): positive photos of each category, its boxes, photos of each source, photos."""
    categories, sources = _sorted_positions(table.categories), _sorted_positions(table.sources)
    shown, category = column(table.label_photos), categories[column(table.label_categories)]
    keep = counted[shown]
    shown, category, boxes = shown[keep], category[keep], column(table.label_boxes)[keep]
    k = len(categories)
    labels = np.zeros((groups, 2 * k + len(sources) + 1), dtype=np.int32)
    np.add.at(labels, (group[shown], category), 1)
    np.add.at(labels, (group[shown], k + category), boxes)
    positions = np.flatnonzero(counted)
    np.add.at(labels, (group[positions], 2 * k + sources[column(table.source)[positions]]), 1)
    np.add.at(labels, (group[positions], np.full(len(positions), labels.shape[1] - 1)), 1)
    return labels


def _sorted_positions(names: list[str]) -> NDArray[np.int64]:
    """Number -> position among the sorted names: the order photos came in must not matter."""
    order = sorted(names)
    return np.array([order.index(name) for name in names], dtype=np.int64)
