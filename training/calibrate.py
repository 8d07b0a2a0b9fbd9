"""Photo scores -> probabilities and thresholds that keep a promise on photos the fit has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from inference.decide import calibrated
from inference.errors import PatrolError
from inference.package import Calibration, CategoryDecision, Evidence
from training.settings import DecisionSettings


class CalibrationError(PatrolError):
    """Photo scores that no probability can be made of, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoScores:
    """One category on the held-out photos where the truth is known.

    Attributes:
        scores: float (n,), the photo scores; 0 without a detection.
        truth: bool (n,), whether the photo shows the category.
        groups: n names; photos of one group stay in one fold.
    """

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    groups: tuple[str, ...]

    def take(self, rows: NDArray[np.intp]) -> PhotoScores:
        """Some of the photos."""
        return PhotoScores(self.scores[rows], self.truth[rows], tuple(self.groups[i] for i in rows))

    @property
    def positives(self) -> int:
        """Photos that show the category."""
        return int(self.truth.sum())


def fit_platt(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], floor: float, fitted_on: str
) -> Calibration | None:
    """Platt scaling on logits (Platt 1999); None where it would not rise with the score.

    Args:
        scores: (n,) photo scores.
        truth: (n,).
        floor: Detection floor; a photo without detections stands at it.
        fitted_on: `category` or `pooled`.
    """
    if truth.all() or not truth.any():
        return None
    clipped = np.clip(scores, floor, 1 - 1e-6)
    model = LogisticRegression(C=10.0).fit(np.log(clipped / (1 - clipped))[:, None], truth)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        return None
    return Calibration.model_validate({"slope": slope, "intercept": intercept, "fitted_on": fitted_on})


def lower_bound(hits: int, n: int, confidence: float) -> float:
    """Clopper-Pearson lower bound of hits / n, two-sided `confidence`; 0 for n = 0."""
    return float(binomtest(hits, n).proportion_ci(confidence, method="exact").low) if n else 0.0


def prefill_threshold(
    probabilities: NDArray[np.float64], truth: NDArray[np.bool_], settings: DecisionSettings
) -> float | None:
    """The lowest probability from which precision, lower bound and support keep the promise, or None.

    Good company must not carry a doubtful answer: the threshold is never below `prefill_probability`.
    """
    for threshold in np.unique(probabilities[probabilities >= settings.prefill_probability]):
        at = probabilities >= threshold
        n, hits = int(at.sum()), int((at & truth).sum())
        if n < settings.prefill_support:
            return None
        if (
            hits / n >= settings.prefill_precision
            and lower_bound(hits, n, settings.confidence) >= settings.prefill_lower_bound
        ):
            return float(threshold)
    return None


def evidence(at: NDArray[np.bool_], truth: NDArray[np.bool_], confidence: float) -> Evidence | None:
    """Precision, bound, recall and support of the photos `at` or above a threshold; None without any."""
    n, hits = int(at.sum()), int((at & truth).sum())
    if not n:
        return None
    return Evidence(
        precision=round(hits / n, 4),
        lower_bound=round(lower_bound(hits, n, confidence), 4),
        recall=round(hits / max(int(truth.sum()), 1), 4),
        support=n,
    )


def pooled_calibration(data: Mapping[str, PhotoScores], floor: float) -> Calibration:
    """One calibration over all categories, for those with too few photos of their own.

    Raises:
        CalibrationError: scores do not rise with truth even over all categories; the model has learnt nothing.
    """
    scores = np.concatenate([d.scores for d in data.values()])
    truth = np.concatenate([d.truth for d in data.values()])
    pooled = fit_platt(scores, truth, floor, "pooled")
    if pooled is None:
        raise CalibrationError("photo scores do not rise with truth over all categories together: train longer")
    return pooled


