"""Pairs of photos that are the same file, the same photo, or show the same scene.

Cheap first: pairs with nearly equal perceptual hashes (as they are or mirrored), and pairs that many descriptor
keys vote for, which survives crops. Then each such pair is laid on each other and compared where it overlaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from datasets.alignment import Alignment, align
from datasets.check_settings import DuplicateSettings
from datasets.features import DESCRIPTOR_BYTES, Points
from datasets.fingerprint_cache import FingerprintCache
from datasets.fingerprints import Fingerprint, hashes

Relation = Literal["exact", "near", "same-scene"]
_BLOCK: Final = 1024  # rows of the hash comparison at a time
_KEY_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos that belong together.

    Attributes:
        first: Position of one photo.
        second: Position of the other, greater than `first`.
        relation: `exact`: the same bytes; `near`: the same photo in another encoding, size, crop or mirrored;
            `same-scene`: another photo of the same place.
        score: How sure, in [0, 1].
        alignment: How the first lies on the second; None: exactly.
    """

    first: int
    second: int
    relation: Relation
    score: float
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """Two photos worth comparing.

    Attributes:
        first: Position of one.
        second: Position of the other, greater than `first`.
        mirrored: Whether one looks like the other's mirror image.
        alike: Whether their hashes nearly agree.
    """

    first: int
    second: int
    mirrored: bool
    alike: bool


def duplicate_pairs(
    found: Sequence[Fingerprint],
    cache: FingerprintCache,
    settings: DuplicateSettings,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Pair]:
    """All pairs among photos. Of files with the same bytes only the first is compared with others.

    Args:
        found: Fingerprints, in the order that `Pair` counts in.
        cache: Where their features are.
        settings: What counts as what.
        advance: Called after each photo.
    """
    firsts: list[int] = []
    for same in _same_bytes(found):
        yield from (Pair(same[0], other, "exact", 1.0) for other in same[1:])
        if found[same[0]].is_readable:
            firsts.append(same[0])
    distinct = [found[position] for position in firsts]
    best: dict[tuple[int, int], Pair] = {}
    for candidate in candidates(distinct, cache, settings, advance):
        pair = _verified(distinct, firsts, candidate, cache, settings)
        if pair is not None and pair.score >= best.get((pair.first, pair.second), pair).score:
            best[pair.first, pair.second] = pair
    yield from best.values()


def _same_bytes(found: Sequence[Fingerprint]) -> list[list[int]]:
    positions: dict[str, list[int]] = defaultdict(list)
    for position, one in enumerate(found):
        if one.facts.sha256:
            positions[one.facts.sha256].append(position)
    return list(positions.values())


def _verified(
    distinct: Sequence[Fingerprint],
    firsts: Sequence[int],
    candidate: Candidate,
    cache: FingerprintCache,
    settings: DuplicateSettings,
) -> Pair | None:
    i, j = candidate.first, candidate.second
    here, there = cache.features(distinct[i].path), cache.features(distinct[j].path)
    alignment = align(here, there, settings, mirrored=candidate.mirrored, alike=candidate.alike)
    relation = None if alignment is None else judged(alignment, settings)
    if alignment is None or relation is None:
        return None
    return Pair(firsts[i], firsts[j], relation, max(0.0, alignment.correlation), alignment)


def judged(alignment: Alignment, settings: DuplicateSettings) -> Relation | None:
    """What an alignment makes of a pair."""
    overlaps = alignment.overlap >= settings.min_overlap
    agrees = alignment.correlation >= settings.near_correlation and alignment.floor >= settings.near_floor
    if overlaps and agrees:
        return "near"
    fits = alignment.inliers >= settings.scene_inliers and alignment.spread >= settings.scene_spread
    return "same-scene" if fits else None


