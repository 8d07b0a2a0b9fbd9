"""Pairs of photos that look alike: the one place that decides it, whatever finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.check import FINGERPRINTS
from datasets.check_settings import CheckSettings
from datasets.duplicates import duplicate_pairs
from datasets.fingerprint_cache import FingerprintCache
from datasets.fingerprints import fingerprints
from datasets.joins import Join, Reason

_COMPARED_AT_ONCE: Final = 4_000_000
"""Distances held in memory, 16 MB, however many photos there are."""
_REASONS: Final[dict[str, Reason]] = {"exact": "same-content", "near": "altered-copy", "same-scene": "same-scene"}


def scenes(paths: Sequence[Path], settings: CheckSettings, cache_folder: Path) -> Iterator[Join]:
    """Near-duplicates and photos of one scene, as `patrol data check` finds them; measured in [0, 1], 1 is certain.

    Uses and fills the cache of the check. Features of every photo are in memory meanwhile, about 10 KB each.

    Args:
        paths: The photos, in the order that joins count in.
        settings: What counts as what.
        cache_folder: DATA/cache.
    """
    with FingerprintCache(cache_folder / FINGERPRINTS, settings.features) as cache:
        found = list(fingerprints(paths, cache, settings.features))
        for pair in duplicate_pairs(found, cache, settings.duplicates):
            yield Join(pair.first, pair.second, _REASONS[pair.relation], round(pair.score, 3))


def near_duplicates(fingerprints: NDArray[np.uint8], bits: int) -> Iterator[Join]:
    """Near-duplicates by perceptual hash, measured in bits.

    Every pair is compared, in blocks: a minute for 100,000 photos, and flat memory.

    Args:
        fingerprints: (n, 32), packed perceptual hashes.
        bits: Hamming distance up to which two photos are near-duplicates.
    """
    count = len(fingerprints)
    step = max(1, _COMPARED_AT_ONCE // max(1, count))
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    for start in range(0, count, step):
        block, rest = fingerprints[start : start + step], fingerprints[start:]
        for matches in matcher.radiusMatch(block, rest, bits):
            for match in matches:
                if match.queryIdx < match.trainIdx:
                    yield Join(start + match.queryIdx, start + match.trainIdx, "near-duplicate", match.distance)
