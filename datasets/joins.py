"""Why two photos belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Reason = Literal[
    "same-content",
    "given",
    "near-duplicate",
    "altered-copy",
    "same-scene",
    "series",
    "same-place",
    "burst",
    "day-and-folder",
]
"""Why two photos belong together, the most telling first."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Join:
    """Two photos that belong together.

    Attributes:
        first: Number of a photo.
        second: Number of another.
        reason: Why.
        measure: Bits, metres or seconds between them; of altered copies and scenes the likeness in [0, 1]; else 0.
    """

    first: int
    second: int
    reason: Reason
    measure: float
