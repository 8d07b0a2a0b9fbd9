"""The places that photos of a scan were taken at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from inference.geography import EARTH_RADIUS, Position, metres_between
from inference.scan.case_record import PlacedBy
from inference.scan.record import Record
from inference.scan.views import ViewPlaces

_Cell = tuple[int, int]


@dataclass(slots=True)
class Place:
    """A place: what brought photos to it, and its first position."""

    by: PlacedBy
    position: Position | None = None


@dataclass(slots=True)
class Places:
    """Gives each photo a place, in the order of the records.

    A photo goes to the nearest place whose first photo is within reach, so that a patrol that photographs its way down
    a street does not join the street to one place.

    Args:
        metres: How near is near.
        views: Finds places by pixels, for photos without a position; None: they are places of their own.
    """

    metres: float
    views: ViewPlaces | None = None
    places: list[Place] = field(default_factory=list)
    _grid: dict[_Cell, list[int]] = field(default_factory=dict)
    _contents: dict[str, int] = field(default_factory=dict)

    def place_of(self, record: Record) -> int:
        """The index of a photo's place; photos of the same content have the same one."""
        known = self._contents.get(record.sha256 or "")
        if known is not None:
            return known
        place = self._by_position(record) if _position(record) is not None else self._by_view(record)
        if record.sha256:
            self._contents[record.sha256] = place
        return place

    def _by_position(self, record: Record) -> int:
        position = _position(record) or (0.0, 0.0)
        near = [(metres_between(position, where), i) for i, where in self._around(position)]
        within = [pair for pair in near if pair[0] <= self.metres]
        if within:
            return min(within)[1]
        self.places.append(Place("alone", position))
        self._grid.setdefault(self._cell(position), []).append(len(self.places) - 1)
        return len(self.places) - 1

    def _by_view(self, record: Record) -> int:
        new = len(self.places)
        place = new if self.views is None else self.views.find(record, new)
        if place == new:
            self.places.append(Place("alone"))
        else:
            self.places[place].by = "view"
        return place

    def _around(self, position: Position) -> Iterator[tuple[int, Position]]:
        """The places in the cells around a position."""
        row, column = self._cell(position)
        for south in (-1, 0, 1):
            for west in self._columns(row + south, position[1], column if not south else None):
                for index in self._grid.get((row + south, west), ()):
                    where = self.places[index].position
                    if where is not None:
                        yield index, where

    def _columns(self, row: int, longitude: float, own: int | None) -> list[int]:
        """The three columns of a row around a longitude; across the date line too."""
        count = self._columns_of(row)
        middle = own if own is not None else int((longitude + 180) / 360 * count) % count
        return list(dict.fromkeys((middle + step) % count for step in (-1, 0, 1)))

    def _cell(self, position: Position) -> _Cell:
        row = math.floor(math.radians(position[0]) * EARTH_RADIUS / self.metres)
        count = self._columns_of(row)
        return row, int((position[1] + 180) / 360 * count) % count

    def _columns_of(self, row: int) -> int:
        """Cells in a row, each at least `metres` wide."""
        farthest = max(abs(row), abs(row + 1)) * self.metres / EARTH_RADIUS
        narrowest = math.cos(min(farthest, math.pi / 2))
        return max(1, int(2 * math.pi * EARTH_RADIUS * narrowest / self.metres))


def _position(record: Record) -> Position | None:
    if record.latitude is None or record.longitude is None:
        return None
    return record.latitude, record.longitude
