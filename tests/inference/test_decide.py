"""Detections -> suggestions, verdict and evidence, by tables; scores are probabilities here unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.categories import Catalogue, UnknownCategory
from inference.decide import Decider, PhotoDecision, Suggestion, calibrated, ordered, rolled_up, street_probability
from inference.detections import Detections
from inference.letterbox import InputRecipe
from inference.package import (
    Calibration,
    CategoryDecision,
    FileRecord,
    ModelDescription,
    NmsRecipe,
    SceneHead,
    Trainer,
    TrainingData,
    VerdictRecipe,
)
from inference.quality import Quality

PLAIN = Calibration(slope=1, intercept=0, fitted_on="pooled")
SHARP, BLACK = Quality(contrast=50, sharpness=500), Quality(contrast=1, sharpness=0)
SCENE = SceneHead(weights=(1.0, -1.0), bias=0.0, unrelated_below=0.5, evidence={})
STREET, INDOORS = np.array([2, 0], np.float32), np.array([0, 2], np.float32)


def thresholds(
    suggest: float | None, prefill: float | None = None, calibration: Calibration = PLAIN
) -> CategoryDecision:
    return CategoryDecision(
        calibration=calibration,
        suggest=suggest,
        prefill=prefill,
        demoted=None if prefill is not None else "too few photos",
        evidence=None,
        positives=0,
        negatives=0,
    )


DECISIONS = {
    "exposed_garbage": thresholds(0.4, 0.8),
    "overflowing_bin": thresholds(0.4, 0.8),
    "rubble_muck_pile": thresholds(None),
    "garbage": thresholds(0.3, 0.6),
    "illegal_parking_motor": thresholds(0.5),
    "illegal_parking_nonmotor": thresholds(0.5),
    "disorderly_parking": thresholds(0.4),
    "damaged_road": thresholds(0.6, 0.9),
    "waste_bin": thresholds(0.4),
}


def described(**changes: Any) -> ModelDescription:
    """A description of a model that does not exist."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": "test",
        "version": "1",
        "created": "2026-01-01T00:00:00+00:00",
        "licence": "AGPL-3.0-or-later",
        "categories": tuple(c for c in DECISIONS if c not in ("garbage", "disorderly_parking")),
        "input": InputRecipe(width=640, height=640),
        "nms": NmsRecipe(score_floor=0.05, iou=0.6, max_detections=300),
        "decisions": DECISIONS,
        "verdicts": VerdictRecipe(uncertain_ratio=0.5, min_contrast=4, min_sharpness=3),
        "left_out": {},
        "scene": SCENE,
        "data": TrainingData(version="none", sources=()),
        "trainer": Trainer(name="t", version="1", licence="MIT", start_weights="w", start_sha256="0"),
        "metrics": {},
        "files": {name: FileRecord(sha256="0" * 64, bytes=0) for name in ("model.onnx", "golden.json")},
    }
    return ModelDescription(**fields | changes)


def boxes(*scored: tuple[str, float]) -> Detections:
    rows = np.array([[10 * i, 0, 10 * i + 9, 9] for i in range(len(scored))], np.float32).reshape(-1, 4)
    return Detections(rows, np.array([score for _, score in scored], np.float32), tuple(c for c, _ in scored))


def decide(catalogue: Catalogue, *scored: tuple[str, float], **changes: Any) -> PhotoDecision:
    return Decider(described(**changes), catalogue).decide(boxes(*scored), STREET, SHARP)


def said(decision: PhotoDecision) -> list[tuple[str, str]]:
    return [(suggestion.category, suggestion.decision) for suggestion in decision.suggestions]


# --------------------------------------------------------------------------------------------- calibration

calibrations = st.builds(
    Calibration,
    slope=st.floats(1e-3, 1e4),
    intercept=st.floats(-1e4, 1e4),
    fitted_on=st.just("category"),
)
scores = st.floats(0, 1)


@given(calibration=calibrations, score=scores, other=scores)
def test_calibration_is_a_probability_and_never_falls(calibration: Calibration, score: float, other: float) -> None:
    low, high = sorted((score, other))
    assert 0 <= calibrated(low, calibration) <= calibrated(high, calibration) <= 1


