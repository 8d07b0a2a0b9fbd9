"""Thresholds that keep a promise on photos the fit has not seen."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="extra `train` is not installed")

from inference.decide import calibrated
from inference.package import Calibration
from training.calibrate import (
    CalibrationError,
    DecisionFitter,
    PhotoScores,
    evidence,
    expected_calibration_error,
    fit_platt,
    lower_bound,
    pooled_calibration,
    prefill_threshold,
)
from training.settings import DecisionSettings

SETTINGS = DecisionSettings(
    prefill_precision=0.9,
    prefill_lower_bound=0.85,
    prefill_support=25,
    prefill_probability=0.5,
    suggest_precision=0.4,
    suggest_positives=3,
    calibration_positives=15,
    folds=5,
    confidence=0.95,
)
FLOOR = 0.05
POOLED = Calibration(slope=1.0, intercept=0.0, fitted_on="pooled")


def scores(n: int, share: float, skill: float, seed: int = 0) -> PhotoScores:
    """n photos, a share of which shows the category; `skill` standard deviations between the two kinds."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < share
    logits = rng.normal(0, 1, n) + skill * (truth - 0.5)
    return PhotoScores(1 / (1 + np.exp(-logits)), truth, tuple(f"g{i // 2}" for i in range(n)))


@pytest.mark.parametrize(
    ("hits", "n", "bound"),
    [(0, 0, 0.0), (0, 10, 0.0), (10, 10, 0.6915), (90, 100, 0.8238), (95, 100, 0.8872)],
)
def test_lower_bound_is_clopper_pearson(hits: int, n: int, bound: float) -> None:
    assert lower_bound(hits, n, 0.95) == pytest.approx(bound, abs=1e-4)


def test_platt_recovers_the_model_that_made_the_scores() -> None:
    data = scores(20_000, 0.5, 2.0)
    fitted = fit_platt(data.scores, data.truth, 1e-4, "category")
    assert fitted is not None
    assert fitted.slope == pytest.approx(2.0, rel=0.05)  # two unit normals, two apart: log-odds = 2 * logit
    assert fitted.intercept == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("truth", [[True] * 4, [False] * 4, [True, True, False, False]])
def test_platt_never_falls_with_the_score(truth: list[bool]) -> None:
    assert fit_platt(np.array([0.1, 0.2, 0.8, 0.9]), np.array(truth), FLOOR, "category") is None


def test_the_threshold_is_the_lowest_that_keeps_the_promise() -> None:
    probabilities = np.linspace(0, 1, 201)
    truth = probabilities >= 0.7
    threshold = prefill_threshold(probabilities, truth, SETTINGS)
    assert threshold is not None
    at = evidence(probabilities >= threshold, truth, 0.95)
    assert at is not None
    assert at.precision >= 0.9
    assert at.lower_bound >= 0.85
    below = evidence(probabilities >= threshold - 0.005, truth, 0.95)
    assert below is not None
    assert below.precision < 0.9 or below.lower_bound < 0.85


def test_no_single_answer_is_prefilled_below_the_least_probability() -> None:
    probabilities = np.linspace(0, 1, 201)
    right = np.ones(201, dtype=bool)  # every threshold keeps the promise
    assert prefill_threshold(probabilities, right, SETTINGS) == SETTINGS.prefill_probability


@pytest.mark.parametrize(
    ("n", "truth_from"),
    [(24, 0.0), (200, 2.0)],  # too few photos; never right
)
def test_no_threshold_without_support_or_precision(n: int, truth_from: float) -> None:
    probabilities = np.linspace(0, 1, n)
    assert prefill_threshold(probabilities, probabilities >= truth_from, SETTINGS) is None


def test_a_skilled_category_is_prefilled_with_evidence_from_unseen_groups() -> None:
    decision = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(scores(600, 0.4, 5.0))
    assert decision.demoted is None
    assert decision.calibration.fitted_on == "category"
    assert decision.prefill is not None
    assert decision.suggest == 0.4
    assert decision.evidence is not None
    assert decision.evidence.lower_bound >= 0.85
    assert decision.positives + decision.negatives == 600