class DecisionFitter:
    """Fits one category's calibration and thresholds, and measures them by grouped cross-fitting.

    Args:
        settings: The promise.
        floor: Detection floor of the package.
        pooled: Calibration for categories with too few photos.
    """

    def __init__(self, settings: DecisionSettings, floor: float, pooled: Calibration) -> None:
        self._settings = settings
        self._floor = floor
        self._pooled = pooled

    def fit(self, data: PhotoScores, *, may_prefill: bool = True) -> CategoryDecision:
        """The decision for one category.

        The thresholds come from all held-out photos; the evidence is out of fold: every photo is judged by a
        calibration and threshold fitted on other groups.
        """
        s = self._settings
        calibration = self._calibration(data)
        probabilities = _probabilities(data.scores, calibration, self._floor)
        seen = data.positives >= s.suggest_positives
        suggest = s.suggest_precision if seen else None
        prefill = prefill_threshold(probabilities, data.truth, s) if seen and may_prefill else None
        out_of_fold = self._out_of_fold(data) if prefill is not None and self._can_cross_fit(data) else None
        demoted = self._demotion(data, prefill, out_of_fold, may_prefill=may_prefill)
        if demoted is not None:
            prefill = None
            at = probabilities >= s.suggest_precision
            out_of_fold = evidence(at, data.truth, s.confidence) if seen else None
        return CategoryDecision(
            calibration=calibration,
            suggest=suggest,
            prefill=None if prefill is None else max(prefill, s.suggest_precision),
            demoted=demoted,
            evidence=out_of_fold,
            positives=data.positives,
            negatives=len(data.truth) - data.positives,
        )

    def _calibration(self, data: PhotoScores) -> Calibration:
        """The category's own where its photos carry one, else the pooled one, with the reason."""
        needed = self._settings.calibration_positives
        if data.positives < needed:
            reason = f"{data.positives} held-out photos show it, {needed} needed for a calibration of its own"
            return self._pooled.model_copy(update={"pooled_because": reason})
        own = fit_platt(data.scores, data.truth, self._floor, "category")
        reason = "its own photo scores do not rise with truth"
        return own or self._pooled.model_copy(update={"pooled_because": reason})

    def _can_cross_fit(self, data: PhotoScores) -> bool:
        """Whether there are groups enough to judge every photo by a fit on others."""
        return len(set(data.groups)) >= self._settings.folds

    def _out_of_fold(self, data: PhotoScores) -> Evidence | None:
        """Prefill precision with every photo judged by a fit on other groups."""
        folds = GroupKFold(n_splits=self._settings.folds)
        at = np.zeros(len(data.truth), dtype=bool)
        for fit_rows, judged_rows in folds.split(data.scores, groups=data.groups):
            fitted = data.take(fit_rows)
            calibration = self._calibration(fitted)
            known = _probabilities(fitted.scores, calibration, self._floor)
            threshold = prefill_threshold(known, fitted.truth, self._settings)
            if threshold is not None:
                at[judged_rows] = _probabilities(data.scores[judged_rows], calibration, self._floor) >= threshold
        return evidence(at, data.truth, self._settings.confidence)

    def _demotion(
        self, data: PhotoScores, prefill: float | None, out_of_fold: Evidence | None, *, may_prefill: bool
    ) -> str | None:
        s = self._settings
        if data.positives < s.suggest_positives:
            return f"not suggested: {data.positives} held-out photos show it, {s.suggest_positives} needed"
        if not may_prefill:
            return "context class: never a problem by itself"
        if prefill is None:
            return (
                f"no threshold reaches precision {s.prefill_precision} with lower bound {s.prefill_lower_bound} "
                f"on {s.prefill_support} photos ({data.positives} held-out photos show it)"
            )
        if not self._can_cross_fit(data):
            return f"its held-out photos are of {len(set(data.groups))} groups, {s.folds} needed to test the promise"
        return _broken_promise(out_of_fold, s)


def _broken_promise(found: Evidence | None, s: DecisionSettings) -> str | None:
    """What a category fails to keep on photos its threshold has not seen; None where it keeps all of it."""
    if found is None:
        return "cross-fitted: no photo is above a threshold that was fitted on others"
    if found.precision < s.prefill_precision:
        return f"cross-fitted precision is {found.precision}, {s.prefill_precision} promised"
    if found.lower_bound < s.prefill_lower_bound:
        return f"lower bound of the cross-fitted precision is {found.lower_bound}, {s.prefill_lower_bound} promised"
    if found.support < s.prefill_support:
        return f"cross-fitted: {found.support} photos are above the threshold, {s.prefill_support} needed"
    return None


def _probabilities(scores: NDArray[np.float64], calibration: Calibration, floor: float) -> NDArray[np.float64]:
    """(n,) probabilities; a photo without detections stands at the floor."""
    return np.array([calibrated(max(score, floor), calibration) for score in scores.tolist()])


def expected_calibration_error(probabilities: Sequence[float], truth: Sequence[bool], bins: int = 10) -> float:
    """ECE with equal-width bins (Naeini et al. 2015): mean gap between probability and share of positives."""
    p, t = np.asarray(probabilities), np.asarray(truth, dtype=float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [abs(p[which == b].mean() - t[which == b].mean()) * (which == b).mean() for b in np.unique(which)]
    return float(sum(gaps))
