from __future__ import annotations

import pytest

from inference.feedback.intervals import share


def test_no_case_no_share() -> None:
    assert share(0, 0) is None


@pytest.mark.parametrize(
    ("hits", "support", "lower", "upper"),
    [
        (0, 10, 0.0, 0.30849710781876083),
        (10, 10, 0.6915028921812392, 1.0),
        (1, 1, 0.025, 1.0),
        (151, 155, 0.9352454882088191, 0.992924818231907),
    ],
)
def test_known_intervals(hits: int, support: int, lower: float, upper: float) -> None:
    found = share(hits, support)
    assert found is not None
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-9)
    assert (found.value, found.support) == (hits / support, support)


def test_the_same_as_scipy_from_one_to_a_million() -> None:
    stats = pytest.importorskip("scipy.stats")
    for support in (1, 2, 5, 30, 1000, 1_000_000):
        for hits in {0, 1, support // 3, support // 2, int(support * 0.95), support}:
            expected = stats.binomtest(hits, support).proportion_ci(0.95, method="exact")
            found = share(hits, support)
            assert found is not None
            assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high), abs=1e-9)
