"""Distances on the Earth."""

from __future__ import annotations

import math
from typing import Final

EARTH_RADIUS: Final = 6_371_008.8
"""Mean radius in metres (IUGG)."""

Position = tuple[float, float]
"""(latitude, longitude) in degrees north and east."""


def metres_between(first: Position, second: Position) -> float:
    """Metres between two positions along the surface."""
    (lat1, lon1), (lat2, lon2) = first, second
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    east = math.sin(math.radians(lon2 - lon1) / 2) ** 2
    half = math.sin((phi2 - phi1) / 2) ** 2 + math.cos(phi1) * math.cos(phi2) * east
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))