@pytest.mark.parametrize(
    ("score", "slope", "intercept", "probability"),
    [
        (0.5, 1, 0, 0.5),
        (0.3, 1, 0, 0.3),
        (0.5, 7, 0, 0.5),
        (0.5, 1, 1.0986, 0.75),
        (0.9, 2, 0, 0.98780),
        (0, 1, 0, 1e-6),
        (1, 1, 0, 1 - 1e-6),
        (0, 1000, 0, 0),
        (1, 1000, 0, 1),
        (0, 1000, -1000, 0),
    ],
)
def test_calibrated_values(score: float, slope: float, intercept: float, probability: float) -> None:
    calibration = Calibration(slope=slope, intercept=intercept, fitted_on="pooled")
    assert calibrated(score, calibration) == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("far", [-1e6, -800, 800, 1e6])
def test_street_probability_far_out(far: float) -> None:
    head = SceneHead(weights=(1.0,), bias=0, unrelated_below=0.5, evidence={})
    assert street_probability(np.array([far], np.float32), head) == pytest.approx(float(far > 0))


def test_street_probability_wants_the_heads_own_embedding() -> None:
    with pytest.raises(ValueError, match=r"embedding must have shape \(2,\), but got \(3,\)"):
        street_probability(np.zeros(3, np.float32), SCENE)


# ----------------------------------------------------------------------------------------------- decisions


@pytest.mark.parametrize(
    ("probability", "suggest", "prefill", "expected"),
    [
        (0.39, 0.4, 0.8, None),
        (0.41, 0.4, 0.8, "suggest"),
        (0.79, 0.4, 0.8, "suggest"),
        (0.81, 0.4, 0.8, "prefill"),
        (0.99, 0.4, None, "suggest"),
        (0.99, None, None, None),
        (0.61, 0.6, 0.6, "prefill"),
        (0.10, 0.0, None, "suggest"),
        (0.99, 1.0, 1.0, None),
    ],
)
def test_probability_to_decision(
    catalogue: Catalogue, probability: float, suggest: float | None, prefill: float | None, expected: str | None
) -> None:
    decisions = {"damaged_road": thresholds(suggest, prefill)}
    decision = decide(catalogue, ("damaged_road", probability), decisions=decisions)
    assert said(decision) == ([] if expected is None else [("damaged_road", expected)])
    if expected is not None:
        assert decision.suggestions[0].probability == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
def test_the_threshold_itself_is_enough(catalogue: Catalogue, threshold: float) -> None:
    exactly = calibrated(threshold, PLAIN)
    decisions = {"damaged_road": thresholds(exactly / 2, exactly)}
    assert said(decide(catalogue, ("damaged_road", threshold), decisions=decisions)) == [("damaged_road", "prefill")]


def test_the_strongest_box_decides_and_the_calibration_is_the_categorys_own(catalogue: Catalogue) -> None:
    shifted = Calibration(slope=1, intercept=2, fitted_on="category")
    decisions = {"damaged_road": thresholds(0.5, None, shifted), "waste_bin": thresholds(0.5)}
    decision = decide(catalogue, ("damaged_road", 0.3), ("damaged_road", 0.1), decisions=decisions)
    assert decision.suggestions[0].probability == pytest.approx(calibrated(0.3, shifted), abs=1e-6)


def test_prefills_first_then_by_probability_then_by_id() -> None:
    given = [
        Suggestion("b", 0.7, "suggest"),
        Suggestion("a", 0.7, "suggest"),
        Suggestion("c", 0.95, "suggest"),
        Suggestion("d", 0.6, "prefill"),
        Suggestion("e", 0.9, "prefill"),
    ]
    assert [suggestion.category for suggestion in ordered(given)] == ["e", "d", "c", "a", "b"]
    assert ordered(reversed(given)) == ordered(given)


def test_the_order_of_boxes_changes_nothing(catalogue: Catalogue) -> None:
    scored = [("damaged_road", 0.7), ("exposed_garbage", 0.7), ("overflowing_bin", 0.7), ("waste_bin", 0.7)]
    assert decide(catalogue, *scored).suggestions == decide(catalogue, *reversed(scored)).suggestions


