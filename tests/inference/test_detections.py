"""The value type for boxes refuses what is no set of boxes."""

from __future__ import annotations

import numpy as np
import pytest

from inference.detections import Detections


def detections(*scored: tuple[str, float]) -> Detections:
    boxes = np.arange(4 * len(scored), dtype=np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([s for _, s in scored], np.float32), tuple(c for c, _ in scored))


@pytest.mark.parametrize(
    ("boxes", "scores", "problem"),
    [
        ((2, 4), [0.5], r"xyxy must have shape \(1, 4\), but got \(2, 4\)"),
        ((1, 5), [0.5], r"xyxy must have shape \(1, 4\), but got \(1, 5\)"),
        ((4,), [0.5], r"xyxy must have shape \(1, 4\), but got \(4,\)"),
        ((1, 4), [0.5, 0.6], r"scores must have shape \(1,\), but got \(2,\)"),
        ((1, 4), [1.5], r"scores must lie in \[0, 1\], but got 1.5 to 1.5"),
        ((1, 4), [-0.5], r"scores must lie in \[0, 1\], but got -0.5 to -0.5"),
        ((1, 4), [np.nan], r"scores must lie in \[0, 1\], but got nan"),
    ],
)
def test_wrong_fields_are_refused_with_what_was_expected(
    boxes: tuple[int, ...], scores: list[float], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Detections(np.zeros(boxes, np.float32), np.array(scores, np.float32), ("exposed_garbage",))


def test_empty() -> None:
    empty = Detections.empty()
    assert (len(empty), empty.xyxy.shape, empty.scores.shape) == (0, (0, 4), (0,))
    assert empty.photo_scores() == {}
    assert len(empty.where(np.zeros(0, bool))) == 0


def test_where_keeps_rows_together() -> None:
    kept = detections(("a", 0.9), ("b", 0.8), ("a", 0.7)).where(np.array([True, False, True]))
    assert kept.categories == ("a", "a")
    assert kept.scores.tolist() == pytest.approx([0.9, 0.7])
    assert kept.xyxy[:, 0].tolist() == [0, 8]


def test_where_wants_one_answer_per_row() -> None:
    with pytest.raises(ValueError, match="shorter"):
        detections(("a", 0.9), ("b", 0.8)).where(np.array([True]))


def test_photo_score_is_the_highest_of_a_category() -> None:
    scores = detections(("a", 0.2), ("b", 0.8), ("a", 0.7)).photo_scores()
    assert scores == {"a": pytest.approx(0.7), "b": pytest.approx(0.8)}