@pytest.mark.parametrize(
    ("data", "may_prefill", "suggested", "reason"),
    [
        (scores(600, 0.3, 0.5), True, True, "no threshold reaches precision 0.9"),
        (scores(60, 0.1, 6.0, seed=1), True, True, "no threshold reaches"),
        (scores(400, 0.0, 5.0), True, False, "not suggested: 0 held-out photos show it, 3 needed"),
        (scores(600, 0.4, 5.0), False, True, "context class"),
    ],
)
def test_a_category_that_cannot_promise_is_demoted_with_the_reason(
    data: PhotoScores, may_prefill: bool, suggested: bool, reason: str
) -> None:
    decision = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(data, may_prefill=may_prefill)
    assert decision.prefill is None
    assert (decision.suggest is not None) is suggested
    assert decision.demoted is not None
    assert reason in decision.demoted


def test_few_positives_take_the_pooled_calibration() -> None:
    rare = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(scores(100, 0.1, 3.0))
    assert rare.calibration.fitted_on == "pooled"
    assert rare.calibration.slope == POOLED.slope
    assert "held-out photos show it, 15 needed for a calibration of its own" in str(rare.calibration.pooled_because)
    pooled = pooled_calibration({"a": scores(300, 0.5, 3.0), "b": scores(300, 0.1, 3.0)}, FLOOR)
    assert pooled.fitted_on == "pooled"
    with pytest.raises(CalibrationError, match="train longer"):
        pooled_calibration({"a": scores(300, 0.5, -3.0)}, FLOOR)


def test_scores_that_fall_with_truth_take_the_pooled_calibration() -> None:
    backwards = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(scores(300, 0.5, -3.0))
    assert backwards.calibration.pooled_because == "its own photo scores do not rise with truth"
    assert backwards.prefill is None


def test_too_few_groups_to_test_the_promise_demote() -> None:
    data = scores(600, 0.4, 5.0)
    of_few = PhotoScores(data.scores, data.truth, tuple(f"g{i % 4}" for i in range(600)))
    decision = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(of_few)
    assert decision.prefill is None
    assert decision.demoted == "its held-out photos are of 4 groups, 5 needed to test the promise"


def clustered(seed: int) -> PhotoScores:
    """120 scenes of five photos alike: what looks like 600 photos is right or wrong by scene."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.random(120) < 0.5, 5)
    logits = np.repeat(rng.normal(0, 1, 120), 5) + 2.2 * (truth - 0.5)
    return PhotoScores(1 / (1 + np.exp(-logits)), truth, tuple(f"scene{i // 5}" for i in range(600)))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_prefilled_kept_every_part_of_the_promise_on_unseen_groups(seed: int) -> None:
    decision = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(clustered(seed))
    if decision.prefill is None:
        assert decision.demoted
    else:
        assert decision.evidence is not None
        assert decision.evidence.precision >= SETTINGS.prefill_precision
        assert decision.evidence.lower_bound >= SETTINGS.prefill_lower_bound
        assert decision.evidence.support >= SETTINGS.prefill_support


def test_scenes_that_a_threshold_has_seen_do_not_vouch_for_it() -> None:
    """Of the twelve, some keep the promise on the photos they were fitted on and break it on other scenes."""
    fitter = DecisionFitter(SETTINGS, FLOOR, POOLED)
    reasons = {str(fitter.fit(clustered(seed)).demoted) for seed in range(12)}
    assert any("cross-fitted" in reason for reason in reasons)


@pytest.mark.parametrize("seed", range(3))
def test_the_promise_holds_on_new_photos(seed: int) -> None:
    """Thresholds fitted on 600 photos, judged on 20,000 others of the same kind."""
    decision = DecisionFitter(SETTINGS, FLOOR, POOLED).fit(scores(600, 0.4, 4.0, seed=seed))
    assert decision.prefill is not None
    new = scores(20_000, 0.4, 4.0, seed=100 + seed)
    p = np.array([calibrated(max(s, FLOOR), decision.calibration) for s in new.scores.tolist()])
    assert new.truth[p >= decision.prefill].mean() >= SETTINGS.prefill_lower_bound
    said = (p > 0.85) & (p < 0.95)
    assert new.truth[said].mean() == pytest.approx(p[said].mean(), abs=0.1)


def test_calibration_error() -> None:
    assert expected_calibration_error([0.25] * 4, [True, False, False, False]) == pytest.approx(0.0)
    assert expected_calibration_error([0.95] * 10, [False] * 10) == pytest.approx(0.95)
