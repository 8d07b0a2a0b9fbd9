"""Figures under resamples: the unweighted figure is the libraries', the weighted one that of a copied data set."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="extra `train` is not installed")
pytest.importorskip("faster_coco_eval", reason="extra `train` is not installed")

from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from training.calibrate import expected_calibration_error
from training.evaluation_settings import BootstrapSettings
from training.outcomes import IOUS
from training.resampling import Resamples, ratio
from training.sampling import BoxTable, PhotoTable, mean_over

SETTINGS = BootstrapSettings(resamples=200)


def photos(n: int, seed: int) -> tuple[PhotoTable, list[str], Resamples]:
    """A category on n photos in groups of up to three; scores of one decimal, so that many are equal."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    scores = np.asarray(np.round(np.clip(rng.normal(0.4 + 0.2 * truth, 0.25), 0, 1), 1), dtype=np.float64)
    groups = [f"g{i // 3}" for i in range(n)]
    resamples = Resamples(groups, SETTINGS)
    return table(scores, truth, resamples.columns(groups)), groups, resamples


def table(scores: NDArray[np.float64], truth: NDArray[np.bool_], columns: NDArray[np.intp]) -> PhotoTable:
    return PhotoTable(scores, scores, truth, scores >= 0.7, scores >= 0.4, columns)


def boxes(n: int, seed: int) -> tuple[BoxTable, Resamples]:
    """n detections on 40 photos, right more often where they are strong; many scores are equal, in photo order."""
    rng = np.random.default_rng(seed)
    scores = np.sort(np.round(rng.random(n), 2))[::-1].copy()
    matched = np.minimum(scores + rng.normal(0, 0.3, n), 1.0)
    resamples = Resamples([f"p{i}" for i in range(40)], SETTINGS)
    columns = rng.integers(0, 40, n)
    columns = columns[np.lexsort((columns, -scores))]
    right = matched[:, None] > np.array(IOUS)
    labelled = np.bincount(columns[right.any(axis=1)], minlength=40) + rng.integers(0, 2, 40)
    return BoxTable(scores, right, columns, labelled.astype(np.float64), np.arange(40)), resamples


def coco_ap(data: BoxTable) -> list[float]:
    """The same detections judged by faster-coco-eval: a right box at overlap t lies so that its IoU is just t."""
    truth: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    free = data.labelled.astype(int).copy()
    for index, (score, right, column) in enumerate(zip(data.scores, data.right, data.columns, strict=True)):
        place = 200.0 * index  # far from every other box
        width = 100 * (max(t for t, r in zip(IOUS, right, strict=True) if r) + 0.001) if right.any() else 0
        if width:
            free[column] -= 1
            truth.append({"image_id": int(column) + 1, "bbox": [place, 0, 100, 100]})
        found.append(
            {"image_id": int(column) + 1, "category_id": 1, "score": score, "bbox": [place, 0, width or 1, 100]}
        )
    missed = [{"image_id": i + 1, "bbox": [-500, -500, 10, 10]} for i, n in enumerate(free) for _ in range(n)]
    annotations = [
        {**a, "id": i, "category_id": 1, "area": 1e4, "iscrowd": 0} for i, a in enumerate([*truth, *missed], start=1)
    ]
    images = [{"id": i + 1, "width": 100, "height": 100} for i in range(40)]
    labelled = COCO({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "a"}]})
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval_faster(labelled, labelled.loadRes(found), "bbox", print_function=lambda *_: None)
        judge.params.iouThrs, judge.params.maxDets = np.array(IOUS), [1000]
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    return [float(p) for p in judge.eval["precision"][:, :, 0, 0, 0].mean(axis=1)]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_of_boxes_is_cocos(seed: int) -> None:
    data, resamples = boxes(300, seed)
    assert data.average_precision(resamples)[0].tolist() == pytest.approx(coco_ap(data), abs=1e-9)


