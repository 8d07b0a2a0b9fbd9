"""Photos of one place are found without comparing all with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.grouping import Groups
from datasets.places import haversine, near_places

DEGREE = 111_195.08  # metres of a degree of latitude on a sphere of this radius


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((0.0, 0.0), (1.0, 0.0), DEGREE),
        ((0.0, 0.0), (0.0, 180.0), 180 * DEGREE),
        ((60.0, 10.0), (60.0, 10.001), DEGREE * 0.001 * 0.5),
        ((90.0, 0.0), (0.0, 77.0), 90 * DEGREE),
    ],
)
def test_haversine(here: tuple[float, float], there: tuple[float, float], metres: float) -> None:
    assert haversine(*here, np.array([there[0]]), np.array([there[1]]))[0] == pytest.approx(metres, rel=2e-3)


@pytest.mark.parametrize(
    ("places", "together"),
    [
        ([(52.0, 4.0), (52.0 + 49 / DEGREE, 4.0)], True),
        ([(52.0, 4.0), (52.0 + 51 / DEGREE, 4.0)], False),
        ([(10.0, 179.9999), (10.0, -179.9999)], True),  # across the date line
        ([(89.9999, 0.0), (89.9999, 180.0)], True),  # across the pole
        ([(52.0, 4.0), (float("nan"), float("nan"))], False),
    ],
)
def test_fifty_metres(places: list[tuple[float, float]], together: bool) -> None:
    north, east = (np.array(axis) for axis in zip(*places, strict=True))
    assert bool(list(near_places(north, east, 50.0))) is together


def groups_of(pairs: list[tuple[int, int]], count: int) -> list[int]:
    groups = Groups(count)
    for i, j in pairs:
        groups.join(i, j, "same-place")
    roots: list[int] = groups.roots().tolist()
    return roots


metre_offsets = st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), min_size=1, max_size=40)


@given(metre_offsets, st.sampled_from([(0.0, 0.0), (52.0, 4.0), (-33.9, 179.9999), (89.999, 20.0)]))
def test_the_grid_joins_what_comparing_all_with_all_joins(
    offsets: list[tuple[int, int]], centre: tuple[float, float]
) -> None:
    north = np.array([centre[0] + y / DEGREE for _, y in offsets])
    east = np.array([centre[1] + x / (DEGREE * np.cos(np.radians(centre[0]))) for x, _ in offsets])
    count = len(offsets)
    close = [haversine(north[i], east[i], north, east) <= 50.0 for i in range(count)]
    expected = groups_of([(i, j) for i in range(count) for j in range(i) if close[i][j]], count)
    assert groups_of([(i, j) for i, j, _ in near_places(north, east, 50.0)], count) == expected


def test_ten_thousand_photos_of_one_place_make_as_many_joins() -> None:
    places = np.full(10_000, 52.0), np.full(10_000, 4.0)
    assert len(list(near_places(*places, 50.0))) == 9_999
