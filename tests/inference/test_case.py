"""Several photos of one case: the firmest statement per category, and the case's verdict."""

from __future__ import annotations

import numpy as np
import pytest

from inference.case import merge
from inference.categories import Catalogue
from inference.classify import PhotoResult, Timings
from inference.decide import Decision, Suggestion, Verdict
from inference.detections import Detections
from inference.photo import Photo

Said = tuple[str, float, Decision]


def result(*said: Said, verdict: Verdict | None = None) -> PhotoResult:
    photo = Photo(np.zeros((1, 1, 3), np.uint8), 1, 1, "0" * 64, "jpeg")
    suggestions = tuple(Suggestion(*one) for one in said)
    chosen: Verdict = verdict or ("issue" if said else "no_issue")
    return PhotoResult(photo, chosen, suggestions, Detections.empty(), Timings(0, 0, 0))


GARBAGE: Said = ("exposed_garbage", 0.6, "suggest")
GARBAGE_SURE: Said = ("exposed_garbage", 0.9, "prefill")
GARBAGE_WEAK_PREFILL: Said = ("exposed_garbage", 0.55, "prefill")
PARENT: Said = ("garbage", 0.7, "suggest")
PARENT_SURE: Said = ("garbage", 0.95, "prefill")
ROAD: Said = ("damaged_road", 0.8, "suggest")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param([], [], id="no photos"),
        pytest.param([None, result()], [], id="nothing suggested"),
        pytest.param([result(GARBAGE)], [(GARBAGE, (0,))], id="one photo"),
        pytest.param([result(), result(GARBAGE), None], [(GARBAGE, (1,))], id="indexes count every photo"),
        pytest.param([result(GARBAGE), result(GARBAGE_SURE)], [(GARBAGE_SURE, (0, 1))], id="the firmer photo speaks"),
        pytest.param(
            [result(GARBAGE_SURE), result(GARBAGE)], [(GARBAGE_SURE, (0, 1))], id="whatever the order of photos"
        ),
        pytest.param(
            [result(("exposed_garbage", 0.9, "suggest")), result(GARBAGE_WEAK_PREFILL)],
            [(GARBAGE_WEAK_PREFILL, (0, 1))],
            id="a prefill is firmer than a higher probability",
        ),
        pytest.param(
            [result(GARBAGE), result(ROAD)], [(ROAD, (1,)), (GARBAGE, (0,))], id="two categories, by probability"
        ),
        pytest.param(
            [result(ROAD), result(GARBAGE_SURE)],
            [(GARBAGE_SURE, (1,)), (ROAD, (0,))],
            id="prefills first",
        ),
        pytest.param([result(PARENT), result(GARBAGE)], [(GARBAGE, (1,))], id="a child of another photo names it"),
        pytest.param(
            [result(PARENT_SURE), result(GARBAGE)],
            [(PARENT_SURE, (0,)), (GARBAGE, (1,))],
            id="a firmer parent stays beside its child",
        ),
        pytest.param([result(PARENT), result(PARENT)], [(PARENT, (0, 1))], id="parents alone"),
        pytest.param([result(GARBAGE)] * 3, [(GARBAGE, (0, 1, 2))], id="the same in every photo"),
    ],
)
def test_suggestions(
    catalogue: Catalogue, results: list[PhotoResult | None], expected: list[tuple[Said, tuple[int, ...]]]
) -> None:
    merged = merge(results, catalogue).suggestions
    assert [(one.suggestion, one.photo_indexes) for one in merged] == [
        (Suggestion(*said), indexes) for said, indexes in expected
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "unusable"),
        ([None], "unusable"),
        ([None, "unusable"], "unusable"),
        ([None, "unrelated"], "unrelated"),
        (["unrelated", "no_issue"], "no_issue"),
        (["no_issue", "uncertain"], "uncertain"),
        (["uncertain", "issue"], "issue"),
        (["unusable", "unrelated", "no_issue", "uncertain", "issue", None], "issue"),
        (["no_issue", None, "unusable"], "no_issue"),
    ],
)
def test_verdict(catalogue: Catalogue, verdicts: list[Verdict | None], expected: Verdict) -> None:
    results = [None if verdict is None else result(verdict=verdict) for verdict in verdicts]
    assert merge(results, catalogue).verdict == expected
    assert merge(results[::-1], catalogue).verdict == expected
