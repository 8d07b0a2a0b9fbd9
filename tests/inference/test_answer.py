"""The JSON of answers: keys, their order, rounding, codes, and what a failed photo looks like."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest

from inference.answer import (
    PROBLEM_TYPE,
    FailureCode,
    PhotoAnswer,
    case_answer,
    failed_photo_answer,
    model_answer,
    photo_answer,
)
from inference.case import merge
from inference.categories import load_catalogue
from inference.classify import PhotoResult, Timings
from inference.codec import PhotoErrorCode
from inference.decide import Suggestion, Verdict
from inference.detections import Detections
from inference.mappings import load_schemes
from inference.package import load_package
from inference.paths import CONFIGS, MODELS
from inference.photo import Photo

CATALOGUE = load_catalogue()
SCHEMES = load_schemes(CONFIGS / "mappings", CATALOGUE)
SCHEME = SCHEMES["gbt47678.5-2026"]

PHOTO_KEYS = [
    "index",
    "filename",
    "sha256",
    "width",
    "height",
    "verdict",
    "warnings",
    "suggestions",
    "detections",
    "error",
]
SUGGESTION_KEYS = [
    "category",
    "name_zh",
    "name_en",
    "probability",
    "decision",
    "codes",
    "department",
    "photo_indexes",
]


def result(*suggestions: Suggestion, verdict: Verdict = "issue", warnings: tuple[str, ...] = ()) -> PhotoResult:
    photo = Photo(
        rgb=np.zeros((3, 4, 3), np.uint8), width=4000, height=3000, sha256="ab" * 32, format="jpeg", warnings=warnings
    )
    boxes = np.array([[1.04, 2.06, 300.25, 400.96], [0, 0, 4000, 3000]], np.float32)
    detections = Detections(boxes, np.array([0.87654321, 0.5], np.float32), ("exposed_garbage", "waste_bin"))
    return PhotoResult(photo, verdict, suggestions, detections, Timings(0, 0, 0))


GARBAGE = Suggestion("exposed_garbage", 0.912345, "prefill")


def answer(*suggestions: Suggestion, scheme: str = SCHEME.name, index: int = 0) -> PhotoAnswer:
    return photo_answer(index, "路口 1.jpg", result(*suggestions), SCHEMES[scheme], CATALOGUE)


def test_photo_has_the_keys_of_the_contract_in_their_order() -> None:
    photo = answer(GARBAGE)
    assert list(photo) == PHOTO_KEYS
    assert list(photo["suggestions"][0]) == SUGGESTION_KEYS
    assert list(photo["detections"][0]) == ["category", "score", "box", "context"]
    assert list(photo["suggestions"][0]["codes"][0]) == ["scheme", "code", "name"]


def test_photo_says_what_the_result_says() -> None:
    photo = answer(GARBAGE, index=3)
    assert (photo["index"], photo["filename"], photo["sha256"]) == (3, "路口 1.jpg", "ab" * 32)
    assert (photo["width"], photo["height"], photo["verdict"]) == (4000, 3000, "issue")
    assert photo["error"] is None
    suggestion = photo["suggestions"][0]
    assert suggestion["name_zh"] == CATALOGUE["exposed_garbage"].name_zh
    assert suggestion["name_en"] == CATALOGUE["exposed_garbage"].name_en
    assert suggestion["decision"] == "prefill"
    assert suggestion["photo_indexes"] == [3]


def test_warnings_are_passed_on() -> None:
    degraded = result(GARBAGE, warnings=("degraded:truncated",))
    assert photo_answer(0, "", degraded, SCHEME, CATALOGUE)["warnings"] == ["degraded:truncated"]


def test_numbers_are_rounded() -> None:
    photo = answer(GARBAGE)
    assert photo["suggestions"][0]["probability"] == 0.9123
    assert photo["detections"][0]["score"] == 0.8765
    assert photo["detections"][0]["box"] == [1.0, 2.1, 300.2, 401.0]


def test_only_context_classes_are_context() -> None:
    assert [detection["context"] for detection in answer(GARBAGE)["detections"]] == [False, True]


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_codes_and_department_are_those_of_the_scheme(scheme: str) -> None:
    for category in (*CATALOGUE.problems, *CATALOGUE.parents):
        suggestion = answer(Suggestion(category.id, 0.5, "suggest"), scheme=scheme)["suggestions"][0]
        assert suggestion["codes"] == [
            {"scheme": scheme, "code": code.code, "name": code.name} for code in SCHEMES[scheme].codes(category.id)
        ]
        assert suggestion["department"] == SCHEMES[scheme].department(category.id)


@pytest.mark.parametrize("code", [code for part in get_args(FailureCode) for code in get_args(part) or (part,)])
def test_failed_photo_has_the_same_keys_and_a_stable_type(code: FailureCode) -> None:
    photo = failed_photo_answer(1, "坏.jpg", code, "it broke")
    assert list(photo) == PHOTO_KEYS
    assert photo["verdict"] == "unusable"
    assert (photo["sha256"], photo["width"], photo["height"]) == (None, None, None)
    assert photo["error"] is not None
    assert photo["error"]["type"] == f"{PROBLEM_TYPE}{code}"
    assert photo["error"]["detail"] == "it broke"
    assert photo["error"]["title"]


def test_every_fault_of_a_photo_has_a_title() -> None:
    for code in get_args(PhotoErrorCode):
        assert failed_photo_answer(0, "", code, "")["error"]


def test_failed_photo_keeps_its_hash_where_there_is_one() -> None:
    assert failed_photo_answer(0, "", "corrupt", "", sha256="cd" * 32)["sha256"] == "cd" * 32


def test_case_has_the_keys_of_the_contract_and_merges_its_photos() -> None:
    model = load_package(MODELS / "street-patrol-n").description
    results = [result(GARBAGE), None, result(Suggestion("exposed_garbage", 0.95, "suggest"))]
    photos = [
        answer(GARBAGE),
        failed_photo_answer(1, "坏.jpg", "empty", "0 bytes"),
        answer(Suggestion("exposed_garbage", 0.95, "suggest"), index=2),
    ]
    case = case_answer("r1", model, merge(results, CATALOGUE), photos, scheme=SCHEME, catalogue=CATALOGUE)
    assert list(case) == ["request_id", "model", "verdict", "suggestions", "photos"]
    assert case["model"] == {"name": model.name, "version": model.version, "data_version": model.data.version}
    assert [s["photo_indexes"] for s in case["suggestions"]] == [[0, 2]]
    assert case["suggestions"][0]["decision"] == "prefill"
    assert case["photos"] == photos


def test_answers_are_json_as_they_are() -> None:
    model = model_answer(load_package(MODELS / "street-patrol-n").description)
    document = {"model": model, "photos": [answer(GARBAGE), failed_photo_answer(1, "", "empty", "")]}
    assert json.loads(json.dumps(document)) == document
