"""What changed from one frozen version to another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datasets.labels import Split
from datasets.photo_table import PARTS
from datasets.rows import to_row
from datasets.tally import Tally
from datasets.versions import Version, canonical

_LABELS = ("boxes", "exhaustive_for", "present", "unsure", "flags")


@dataclass(frozen=True, slots=True)
class Move:
    """A photo that changed its part."""

    key: str
    before: Split
    after: Split

    @property
    def breaks_promise(self) -> bool:
        """Whether it left test, or left val for train: a model may have been chosen or judged by it."""
        return PARTS.index(self.after) < PARTS.index(self.before)


@dataclass(frozen=True, slots=True)
class Difference:
    """From version `a` to version `b`. A photo is the same where source and content are.

    Attributes:
        added: Keys of photos that are only in b, by part.
        removed: Keys of photos that are only in a, by part.
        moved: Photos in another part.
        relabelled: Keys of photos whose boxes, tags or exhaustive sets changed.
        renamed: (name in a, name in b) of photos under another name.
        boxes: Category -> (boxes in a, boxes in b), where they differ.
        shown: Category -> (photos showing it in a, in b), where they differ.
    """

    added: dict[str, list[str]]
    removed: dict[str, list[str]]
    moved: list[Move]
    relabelled: list[str]
    renamed: list[tuple[str, str]]
    boxes: dict[str, tuple[int, int]]
    shown: dict[str, tuple[int, int]]

    @property
    def broken_promises(self) -> list[Move]:
        """Photos that moved out of test, or from val to train: there must be none."""
        return [move for move in self.moved if move.breaks_promise]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "added": self.added,
            "removed": self.removed,
            "moved": [{"key": m.key, "before": m.before, "after": m.after} for m in self.moved],
            "broken_promises": [m.key for m in self.broken_promises],
            "relabelled": self.relabelled,
            "renamed": [list(pair) for pair in self.renamed],
            "boxes": {category: list(pair) for category, pair in self.boxes.items()},
            "photos_showing": {category: list(pair) for category, pair in self.shown.items()},
        }


@dataclass(frozen=True, slots=True)
class _State:
    key: str
    part: Split
    labels: bytes


_Identity = tuple[str, bytes, int]
"""(source, content hash, how many photos of the same content came before it there)."""


def difference(a: Version, b: Version) -> Difference:
    """What changed from `a` to `b`; a few hundred bytes for each photo of `a` are in memory meanwhile."""
    before = dict(_states(a))
    found = Difference({}, {}, [], [], [], *_counts(a.tally, b.tally))
    for identity, now in _states(b):
        was = before.pop(identity, None)
        if was is None:
            found.added.setdefault(now.part, []).append(now.key)
            continue
        if was.part != now.part:
            found.moved.append(Move(now.key, was.part, now.part))
        if was.labels != now.labels:
            found.relabelled.append(now.key)
        if was.key != now.key:
            found.renamed.append((was.key, now.key))
    for was in before.values():
        found.removed.setdefault(was.part, []).append(was.key)
    return found


def _states(version: Version) -> Iterator[tuple[_Identity, _State]]:
    seen: Counter[tuple[str, bytes]] = Counter()
    for frozen in version.photos():
        content = (frozen.photo.source, bytes.fromhex(frozen.sha256))
        row = to_row(frozen.photo)
        labels = hashlib.blake2b(canonical([row[name] for name in _LABELS]), digest_size=16).digest()
        yield (*content, seen[content]), _State(frozen.photo.key, frozen.photo.split or "train", labels)
        seen[content] += 1


def _counts(a: Tally, b: Tally) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Boxes and positive photos of each category in both, where they differ."""
    categories = sorted({*a.categories, *b.categories})
    boxes = {c: (a.of(a.boxes, c), b.of(b.boxes, c)) for c in categories}
    shown = {c: (a.of(a.shown, c), b.of(b.shown, c)) for c in categories}
    return ({c: n for c, n in boxes.items() if n[0] != n[1]}, {c: n for c, n in shown.items() if n[0] != n[1]})
