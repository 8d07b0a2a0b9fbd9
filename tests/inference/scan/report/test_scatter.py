"""Positions on a map without tiles."""

from __future__ import annotations

import pytest

from inference.geography import metres_between
from inference.scan.report.scatter import scatter
from tests.inference.scan.test_exports import BIN, judged


def test_north_is_up_east_is_right_and_lengths_are_to_scale() -> None:
    south, north, east = (31.0, 121.0), (31.02, 121.0), (31.0, 121.02)
    found = scatter(
        [judged(f"{lat}.jpg", latitude=lat, longitude=lon) for lat, lon in (south, north, east)], [("1", east)]
    )
    assert found is not None
    low, high, right = found.dots
    assert (high.x, high.y < low.y) == (low.x, True)
    assert (right.y, right.x > low.x) == (low.y, True)
    assert (right.x - low.x) / (low.y - high.y) == pytest.approx(
        metres_between(south, east) / metres_between(south, north), rel=0.01
    )
    assert (found.marks[0].x, found.marks[0].y) == (right.x, right.y)
    assert found.bar / (right.x - low.x) == pytest.approx(500 / metres_between(south, east), rel=0.02)
    assert found.bar_text == "500 m"


def test_a_wrong_fix_does_not_shrink_the_map() -> None:
    city = [judged(f"{n}.jpg", BIN, latitude=31 + n / 1e5, longitude=121 + n / 1e5) for n in range(400)]
    found = scatter([*city, judged("null-island.jpg", latitude=0.0, longitude=0.0)], [("1", (0.0, 0.0))])
    assert found is not None
    assert (found.strays, len(found.dots), found.marks) == (1, 400, ())


def test_one_place_or_none() -> None:
    found = scatter([judged("a.jpg", latitude=31.0, longitude=121.0)] * 3, [])
    assert found is not None
    assert {(dot.x, dot.y) for dot in found.dots} == {(found.width / 2, found.height / 2)}
    assert scatter([], []) is None
