"""Shapes that labelling tools draw, reduced to the upright box around them.

Points are (x, y), boxes (x1, y1, x2, y2), x right, y down, all in one unit; angles are degrees, clockwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, hypot, radians, sin

Point = tuple[float, float]
Corners = tuple[float, float, float, float]


def around(points: Iterable[Point]) -> Corners:
    """The box around points, of which there must be at least one."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def turned(box: Corners, angle: float, pivot: Point) -> Corners:
    """The box around a box that was turned about a point; the box itself where the angle is 0."""
    if angle % 360 == 0:
        return box
    x1, y1, x2, y2 = box
    c, s = cos(radians(angle)), sin(radians(angle))
    moved = [(x - pivot[0], y - pivot[1]) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
    return around((pivot[0] + x * c - y * s, pivot[1] + x * s + y * c) for x, y in moved)


def centre(box: Corners) -> Point:
    """The middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def ellipse(middle: Point, radii: Point, angle: float = 0.0) -> Corners:
    """The box around an ellipse.

    Args:
        middle: Its centre.
        radii: Half its width and half its height before turning.
        angle: How far it is turned about its centre.
    """
    c, s = cos(radians(angle)), sin(radians(angle))
    half_width, half_height = hypot(radii[0] * c, radii[1] * s), hypot(radii[0] * s, radii[1] * c)
    return middle[0] - half_width, middle[1] - half_height, middle[0] + half_width, middle[1] + half_height


def run_length_mask(counts: Sequence[int], width: int) -> Corners | None:
    """The box around a mask, without unpacking it; None where the mask is empty.

    Args:
        counts: Lengths of runs of 0 and 1 in turn, 0 first, row by row.
        width: Pixels in a row.
    """
    boxes: list[Corners] = []
    start = 0
    for position, length in enumerate(counts):
        if position % 2 and length:
            boxes.append(_run(start, start + length - 1, width))
        start += length
    if not boxes:
        return None
    return around([box[:2] for box in boxes] + [box[2:] for box in boxes])


def _run(first: int, last: int, width: int) -> Corners:
    (top, left), (bottom, right) = divmod(first, width), divmod(last, width)
    if top != bottom:
        left, right = 0, width - 1
    return left, top, right + 1, bottom + 1


def as_fractions(box: Corners, size_wh: tuple[int, int]) -> Corners:
    """A box in pixels as fractions of a photo of this (width, height)."""
    width, height = size_wh
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def as_pixels(box: Corners, size_wh: tuple[int, int]) -> Corners:
    """A box in fractions as pixels of a photo of this (width, height)."""
    width, height = size_wh
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height