# ------------------------------------------------------------------------------------------------ roll-up


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        pytest.param({"exposed_garbage": 0.35}, [("garbage", "suggest")], id="child unsure, parent sure"),
        pytest.param(
            {"exposed_garbage": 0.35, "overflowing_bin": 0.38}, [("garbage", "suggest")], id="two unsure children"
        ),
        pytest.param({"rubble_muck_pile": 0.7}, [("garbage", "prefill")], id="child never suggested"),
        pytest.param({"exposed_garbage": 0.5}, [("exposed_garbage", "suggest")], id="child as firm as its parent"),
        pytest.param(
            {"exposed_garbage": 0.7}, [("garbage", "prefill"), ("exposed_garbage", "suggest")], id="parent firmer"
        ),
        pytest.param({"exposed_garbage": 0.9}, [("exposed_garbage", "prefill")], id="both prefilled"),
        pytest.param(
            {"exposed_garbage": 0.9, "overflowing_bin": 0.5},
            [("exposed_garbage", "prefill"), ("overflowing_bin", "suggest")],
            id="firmest child counts",
        ),
        pytest.param({"exposed_garbage": 0.2}, [], id="nobody sure"),
        pytest.param(
            {"illegal_parking_motor": 0.45, "exposed_garbage": 0.35},
            [("disorderly_parking", "suggest"), ("garbage", "suggest")],
            id="two families",
        ),
    ],
)
def test_roll_up(catalogue: Catalogue, scored: Mapping[str, float], expected: list[tuple[str, str]]) -> None:
    assert said(decide(catalogue, *scored.items())) == expected


def test_a_parent_has_the_score_of_its_strongest_child(catalogue: Catalogue) -> None:
    decision = decide(catalogue, ("rubble_muck_pile", 0.5), ("exposed_garbage", 0.35))
    assert decision.suggestions[0].category == "garbage"
    assert decision.suggestions[0].probability == pytest.approx(0.5, abs=1e-6)


def test_a_parent_that_the_package_does_not_decide_is_never_suggested(catalogue: Catalogue) -> None:
    decisions = {k: v for k, v in DECISIONS.items() if k != "garbage"}
    assert said(decide(catalogue, ("exposed_garbage", 0.39), decisions=decisions)) == []


@pytest.mark.parametrize(
    ("child", "parent", "kept"),
    [
        (None, "suggest", ["garbage"]),
        ("suggest", "suggest", ["exposed_garbage"]),
        ("prefill", "suggest", ["exposed_garbage"]),
        ("suggest", "prefill", ["garbage", "exposed_garbage"]),
        ("prefill", "prefill", ["exposed_garbage"]),
        ("prefill", None, ["exposed_garbage"]),
    ],
)
def test_rolled_up(catalogue: Catalogue, child: Any, parent: Any, kept: list[str]) -> None:
    pairs = (("exposed_garbage", child), ("garbage", parent))
    suggestions = {category: Suggestion(category, 0.9, decision) for category, decision in pairs if decision}
    assert [suggestion.category for suggestion in rolled_up(suggestions, catalogue)] == kept


# ------------------------------------------------------------------------------------------------ verdict


@pytest.mark.parametrize(
    ("scored", "embedding", "quality", "verdict"),
    [
        pytest.param({"exposed_garbage": 0.5}, STREET, SHARP, "issue", id="a suggestion"),
        pytest.param({"exposed_garbage": 0.35}, STREET, SHARP, "issue", id="a suggested parent"),
        pytest.param({"exposed_garbage": 0.5}, INDOORS, SHARP, "issue", id="a suggestion outweighs the scene"),
        pytest.param({"exposed_garbage": 0.5}, STREET, BLACK, "issue", id="a suggestion outweighs the quality"),
        pytest.param({}, STREET, SHARP, "no_issue", id="nothing"),
        pytest.param({"damaged_road": 0.29}, STREET, SHARP, "no_issue", id="under half of the threshold"),
        pytest.param({"damaged_road": 0.31}, STREET, SHARP, "uncertain", id="over half of the threshold"),
        pytest.param({"exposed_garbage": 0.16}, STREET, SHARP, "uncertain", id="over half of the parent's"),
        pytest.param({"rubble_muck_pile": 0.14}, STREET, SHARP, "no_issue", id="never suggested, weak"),
        pytest.param({"damaged_road": 0.31}, INDOORS, SHARP, "unrelated", id="unsure about no street"),
        pytest.param({}, INDOORS, SHARP, "unrelated", id="no street"),
        pytest.param({"waste_bin": 0.9}, INDOORS, SHARP, "no_issue", id="a bin is of the street"),
        pytest.param({}, INDOORS, BLACK, "unusable", id="too dark to say whether it is a street"),
        pytest.param({"damaged_road": 0.31}, STREET, BLACK, "unusable", id="unsure in the dark"),
        pytest.param({"waste_bin": 0.9}, STREET, SHARP, "no_issue", id="a bin is no problem"),
        pytest.param({}, None, SHARP, "no_issue", id="a model without embedding"),
    ],
)
def test_verdict(
    catalogue: Catalogue, scored: Mapping[str, float], embedding: Any, quality: Quality, verdict: str
) -> None:
    decision = Decider(described(), catalogue).decide(boxes(*scored.items()), embedding, quality)
    assert decision.verdict == verdict
    assert bool(decision.suggestions) is (verdict == "issue")


