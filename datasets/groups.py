"""Which photos belong together: given groups, numbered series, near-duplicates."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.labels import LabelledPhoto
from inference.photo import read_photo

_EXPORT_SUFFIX = re.compile(r"_(jpe?g|png)\.rf\.[0-9a-f]+$", re.IGNORECASE)
_SERIAL = re.compile(r"^(.*?)(\d+)\D*$")
THUMBNAIL = 64
_HASH_SIDE = 16


def perceptual_hash(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """256-bit DCT hash of an (h, w, 3) picture: signs of its low frequencies against their median.

    The 16 x 16 variant of pHash (Zauner 2010); aspect ratio is ignored, so stretched copies agree.
    """
    grey = cv2.cvtColor(cv2.resize(rgb, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    low = cv2.dct(grey.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].ravel()
    return np.asarray(low > np.median(low), dtype=np.bool_)


def given_groups(path: Path) -> dict[str, str]:
    """File name -> group of a `groups.json`, or nothing when the file is absent."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def series(name: str, block: int) -> str:
    """Group of a numbered file name: neighbours within `block` consecutive numbers share it.

    Photos of one pole, stop or street front are usually taken in a row.
    """
    stem = _EXPORT_SUFFIX.sub("", Path(name).stem)
    match = _SERIAL.match(stem)
    if match is None:
        return stem
    prefix, number = match.groups()
    return f"{prefix}#{int(number) // block}"


def near_duplicates(hashes: NDArray[np.bool_], max_distance: int) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of rows at most `max_distance` bits apart.

    Args:
        hashes: (n, bits).
        max_distance: Hamming distance in bits.
    """
    signs = hashes.astype(np.float32) * 2 - 1
    bits = hashes.shape[1]
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(signs), 1024):
        agreement = signs[start : start + 1024] @ signs.T
        rows, columns = np.nonzero(agreement >= bits - 2 * max_distance)
        pairs += [(start + int(i), int(j)) for i, j in zip(rows, columns, strict=True) if start + i < j]
    return pairs


def photo_hashes(photos: Sequence[LabelledPhoto]) -> NDArray[np.bool_]:
    """(n, 256) perceptual hashes of the photos' files."""
    side = THUMBNAIL * 4
    return np.stack(
        [perceptual_hash(read_photo(p.path.read_bytes(), target_side=side, allow_degraded=True).rgb) for p in photos]
    )


def joined(labels: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Group names after joining the groups of every pair (union-find); the smallest name wins."""
    parent = {label: label for label in labels}

    def root(label: str) -> str:
        while parent[label] != label:
            parent[label] = parent[parent[label]]
            label = parent[label]
        return label

    for i, j in pairs:
        first, second = sorted((root(labels[i]), root(labels[j])))
        parent[second] = first
    return [root(label) for label in labels]


def members(groups: Iterable[str]) -> dict[str, list[int]]:
    """Group -> positions."""
    found: dict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        found[group].append(position)
    return dict(found)
