"""Train, val and test parts by group, never by photo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from datasets.groups import members
from datasets.labels import LabelledPhoto, Split


def proposed_split(path: Path) -> dict[str, Split]:
    """File name -> part of a `splits.json` ({"train": [...], "val": [...]}), or nothing when absent."""
    if not path.exists():
        return {}
    parts: dict[Split, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: part for part, names in parts.items() for name in names}


def assign(
    photos: Sequence[LabelledPhoto],
    *,
    fixed: Mapping[str, Split],
    held_out: frozenset[str],
    val_fraction: float,
    seed: int,
) -> list[LabelledPhoto]:
    """The photos with their part of the data set.

    Groups are ordered by a hash of seed and name, so that adding photos moves no old group.

    Args:
        photos: Photos with their group.
        fixed: `LabelledPhoto.key` -> part, from a proposed split.
        held_out: Sources that go to `test` whole.
        val_fraction: Share of the remaining groups that goes to `val`, in [0, 1].
        seed: Changes which groups those are.

    A group with photos of several parts goes to the most protected one: test, then val, then train.
    """
    part_of: dict[str, Split] = {}
    for group, positions in members(p.group for p in photos).items():
        claims = {_claim(photos[i], fixed, held_out) for i in positions}
        part_of[group] = _strictest(claims) or ("val" if _unit(group, seed) < val_fraction else "train")
    return [replace(p, split=part_of[p.group]) for p in photos]


def _claim(photo: LabelledPhoto, fixed: Mapping[str, Split], held_out: frozenset[str]) -> Split | None:
    return "test" if photo.source in held_out else fixed.get(photo.key)


def _strictest(claims: set[Split | None]) -> Split | None:
    for part in ("test", "val", "train"):
        if part in claims:
            return part
    return None


def _unit(group: str, seed: int) -> float:
    """A number in [0, 1) that depends on group and seed alone."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
