"""Which photos were taken at the same place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geography import EARTH_RADIUS

Cell = tuple[int, int, int]

_REACH: Final = 2
"""Cells in each direction that can hold a point within one cell diagonal."""
_LATER_CELLS: Final = [step for step in product(range(-_REACH, _REACH + 1), repeat=3) if step > (0, 0, 0)]


def haversine(
    latitude: float, longitude: float, latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Metres from one place to (n,) others along the surface; all in degrees."""
    phi, phis = np.radians(latitude), np.radians(latitudes)
    east = np.sin(np.radians(longitudes - longitude) / 2) ** 2
    half = np.sin((phis - phi) / 2) ** 2 + np.cos(phi) * np.cos(phis) * east
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(half, 1.0))), dtype=np.float64)


def near_places(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], metres: float
) -> Iterator[tuple[int, int, float]]:
    """Pairs that join all photos within `metres` of each other, directly or through others: (i, j, metres apart).

    Not every such pair: the photos of one grid cell, whose diagonal is `metres`, are joined in a row, and two
    neighbouring cells by one pair of photos, so that ten thousand photos of one place give ten thousand pairs.

    Args:
        latitudes: (n,) degrees north; NaN where unknown.
        longitudes: (n,) degrees east.
        metres: Distance up to which two photos show the same place.
    """
    cells = _grid(latitudes, longitudes, metres / np.sqrt(3))
    for cell, inside in cells.items():
        for i, j in pairwise(inside):
            yield i, j, float(haversine(latitudes[i], longitudes[i], latitudes[[j]], longitudes[[j]])[0])
        for step in _LATER_CELLS:
            other = cells.get((cell[0] + step[0], cell[1] + step[1], cell[2] + step[2]))
            if other is not None:
                yield from _first_pair(inside, np.array(other), latitudes, longitudes, metres)


def _grid(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], side: float) -> dict[Cell, list[int]]:
    """Photos by cubic cell of the space around the Earth's centre, where poles and date line are nothing special."""
    phi, theta = np.radians(latitudes), np.radians(longitudes)
    axes = np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=1)
    cells: dict[Cell, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(axes).all(axis=1)).tolist():
        x, y, z = np.floor(axes[i] * (EARTH_RADIUS / side)).astype(int).tolist()
        cells.setdefault((x, y, z), []).append(i)
    return cells


def _first_pair(
    some: list[int],
    others: NDArray[np.int64],
    latitudes: NDArray[np.float64],
    longitudes: NDArray[np.float64],
    metres: float,
) -> Iterator[tuple[int, int, float]]:
    """One pair within `metres`, or nothing."""
    for i in some:
        distances = haversine(latitudes[i], longitudes[i], latitudes[others], longitudes[others])
        nearest = int(distances.argmin())
        if distances[nearest] <= metres:
            yield i, int(others[nearest]), float(distances[nearest])
            return
