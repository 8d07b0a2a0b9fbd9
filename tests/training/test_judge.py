"""What counts as evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="extra `train` is not installed")
pytest.importorskip("faster_coco_eval", reason="extra `train` is not installed")

from datasets.labels import Box, LabelledPhoto
from inference.categories import Catalogue, load_catalogue
from inference.detections import Detections
from inference.quality import Quality
from training.evaluate import evaluate, mean
from training.judge import decided, photo_scores
from training.observe import Observation

BIN, GARBAGE = "overflowing_bin", "exposed_garbage"
PLACE = (0.2, 0.2, 0.6, 0.6)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def seen(source: str, shown: set[str], searched: set[str], found: dict[str, float], shift: float = 0.0) -> Observation:
    """A 100 x 100 photo with labelled boxes at PLACE, and detections there, moved by `shift` pixels."""
    boxes = tuple(Box(category, PLACE) for category in sorted(shown))
    photo = LabelledPhoto(source, Path(f"{source}.jpg"), boxes, frozenset(searched), group=source)
    corners = np.array([[20, 20, 60, 60]] * len(found), np.float32).reshape(-1, 4) + np.float32(shift)
    detections = Detections(corners, np.array(list(found.values()), np.float32), tuple(found))
    return Observation(photo, (100, 100), detections, np.zeros(4, np.float32), Quality(50, 100))


def test_unknown_photos_and_one_sided_sources_are_no_evidence(catalogue: Catalogue) -> None:
    observations = [
        seen("street", {BIN}, {BIN}, {BIN: 0.9}),
        seen("street", set(), {BIN}, {BIN: 0.2}),
        seen("street", set(), set(), {BIN: 0.8}),  # nobody looked
        seen("closeups", {BIN}, {BIN}, {BIN: 0.95}),  # all of them show it
        seen("clean", set(), {BIN}, {}),  # none of them: still proof against false alarms
    ]
    data = photo_scores(observations, BIN, catalogue)
    assert data.scores.tolist() == pytest.approx([0.9, 0.2, 0.0])
    assert data.truth.tolist() == [True, False, False]


def test_a_parent_shows_what_any_child_shows(catalogue: Catalogue) -> None:
    children = {child.id for child in catalogue.children("garbage")}
    observations = [
        seen("street", {BIN}, {BIN}, {BIN: 0.4, GARBAGE: 0.7}),
        seen("street", set(), children, {GARBAGE: 0.3}),
        seen("street", set(), {BIN}, {}),  # its other children are unknown
    ]
    data = photo_scores(observations, "garbage", catalogue)
    assert data.scores.tolist() == pytest.approx([0.7, 0.3])
    assert data.truth.tolist() == [True, False]
    assert "garbage" in decided([BIN], catalogue)
    assert "street_trading" not in decided([BIN], catalogue)


@pytest.mark.parametrize(
    ("found", "shift", "ap50", "ap"),
    [
        ({BIN: 0.9}, 0.0, 1.0, 1.0),
        ({BIN: 0.9}, 4.0, 1.0, 0.4),  # IoU 36 * 36 / (2 * 1600 - 1296) = 0.68: right up to 0.65
        ({BIN: 0.9}, 30.0, 0.0, 0.0),
        ({GARBAGE: 0.9}, 0.0, 0.0, 0.0),
        ({}, 0.0, 0.0, 0.0),
    ],
)
def test_average_precision(found: dict[str, float], shift: float, ap50: float, ap: float) -> None:
    metrics = evaluate([seen("street", {BIN}, {BIN}, found, shift)], [BIN, GARBAGE])
    assert list(metrics) == [BIN]
    assert (metrics[BIN].ap50, metrics[BIN].ap) == pytest.approx((ap50, ap), abs=1e-6)
    assert (metrics[BIN].photos, metrics[BIN].boxes) == (1, 1)
    assert mean(metrics.values()) == pytest.approx((ap50, ap), abs=1e-6)


def test_a_box_is_no_mistake_where_nobody_looked() -> None:
    searched = seen("street", {BIN}, {BIN}, {BIN: 0.5})
    unknown = seen("street", set(), {GARBAGE}, {BIN: 0.9})
    assert evaluate([searched, unknown], [BIN])[BIN].ap50 == pytest.approx(1.0)
