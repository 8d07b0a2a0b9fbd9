"""Before/after collages: two photos in one picture, found apart again by the seam between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.compare_settings import SeamSettings

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Seam:
    """A straight line at which one picture ends and another begins.

    Attributes:
        axis: `x`: the pictures stand side by side; `y`: one above the other.
        position: Where, as a fraction of the width or height.
        continuity: Share of the line along which the picture changes abruptly, in [0, 1].
    """

    axis: Literal["x", "y"]
    position: float
    continuity: float


def find_seam(rgb: Rgb, settings: SeamSettings) -> Seam | None:
    """The seam of a collage of two pictures, or None where there is none.

    Args:
        rgb: (h, w, 3) the picture.
        settings: What counts as a seam.
    """
    best = _best_seam(rgb, settings)
    return best if best.continuity >= settings.continuity else None


def holds_more(rgb: Rgb, seam: Seam, settings: SeamSettings) -> bool:
    """Whether a collage seems to hold more than the two pictures on both sides of its seam."""
    return any(_best_seam(half, settings).continuity >= settings.further for half in halves(rgb, seam, settings))


def halves(rgb: Rgb, seam: Seam, settings: SeamSettings) -> tuple[Rgb, Rgb]:
    """The pictures on both sides of a seam, left or upper one first, without what lies right at it."""
    across = 1 if seam.axis == "x" else 0
    side = rgb.shape[across]
    middle, margin = seam.position * side, settings.gutter * side / 2
    first, second = round(middle - margin), round(middle + margin)
    if seam.axis == "x":
        return np.ascontiguousarray(rgb[:, :first]), np.ascontiguousarray(rgb[:, second:])
    return np.ascontiguousarray(rgb[:first]), np.ascontiguousarray(rgb[second:])


def _best_seam(rgb: Rgb, settings: SeamSettings) -> Seam:
    found = (_best_line(rgb, "x", settings), _best_line(rgb.transpose(1, 0, 2), "y", settings))
    return max(found, key=lambda seam: seam.continuity)


def _best_line(rgb: Rgb, axis: Literal["x", "y"], settings: SeamSettings) -> Seam:
    """The column boundary along which the most rows change abruptly."""
    columns = rgb.shape[1]
    first, last = int(columns * settings.outer), int(columns * (1 - settings.outer))
    if last - first < 1 or columns <= 6 * settings.reach:
        return Seam(axis, 0.5, 0.0)
    continuity = np.max([_continuity(rgb[..., channel], settings) for channel in range(3)], axis=0)
    best = first + int(np.argmax(continuity[first:last]))
    return Seam(axis, best / columns, float(continuity[best]))


def _continuity(channel: NDArray[np.uint8], settings: SeamSettings) -> NDArray[np.float64]:
    """Per column, the share of rows whose step there is larger than those right beside it."""
    reach, values = settings.reach, channel.astype(np.int16)
    step = np.zeros(values.shape, np.int16)
    step[:, reach:-reach] = np.abs(values[:, 2 * reach :] - values[:, : -2 * reach])
    beside = 2 * reach + 1  # where the two compared columns no longer straddle the seam
    around = np.maximum(np.roll(step, beside, axis=1), np.roll(step, -beside, axis=1))
    return np.asarray((step > around + settings.contrast).mean(axis=0), dtype=np.float64)
