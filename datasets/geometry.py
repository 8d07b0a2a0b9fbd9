"""Overlap of boxes, as fractions of a photo or in pixels alike."""

from __future__ import annotations

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """Width times height; 0 for a box without an inside."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def shared(first: Box, second: Box) -> float:
    """Area of what both cover."""
    return area(
        (max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3]))
    )


def iou(first: Box, second: Box) -> float:
    """Intersection over union, in [0, 1]."""
    both = shared(first, second)
    return both / (area(first) + area(second) - both) if both else 0.0


def covered(inner: Box, outer: Box) -> float:
    """Share of the smaller of two boxes that the other covers, in [0, 1]."""
    smaller = min(area(inner), area(outer))
    return shared(inner, outer) / smaller if smaller else 0.0


def within(box: Box) -> Box:
    """The box cut to the photo; boxes are fractions."""
    x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in box)
    return x1, y1, x2, y2