def candidates(
    found: Sequence[Fingerprint],
    cache: FingerprintCache,
    settings: DuplicateSettings,
    advance: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Pairs worth comparing, each once for either orientation."""
    alike = {*_equal_hashes(found, settings)}
    voted: set[tuple[int, int, bool]] = set()
    index = _KeyIndex([cache.features(one.path).points for one in found], settings)
    for position, one in enumerate(found):
        seen = cache.features(one.path)
        for mirrored, points in ((False, seen.points), (True, seen.mirrored)):
            others = index.nearest(points, position)
            voted.update((min(position, other), max(position, other), mirrored) for other in others)
        advance()
    return sorted(Candidate(i, j, mirrored, (i, j, mirrored) in alike) for i, j, mirrored in alike | voted)


def _equal_hashes(found: Sequence[Fingerprint], settings: DuplicateSettings) -> Iterator[tuple[int, int, bool]]:
    """Pairs whose hashes nearly agree, block by block so that 100,000 photos need no matrix of all pairs."""
    plain = _signs(hashes(found))
    for mirrored, others in ((False, plain), (True, _signs(hashes(found, mirrored=True)))):
        for start in range(0, len(plain), _BLOCK):
            agreement = plain[start : start + _BLOCK] @ others.T
            rows, columns = np.nonzero(agreement >= plain.shape[1] - 2 * settings.hash_bits)
            for i, j in zip((rows + start).tolist(), columns.tolist(), strict=True):
                if i < j:
                    yield i, j, mirrored


def _signs(bits: NDArray[np.bool_]) -> NDArray[np.float32]:
    return bits.astype(np.float32) * 2 - 1


class _KeyIndex:
    """Photos by keys, some bits of their descriptors, so that one look-up finds all that share a key.

    Args:
        points: Of all photos.
        settings: How many bits a key has, how many keys a descriptor.
    """

    def __init__(self, points: Sequence[Points], settings: DuplicateSettings) -> None:
        self._settings = settings
        choice = np.random.default_rng(_KEY_SEED).permutation(DESCRIPTOR_BYTES * 8)
        bits = settings.key_bits
        self._bits = [choice[table * bits : (table + 1) * bits] for table in range(settings.tables)]
        self._photos = len(points)
        owners = np.repeat(np.arange(len(points), dtype=np.int32), [len(p.xy) for p in points])
        self._tables = [self._table(points, bits, owners) for bits in self._bits]

    def _table(
        self, points: Sequence[Points], bits: NDArray[np.int64], owners: NDArray[np.int32]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        keys = np.concatenate([_keys(p, bits) for p in points]) if points else np.empty(0, np.uint32)
        order = np.argsort(keys, kind="stable")
        return keys[order], owners[order]

    def nearest(self, points: Points, itself: int) -> list[int]:
        """Photos with the most keys in common, at least `min_votes`, the photo itself left out."""
        votes = np.zeros(self._photos, dtype=np.int64)
        for bits, (keys, owners) in zip(self._bits, self._tables, strict=True):
            votes += np.bincount(self._owners(_keys(points, bits), keys, owners), minlength=self._photos)
        votes[itself] = 0
        most = np.argsort(-votes, kind="stable")[: self._settings.max_candidates]
        return [int(photo) for photo in most if votes[photo] >= self._settings.min_votes]

    def _owners(
        self, wanted: NDArray[np.uint32], keys: NDArray[np.uint32], owners: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Photos that have one of the wanted keys, once for each point; keys that too many share are left out."""
        start, end = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        counts = np.where(end - start <= self._settings.bucket_limit, end - start, 0)
        ends = np.cumsum(counts)
        offsets = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        return np.asarray(owners[np.repeat(start, counts) + offsets], dtype=np.int32)


def _keys(points: Points, bits: NDArray[np.int64]) -> NDArray[np.uint32]:
    """(n,) the chosen bits of each descriptor as one number."""
    chosen = np.unpackbits(points.descriptors, axis=1)[:, bits].astype(np.uint32)
    weights = (1 << np.arange(len(bits), dtype=np.uint32)).astype(np.uint32)
    return np.asarray(chosen @ weights, dtype=np.uint32)
