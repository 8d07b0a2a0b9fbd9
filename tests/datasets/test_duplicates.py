"""Copies are found in every form, other photos are not, and nothing is decoded twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.copies import TRANSFORMS
from datasets.alignment import Alignment, align
from datasets.check_settings import DuplicateSettings, FeatureSettings
from datasets.duplicates import Pair, duplicate_pairs, judged
from datasets.features import features
from datasets.fingerprint_cache import FingerprintCache
from datasets.fingerprints import fingerprints
from inference.photo import read_photo
from tests.datasets.pictures import picture
from tests.photos import Rgb, encode, exif_block, truncated
from tests.shared import shared

FEATURES, DUPLICATES = FeatureSettings(), DuplicateSettings()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FingerprintCache]:
    with FingerprintCache(tmp_path / "cache" / "fingerprints.sqlite", FEATURES) as opened:
        yield opened


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    paths = [folder / name for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    return paths


def pairs(paths: Sequence[Path], cache: FingerprintCache) -> list[Pair]:
    return list(duplicate_pairs(list(fingerprints(paths, cache, FEATURES)), cache, DUPLICATES))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_copy_is_found_among_other_photos(name: str, tmp_path: Path, cache: FingerprintCache) -> None:
    original = picture(0)
    copy = TRANSFORMS[name](original, np.random.default_rng(1))
    others = {f"{seed}.jpg": encode(picture(seed), "jpeg") for seed in range(1, 6)}
    paths = written(tmp_path, {"original.jpg": encode(original, "jpeg"), "copy": copy, **others})
    found = pairs(paths, cache)
    assert [(p.first, p.second, p.relation) for p in found] == [(0, 1, "near")]
    assert found[0].alignment is not None
    assert found[0].alignment.mirrored is (name == "mirrored")


def test_the_same_bytes_are_exact_and_compared_with_others_once(tmp_path: Path, cache: FingerprintCache) -> None:
    data = encode(picture(0), "jpeg")
    smaller = encode(np.asarray(cv2.resize(picture(0), (320, 240)), np.uint8), "jpeg")
    paths = written(tmp_path, {"a.jpg": data, "b.jpg": data, "c.jpg": smaller})
    assert [(p.first, p.second, p.relation) for p in pairs(paths, cache)] == [(0, 1, "exact"), (0, 2, "near")]


def test_one_frame_around_other_photos_is_no_duplicate(tmp_path: Path, cache: FingerprintCache) -> None:
    """Collages of one office, with its frame and logo, show other streets."""
    frame, files = picture(99), {}
    for seed in range(3):
        framed = frame.copy()
        framed[60:-60, 80:-80] = picture(seed)[60:-60, 80:-80]
        files[f"{seed}.jpg"] = encode(framed, "jpeg")
    assert not [pair for pair in pairs(written(tmp_path, files), cache) if pair.relation == "near"]


@pytest.mark.parametrize(
    ("inliers", "spread", "overlap", "correlation", "floor", "expected"),
    [
        (90, 30, 1.0, 0.99, 0.95, "near"),
        (0, 0, 1.0, 0.97, 0.9, "near"),  # blurred beyond any points, but the same all over
        (90, 30, 0.3, 0.99, 0.95, "same-scene"),  # a detail of the other
        (90, 30, 1.0, 0.6, 0.1, "same-scene"),
        (90, 3, 1.0, 0.1, -0.2, None),  # a logo in common
        (9, 9, 1.0, 0.3, 0.0, None),
    ],
)
def test_what_an_alignment_makes_of_a_pair(
    inliers: int, spread: int, overlap: float, correlation: float, floor: float, expected: str | None
) -> None:
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    found = Alignment(identity, False, inliers, spread, overlap, correlation, floor)
    assert judged(found, DUPLICATES) == expected


def crop(rgb: Rgb) -> Rgb:
    return np.ascontiguousarray(rgb[24:456, 32:620])


@pytest.mark.parametrize(
    ("name", "box", "expected"),
    [
        ("cropped", (0.2, 0.3, 0.5, 0.6), (0.1633, 0.2778, 0.4898, 0.6111)),
        ("mirrored", (0.2, 0.3, 0.5, 0.6), (0.5, 0.3, 0.8, 0.6)),
    ],
)
def test_an_alignment_maps_boxes_from_one_photo_to_the_other(
    name: str, box: tuple[float, float, float, float], expected: tuple[float, float, float, float]
) -> None:
    original = picture(3)
    copy = crop(original) if name == "cropped" else np.ascontiguousarray(original[:, ::-1])
    first, second = features(original, FEATURES), features(copy, FEATURES)
    found = align(first, second, DUPLICATES, mirrored=name == "mirrored", alike=False)
    assert found is not None
    assert found.maps(box) == pytest.approx(expected, abs=0.01)
    assert found.inverse().maps(found.maps(box)) == pytest.approx(box, abs=1e-6)


def test_a_second_run_decodes_only_what_changed(
    tmp_path: Path, cache: FingerprintCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = written(tmp_path, {f"{seed}.jpg": encode(picture(seed, 160, 120), "jpeg") for seed in range(5)})
    decoded: list[bytes] = []

    def counting(data: bytes, **options: object) -> object:
        decoded.append(data)
        return read_photo(data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("datasets.fingerprints.read_photo", counting)
    first = [one.facts for one in fingerprints(paths, cache, FEATURES)]
    assert len(decoded) == 5
    assert [one.facts for one in fingerprints(paths, cache, FEATURES)] == first
    assert len(decoded) == 5
    paths[2].write_bytes(encode(picture(9, 200, 120), "jpeg"))
    changed = [one.facts for one in fingerprints(paths, cache, FEATURES)]
    assert len(decoded) == 6
    assert (changed[2].width, changed[3]) == (200, first[3])


def test_other_settings_are_not_served_from_the_cache(tmp_path: Path, cache: FingerprintCache) -> None:
    paths = written(tmp_path, {"a.jpg": encode(picture(0), "jpeg")})
    list(fingerprints(paths, cache, FEATURES))
    other = FEATURES.model_copy(update={"thumbnail": 64})
    with FingerprintCache(tmp_path / "cache" / "fingerprints.sqlite", other) as second:
        list(fingerprints(paths, second, other))
        assert second.features(paths[0]).thumbnail.shape == (64, 64)


def test_a_fingerprint_knows_time_place_and_trouble(tmp_path: Path, cache: FingerprintCache) -> None:
    gps = {1: "N", 2: (31.0, 30.0, 0.0), 3: "E", 4: (121.0, 0.0, 36.0)}
    exif = exif_block(taken_at="2024:05:06 07:08:09", gps=gps)
    whole = encode(picture(0), "jpeg", exif=exif)
    paths = written(tmp_path, {"a.jpg": whole, "b.jpg": truncated(whole), "c.jpg": b"no photo"})
    first, second, third, fourth = (one.facts for one in fingerprints([*paths, tmp_path / "d"], cache, FEATURES))
    assert first.captured_at == "2024-05-06T07:08:09"
    assert first.latitude == pytest.approx(31.5)
    assert first.longitude == pytest.approx(121.01)
    assert second.is_degraded
    assert (third.error, fourth.error) == ("not-an-image", "missing")


def test_real_photos_are_told_apart_and_found_again(tmp_path: Path, cache: FingerprintCache) -> None:
    originals = sorted(shared("data", "amsterdam-patrol", "images").iterdir())[:12]
    small = cv2.imread(str(originals[3]), cv2.IMREAD_COLOR)
    assert small is not None
    copy = tmp_path / "copy.jpg"
    cv2.imwrite(str(copy), cv2.resize(small, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)[10:-10, 20:-5])
    near = [(p.first, p.second) for p in pairs([*originals, copy], cache) if p.relation == "near"]
    assert near == [(3, 12)]


def test_another_shot_of_a_real_place_is_the_same_scene(tmp_path: Path, cache: FingerprintCache) -> None:
    """The view moves, and other things stand in front."""
    photo = cv2.imread(str(sorted(shared("data", "amsterdam-patrol", "images").iterdir())[3]), cv2.IMREAD_COLOR)
    assert photo is not None
    wide = np.asarray(cv2.resize(photo, (900, 680), interpolation=cv2.INTER_AREA), np.uint8)
    here, there = wide[100:580, 100:740].copy(), wide[130:610, 150:790].copy()
    here[260:480, 20:260], there[240:480, 380:620] = 90, 180
    paths = written(tmp_path, {"a.jpg": encode(here, "jpeg"), "b.jpg": encode(there, "jpeg")})
    assert [pair.relation for pair in pairs(paths, cache)] == ["same-scene"]