def test_a_category_never_suggested_makes_a_photo_uncertain_from_half_on(catalogue: Catalogue) -> None:
    decisions = {"rubble_muck_pile": thresholds(None)}
    for probability, verdict in ((0.49, "no_issue"), (0.51, "uncertain"), (0.99, "uncertain")):
        assert decide(catalogue, ("rubble_muck_pile", probability), decisions=decisions).verdict == verdict


def test_without_a_scene_head_nothing_is_unrelated(catalogue: Catalogue) -> None:
    decision = Decider(described(scene=None), catalogue).decide(boxes(), INDOORS, SHARP)
    assert decision.verdict == "no_issue"


def test_a_degraded_photo_is_never_prefilled(catalogue: Catalogue) -> None:
    decider = Decider(described(), catalogue)
    found = boxes(("exposed_garbage", 0.95), ("damaged_road", 0.95))
    whole = decider.decide(found, STREET, SHARP)
    degraded = decider.decide(found, STREET, SHARP, degraded=True)
    assert said(whole) == [("damaged_road", "prefill"), ("exposed_garbage", "prefill")]
    assert said(degraded) == [("damaged_road", "suggest"), ("exposed_garbage", "suggest")]
    assert degraded.verdict == "issue"
    assert [s.probability for s in degraded.suggestions] == [s.probability for s in whole.suggestions]


# ----------------------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        pytest.param(
            [("exposed_garbage", 0.9), ("exposed_garbage", 0.45), ("exposed_garbage", 0.2)],
            [0.9, 0.45],
            id="boxes that alone would suggest it",
        ),
        pytest.param(
            [("exposed_garbage", 0.35), ("overflowing_bin", 0.32), ("exposed_garbage", 0.29)],
            [0.35, 0.32],
            id="children's boxes for a suggested parent",
        ),
        pytest.param([("exposed_garbage", 0.25)], [], id="nothing suggested, nothing shown"),
        pytest.param([("exposed_garbage", 0.5), ("damaged_road", 0.5)], [0.5], id="no box of a category not suggested"),
        pytest.param([("waste_bin", 0.7), ("waste_bin", 0.2)], [0.7], id="context, where it is sure"),
        pytest.param([("rubble_muck_pile", 0.5)], [0.5], id="never suggested itself, but evidence for its parent"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_evidence(catalogue: Catalogue, scored: list[tuple[str, float]], expected: list[float]) -> None:
    evidence = decide(catalogue, *scored).evidence
    assert evidence.scores.tolist() == pytest.approx(expected)


def test_every_suggestion_has_evidence(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(0)
    decider = Decider(described(), catalogue)
    names = described().categories
    for _ in range(200):
        found = boxes(*((str(rng.choice(names)), float(rng.uniform(0.05, 1))) for _ in range(rng.integers(0, 6))))
        decision = decider.decide(found, STREET, SHARP)
        shown = {*decision.evidence.categories}
        for suggestion in decision.suggestions:
            children = {child.id for child in catalogue.children(suggestion.category)}
            assert shown & {suggestion.category, *children}


# ---------------------------------------------------------------------------------------------- the package


@pytest.mark.parametrize(
    "changes",
    [
        {"categories": ("exposed_garbage", "exposed_garbadge")},
        {"decisions": DECISIONS | {"exposed_garbadge": thresholds(0.5)}},
    ],
    ids=["detected", "decided"],
)
def test_a_package_with_a_category_that_nobody_knows_is_refused(catalogue: Catalogue, changes: dict[str, Any]) -> None:
    with pytest.raises(UnknownCategory, match=r"'exposed_garbadge'\. Did you mean exposed_garbage"):
        Decider(described(**changes), catalogue)


def test_a_category_without_decision_is_never_suggested(catalogue: Catalogue) -> None:
    decision = decide(catalogue, ("damaged_road", 0.99), decisions={})
    assert (decision.verdict, decision.suggestions, len(decision.evidence)) == ("no_issue", (), 0)