def test_a_resample_counts_as_a_data_set_with_those_photos_copied() -> None:
    data, resamples = boxes(120, 7)
    sampled = data.average_precision(resamples)
    for row in (1, 2, 3):
        drawn = resamples.weights(np.arange(40))[row].astype(int)
        copies = np.repeat(np.arange(len(data.scores)), drawn[data.columns])
        copied = BoxTable(
            data.scores[copies], data.right[copies], data.columns[copies], data.labelled * drawn, data.photo_columns
        )
        assert sampled[row].tolist() == pytest.approx(copied.average_precision(resamples)[0].tolist(), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ranking_and_calibration_of_photos_are_scikit_learns(seed: int) -> None:
    data, _, resamples = photos(90, seed)
    auc, ap = data.ranking(resamples)
    assert auc[0] == pytest.approx(roc_auc_score(data.truth, data.scores), abs=1e-12)
    assert ap[0] == pytest.approx(average_precision_score(data.truth, data.scores), abs=1e-12)
    weights = resamples.weights(data.columns)[5]
    assert auc[5] == pytest.approx(roc_auc_score(data.truth, data.scores, sample_weight=weights), abs=1e-12)
    assert ap[5] == pytest.approx(average_precision_score(data.truth, data.scores, sample_weight=weights), abs=1e-12)
    error = data.calibration_error(10, resamples)
    wanted = expected_calibration_error(data.probabilities.tolist(), data.truth.tolist())
    assert error[0] == pytest.approx(wanted, abs=1e-12)


def test_photos_at_a_threshold() -> None:
    data, _, resamples = photos(90, 1)
    precision, recall, alarms = (float(s[0]) for s in data.at(data.prefilled, resamples))
    assert precision == pytest.approx(data.truth[data.prefilled].mean())
    assert recall == pytest.approx(data.prefilled[data.truth].mean())
    assert alarms == pytest.approx(data.prefilled[~data.truth].mean())


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 data sets drawn from one model, 95 % intervals of precision hold its true value in 88 to 99 %."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        truth = rng.random(120) < 0.8
        resamples = Resamples([str(i) for i in range(120)], BootstrapSettings(resamples=200))
        data = table(np.ones(120), truth, np.arange(120))
        estimate = resamples.estimate(data.at(data.prefilled, resamples)[0], 120)
        assert estimate.lower is not None
        assert estimate.upper is not None
        hits += estimate.lower <= 0.8 <= estimate.upper
    assert 176 <= hits <= 198


def test_photos_of_one_group_are_drawn_together() -> None:
    """Ten groups of twelve like photos say no more than ten photos: the interval is as wide."""
    truth = np.array([True] * 7 + [False] * 3)

    def width(copies: int) -> float:
        groups = [f"g{i}" for i in range(10) for _ in range(copies)]
        resamples = Resamples(groups, SETTINGS)
        data = table(np.ones(10 * copies), np.repeat(truth, copies), resamples.columns(groups))
        estimate = resamples.estimate(data.at(data.prefilled, resamples)[0], 10 * copies)
        assert estimate.lower is not None
        assert estimate.upper is not None
        return estimate.upper - estimate.lower

    assert width(12) == pytest.approx(width(1))


def test_the_same_groups_and_seed_give_the_same_resamples() -> None:
    first, again = (Resamples(names, SETTINGS) for names in (["b", "a", "c"], ["c", "c", "a", "b"]))
    other = Resamples(["a", "b", "c"], BootstrapSettings(resamples=200, seed=1))
    columns = first.columns(["a", "b", "c"])
    assert (first.weights(columns) == again.weights(columns)).all()
    assert (first.weights(columns) != other.weights(columns)).any()


def test_nothing_to_compute_from_is_no_figure() -> None:
    resamples = Resamples(["a", "b"], SETTINGS)
    nothing = ratio(np.zeros(201), np.zeros(201))
    assert resamples.estimate(nothing, 0).value is None
    rarely = np.where(np.arange(201) % 2, np.nan, 0.5)
    assert resamples.estimate(rarely, 3).model_dump() == {"value": 0.5, "lower": None, "upper": None, "support": 3}
    assert mean_over([np.full(201, 0.75), np.full(201, 0.25)])[0] == 0.5
    assert np.isnan(mean_over([nothing, np.full(201, 0.25)])).all()
