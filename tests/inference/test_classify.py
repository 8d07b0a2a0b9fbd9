"""The whole path of a photo with the shipped model: the same answer however the photo is stored and whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.categories import Catalogue
from inference.classify import Classifier, PhotoResult
from inference.detections import Detections
from inference.golden import generated_picture
from inference.photo import PhotoError, PhotoLimits, read_photo
from tests.photos import ORIENTATIONS, encode, encodings, noisy_scene, scene, truncated

WEAK = 0.001
MIN_IOU = 0.95
FULL_SIZE = 1_000_000
GENEROUS = PhotoLimits(max_bytes=200_000_000)
_ANY_CALLER = 8


def rows(detections: Detections) -> set[tuple[object, ...]]:
    table = zip(detections.categories, detections.scores.tolist(), detections.xyxy.tolist(), strict=True)
    return {(category, score, *box) for category, score, box in table}


def said(result: PhotoResult) -> list[tuple[str, str]]:
    return sorted((suggestion.category, suggestion.decision) for suggestion in result.suggestions)


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared_area = float(np.clip(sides, 0, None).prod())
    return shared_area / (float((a[2:] - a[:2]).prod()) + float((b[2:] - b[:2]).prod()) - shared_area)


def strongest(detections: Detections) -> dict[str, NDArray[np.float32]]:
    """Category -> its strongest box; detections come strongest first."""
    found: dict[str, NDArray[np.float32]] = {}
    for category, box in zip(detections.categories, detections.xyxy, strict=True):
        found.setdefault(category, box)
    return found


def assert_same_answer(found: PhotoResult, expected: PhotoResult, catalogue: Catalogue) -> None:
    assert (found.verdict, said(found)) == (expected.verdict, said(expected))
    assert (found.photo.width, found.photo.height) == (expected.photo.width, expected.photo.height)
    boxes, wanted = strongest(found.detections), strongest(expected.detections)
    for suggestion in expected.suggestions:
        family = {suggestion.category, *(child.id for child in catalogue.children(suggestion.category))}
        category = next(category for category in wanted if category in family)
        assert iou(boxes[category], wanted[category]) >= MIN_IOU


def assert_identical(found: PhotoResult, expected: PhotoResult) -> None:
    assert (found.verdict, found.suggestions) == (expected.verdict, expected.suggestions)
    assert found.detections.categories == expected.detections.categories
    np.testing.assert_array_equal(found.detections.xyxy, expected.detections.xyxy)
    np.testing.assert_array_equal(found.detections.scores, expected.detections.scores)


# ---------------------------------------------------------------------------------- however it is stored


@pytest.fixture(scope="module")
def full_size(clear_phone_photo: Path) -> NDArray[np.uint8]:
    return read_photo(clear_phone_photo.read_bytes(), target_side=FULL_SIZE).rgb


@pytest.fixture(scope="module")
def original(classifier: Classifier, clear_phone_photo: Path) -> PhotoResult:
    result = classifier.classify(clear_phone_photo.read_bytes())
    assert result.suggestions
    assert max(result.photo.rgb.shape) < max(result.photo.width, result.photo.height)  # at reduced scale
    return result


def test_boxes_of_a_photo_decoded_at_full_size_are_the_same(
    classifier: Classifier, original: PhotoResult, full_size: NDArray[np.uint8]
) -> None:
    result = classifier.classify(encode(full_size, "bmp"), limits=GENEROUS)
    assert result.photo.rgb.shape == (result.photo.height, result.photo.width, 3)
    assert_same_answer(result, original, classifier.catalogue)


@pytest.mark.parametrize("orientation", [o for o in ORIENTATIONS if o != 1])
def test_boxes_of_a_turned_photo_are_the_same(
    classifier: Classifier, original: PhotoResult, full_size: NDArray[np.uint8], orientation: int
) -> None:
    result = classifier.classify(encode(full_size, "jpeg", orientation=orientation))
    assert result.photo.rgb.size < full_size.size
    assert_same_answer(result, original, classifier.catalogue)


def test_a_small_photo_has_the_same_answer_in_lossless_forms(classifier: Classifier, clear_patrol_photo: Path) -> None:
    data = clear_patrol_photo.read_bytes()
    expected = classifier.classify(data)
    for kind in ("png", "bmp", "tiff"):
        assert_identical(classifier.classify(encode(read_photo(data, target_side=FULL_SIZE).rgb, kind)), expected)


def test_generated_pictures_have_the_same_boxes_in_every_form(classifier: Classifier) -> None:
    """Runs also where there are no photos: weak boxes of a picture that shows nothing, at the same places."""
    files = encodings(noisy_scene(640, 480))
    expected = classifier.classify(files["png-rgb"], min_score=WEAK)
    for name in ("bmp", "tiff", "png-16bit", "webp-lossless", "png-rgba"):
        assert_identical(classifier.classify(files[name], min_score=WEAK), expected)
    for orientation in ORIENTATIONS:
        result = classifier.classify(files[f"jpeg-orientation-{orientation}"], min_score=WEAK)
        assert (result.photo.width, result.photo.height) == (640, 480)
        best = result.detections.xyxy[0] if len(result.detections) else np.zeros(4, np.float32)
        assert (best <= [640, 480, 640, 480]).all()


# ------------------------------------------------------------------------------------------- min_score


@pytest.fixture(params=["scene", "patrol photo"])
def data(request: pytest.FixtureRequest) -> bytes:
    if request.param == "scene":
        return encode(noisy_scene(900, 700), "jpeg")
    path: Path = request.getfixturevalue("clear_patrol_photo")
    return path.read_bytes()


def test_a_low_min_score_shows_more_and_decides_the_same(classifier: Classifier, data: bytes) -> None:
    plain = classifier.classify(data)
    previous = rows(plain.detections)
    for min_score in (classifier.package.description.nms.score_floor, 0.01, WEAK):
        shown = classifier.classify(data, min_score=min_score)
        assert (shown.verdict, shown.suggestions) == (plain.verdict, plain.suggestions)
        assert previous <= rows(shown.detections)
        assert (shown.detections.scores >= np.float32(min_score)).all()
        previous = rows(shown.detections)
    assert len(previous) > len(plain.detections)


@pytest.mark.parametrize(("min_score", "most"), [(0.0, 300), (0.5, 300), (1.0, 0)])
def test_min_score_may_be_anything_from_0_to_1(
    classifier: Classifier, data: bytes, min_score: float, most: int
) -> None:
    result = classifier.classify(data, min_score=min_score)
    assert len(result.detections) <= most
    assert (result.detections.scores >= min_score).all()


# ------------------------------------------------------------------------------------------ whoever asks


def asked_by_eight(classifier: Classifier, files: Mapping[str, bytes]) -> None:
    alone = {name: classifier.classify(data, min_score=WEAK) for name, data in files.items()}
    work = [*files] * 2
    with ThreadPoolExecutor(_ANY_CALLER) as pool:
        together = list(pool.map(lambda name: classifier.classify(files[name], min_score=WEAK), work))
    for name, result in zip(work, together, strict=True):
        assert result.photo.sha256 == alone[name].photo.sha256
        assert_identical(result, alone[name])


def test_eight_threads_get_the_answers_of_their_own_photos(classifier: Classifier, patrol_photos: list[Path]) -> None:
    asked_by_eight(classifier, {path.name: path.read_bytes() for path in patrol_photos[:_ANY_CALLER]})


def test_eight_threads_get_the_answers_of_generated_photos(classifier: Classifier) -> None:
    pictures = {name: generated_picture(name) for name in ("blocks", "noise")}
    pictures |= {f"scene {side}": noisy_scene(side, 600) for side in (300, 700, 1500)}
    asked_by_eight(classifier, {name: encode(rgb, "jpeg") for name, rgb in pictures.items()})


def test_a_second_classifier_of_the_same_package_agrees(
    classifier: Classifier, model_folder: Path, clear_patrol_photo: Path
) -> None:
    data = clear_patrol_photo.read_bytes()
    other = Classifier.load(model_folder, classifier.catalogue, "cpu")
    assert_identical(other.classify(data), classifier.classify(data))


# ------------------------------------------------------------------------------------------- odd photos


@pytest.mark.parametrize(("width", "height"), [(16, 4000), (4000, 16), (16, 16), (33, 20), (640, 640), (3000, 2000)])
def test_boxes_of_any_shape_lie_in_the_photo(classifier: Classifier, width: int, height: int) -> None:
    rgb = np.random.default_rng(4).integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = classifier.classify(encode(rgb, "jpeg"), min_score=0.0)
    boxes = result.detections.xyxy
    assert np.isfinite(boxes).all()
    assert (boxes >= 0).all()
    assert (boxes <= [width, height, width, height]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize("value", [0, 255])
def test_a_covered_lens_is_unusable(classifier: Classifier, value: int) -> None:
    result = classifier.classify(encode(np.full((480, 640, 3), value, np.uint8), "jpeg"))
    assert (result.verdict, result.suggestions, len(result.detections)) == ("unusable", (), 0)


def test_a_photo_cut_off_in_transfer_is_judged_without_prefilling(
    classifier: Classifier, clear_patrol_photo: Path
) -> None:
    result = classifier.classify(truncated(clear_patrol_photo.read_bytes(), 0.9))
    assert result.photo.degraded
    assert {suggestion.decision for suggestion in result.suggestions} <= {"suggest"}


def test_what_is_no_photo_is_refused_and_leaves_the_classifier_well(classifier: Classifier) -> None:
    good = encode(scene(), "jpeg")
    before = classifier.classify(good, min_score=WEAK)
    with pytest.raises(PhotoError, match="send a JPEG"):
        classifier.classify(b"no photo at all, just some words")
    assert_identical(classifier.classify(good, min_score=WEAK), before)


def test_limits_are_those_of_the_caller(classifier: Classifier) -> None:
    with pytest.raises(PhotoError, match="over the 10,000 allowed"):
        classifier.classify(encode(scene(), "png"), limits=PhotoLimits(max_pixels=10_000))


def test_timings_cover_every_stage(classifier: Classifier) -> None:
    result = classifier.classify(encode(scene(), "jpeg"))
    assert all(0 < seconds < 60 for seconds in astuple(result.timings))
