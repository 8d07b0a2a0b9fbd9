"""The positions of photos as dots on a plain ground, to scale: a map without tiles, which nobody has to fetch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.geography import EARTH_RADIUS, Position
from inference.scan.record import Record

_WIDTH: Final = 960.0
_TALLEST, _FLATTEST = 720.0, 240.0
_MARGIN: Final = 0.06  # of the extent, on every side
_STRAYS: Final = 0.5  # per cent of positions at either end that may lie off the map: a wrong fix must not shrink it
_LEAST_DEGREES: Final = 0.0005  # some 50 m, for photos of a single place
_BAR_SHARE: Final = 0.25  # of the width, that the scale bar takes at most
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Dot:
    """A photo on the map; x to the right, y down."""

    x: float
    y: float
    is_problem: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered place on the map."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """A map.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        dots: Photos, those with problems last, so that they lie on top.
        marks: Places with numbers.
        strays: Photos that lie off the map.
        bar: Length of the scale bar in units of the drawing.
        bar_text: What it stands for.
        corners: Degrees at the lower left and the upper right corner.
    """

    width: float
    height: float
    dots: tuple[Dot, ...]
    marks: tuple[Mark, ...]
    strays: int
    bar: float
    bar_text: str
    corners: tuple[str, str]


def scatter(records: Sequence[Record], places: Sequence[tuple[str, Position]]) -> Scatter | None:
    """The map of some placed photos, or None where there are none.

    Args:
        records: Photos with positions.
        places: Number to show and position of places to mark.
    """
    if not records:
        return None
    frame = _Frame.around([(record.latitude or 0.0, record.longitude or 0.0) for record in records])
    dots = [
        Dot(*frame.xy((record.latitude or 0.0, record.longitude or 0.0)), bool(record.suggestions))
        for record in records
    ]
    inside = [dot for dot in dots if frame.holds(dot.x, dot.y)]
    marks = [Mark(*frame.xy(position), text) for text, position in places]
    metres = _round_metres(frame.metres * _BAR_SHARE)
    return Scatter(
        width=_WIDTH,
        height=frame.height,
        dots=tuple(sorted(inside, key=lambda dot: dot.is_problem)),
        marks=tuple(mark for mark in marks if frame.holds(mark.x, mark.y)),
        strays=len(dots) - len(inside),
        bar=round(metres / frame.metres * _WIDTH, 1),
        bar_text=f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m",  # noqa: PLR2004
        corners=(_degrees(frame.south, frame.west), _degrees(frame.north, frame.east)),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of the Earth that is drawn, in degrees."""

    south: float
    north: float
    west: float
    east: float

    @classmethod
    def around(cls, positions: Sequence[Position]) -> _Frame:
        """The frame of nearly all positions."""
        points = np.array(positions, dtype=np.float64)
        (south, west), (north, east) = np.percentile(points, [_STRAYS, 100 - _STRAYS], axis=0).tolist()
        high, wide = max(north - south, _LEAST_DEGREES), max(east - west, _LEAST_DEGREES)
        frame = cls._grown((south + north) / 2, (west + east) / 2, high, wide)
        ratio = frame.height_of_width()
        if ratio > _TALLEST / _WIDTH:
            return cls._grown((south + north) / 2, (west + east) / 2, high, wide * ratio * _WIDTH / _TALLEST)
        if ratio < _FLATTEST / _WIDTH:
            return cls._grown((south + north) / 2, (west + east) / 2, high * _FLATTEST / _WIDTH / ratio, wide)
        return frame

    @classmethod
    def _grown(cls, latitude: float, longitude: float, high: float, wide: float) -> _Frame:
        up, aside = high * (0.5 + _MARGIN), wide * (0.5 + _MARGIN)
        return cls(latitude - up, latitude + up, longitude - aside, longitude + aside)

    @property
    def metres(self) -> float:
        """Of the width."""
        middle = math.radians((self.south + self.north) / 2)
        return math.radians(self.east - self.west) * EARTH_RADIUS * max(math.cos(middle), 1e-6)

    @property
    def height(self) -> float:
        """Of the drawing, to scale."""
        return round(_WIDTH * self.height_of_width(), 1)

    def height_of_width(self) -> float:
        """Height in metres by width in metres."""
        return math.radians(self.north - self.south) * EARTH_RADIUS / self.metres

    def xy(self, position: Position) -> tuple[float, float]:
        """Where a position is drawn."""
        x = (position[1] - self.west) / (self.east - self.west) * _WIDTH
        y = (self.north - position[0]) / (self.north - self.south) * self.height
        return round(x, 1), round(y, 1)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is on the drawing."""
        return 0 <= x <= _WIDTH and 0 <= y <= self.height


def _round_metres(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... metres that is not more."""
    power = 10.0 ** math.floor(math.log10(most))
    return float(max(step * power for step in _STEPS if step * power <= most))


def _degrees(latitude: float, longitude: float) -> str:
    north, east = ("N" if latitude >= 0 else "S"), ("E" if longitude >= 0 else "W")
    return f"{abs(latitude):.4f}°{north} {abs(longitude):.4f}°{east}"
