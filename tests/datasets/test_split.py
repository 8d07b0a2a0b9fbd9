"""Groups stay together, and stay where they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.groups import joined, members, near_duplicates, perceptual_hash, series
from datasets.labels import LabelledPhoto, Split
from datasets.split import assign


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("Cbtong_tt_-11-_jpg.rf.07dbd5ff59516cd1e271a346118fc23c.jpg", "Cbtong_tt_-12-_jpg.rf.0a.jpg", True),
        ("Cbtong_tt_-19-_jpg.rf.0a.jpg", "Cbtong_tt_-20-_jpg.rf.0b.jpg", False),
        ("pole_12.jpg", "street_12.jpg", False),
        ("img_40.jpg", "img_41.jpg", True),
        ("morning.jpg", "evening.jpg", False),
    ],
)
def test_series(first: str, second: str, together: bool) -> None:
    assert (series(first, 10) == series(second, 10)) is together


def scene(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def test_hashes_tell_copies_from_other_photos() -> None:
    base = scene(0)
    ok, coded = cv2.imencode(".jpg", base, [cv2.IMWRITE_JPEG_QUALITY, 40])
    copies = [
        cv2.resize(base, (200, 200)),
        cv2.imdecode(coded, cv2.IMREAD_COLOR),
        cv2.convertScaleAbs(base, alpha=0.9, beta=8),
    ]
    others = [scene(seed) for seed in range(1, 6)]
    hashes = np.stack([perceptual_hash(np.asarray(p, np.uint8)) for p in (base, *copies, *others)])
    assert ok
    assert near_duplicates(hashes, 40) == [(i, j) for i in range(4) for j in range(i + 1, 4)]


def test_joined_is_transitive() -> None:
    assert joined(["a", "b", "c", "d"], [(2, 1), (1, 0)]) == ["a", "a", "a", "d"]
    assert members(["x", "y", "x"]) == {"x": [0, 2], "y": [1]}


def photo(source: str, name: str, group: str) -> LabelledPhoto:
    return LabelledPhoto(source, Path(name), group=group)


def split_of(photos: list[LabelledPhoto], fixed: dict[str, Split], seed: int = 0) -> dict[str, Split | None]:
    done = assign(photos, fixed=fixed, held_out=frozenset({"far"}), val_fraction=0.3, seed=seed)
    return {p.key: p.split for p in done}


def test_a_proposed_split_and_held_out_sources_are_kept() -> None:
    photos = [photo("near", "1", "g1"), photo("near", "2", "g2"), photo("far", "3", "g3")]
    got = split_of(photos, {"near/1": "val", "near/2": "train"})
    assert got == {"near/1": "val", "near/2": "train", "far/3": "test"}


def test_a_group_goes_whole_to_its_most_protected_part() -> None:
    photos = [
        photo("near", "1", "g"),
        photo("near", "2", "g"),
        photo("near", "3", "h"),
        photo("far", "4", "h"),
    ]
    got = split_of(photos, {"near/1": "val", "near/2": "train", "near/3": "train"})
    assert got == {"near/1": "val", "near/2": "val", "near/3": "test", "far/4": "test"}


def test_new_photos_move_no_old_group() -> None:
    old = [photo("near", str(i), f"g{i // 3}") for i in range(300)]
    before = split_of(old, {})
    after = split_of(old + [photo("near", f"new{i}", f"n{i}") for i in range(200)], {})
    assert {key: after[key] for key in before} == before
    assert 0.2 < sum(part == "val" for part in before.values()) / 300 < 0.4
    assert split_of(old, {}, seed=1) != before
