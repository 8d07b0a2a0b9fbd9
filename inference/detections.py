"""The one value type for boxes found in a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

_CORNERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes found in one photo, strongest first.

    Attributes:
        xyxy: float32 (n, 4), each row (x1, y1, x2, y2) in pixels of the upright full-size photo, x right, y down.
        scores: float32 (n,) in [0, 1], the detector's raw confidence (not a probability).
        categories: n category ids.

    Raises:
        ValueError: a field has the wrong shape, with what was expected.
    """

    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.categories)
        if self.xyxy.shape != (n, _CORNERS):
            raise ValueError(f"xyxy must have shape ({n}, {_CORNERS}), but got {self.xyxy.shape}")
        if self.scores.shape != (n,):
            raise ValueError(f"scores must have shape ({n},), but got {self.scores.shape}")
        if n and not (self.scores.min() >= 0 and self.scores.max() <= 1):
            raise ValueError(f"scores must lie in [0, 1], but got {self.scores.min()} to {self.scores.max()}")

    @classmethod
    def empty(cls) -> Self:
        """Nothing found."""
        return cls(np.empty((0, _CORNERS), np.float32), np.empty(0, np.float32), ())

    def __len__(self) -> int:
        return len(self.categories)

    def where(self, keep: NDArray[np.bool_]) -> Detections:
        """The rows for which `keep` (n,) is True."""
        kept = tuple(c for c, k in zip(self.categories, keep, strict=True) if k)
        return Detections(self.xyxy[keep], self.scores[keep], kept)

    def photo_scores(self) -> dict[str, float]:
        """Category -> its highest score in the photo; categories without a box are absent."""
        best: dict[str, float] = {}
        for category, score in zip(self.categories, self.scores.tolist(), strict=True):
            best[category] = max(score, best.get(category, 0.0))
        return best
