"""Boxes of label files cut to their photo, and what was wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from datasets.class_map import ClassMap
from datasets.labels import Box
from datasets.raw import RawBox

BoxCode = Literal["box-outside", "box-degenerate"]


@dataclass(frozen=True, slots=True)
class BoxFault:
    """What is wrong with one box.

    Attributes:
        code: The fault's code.
        is_lost: Whether the box is left out and said something that is now missing.
        box: The box as stated.
        message: What is wrong, Chinese and English.
    """

    code: BoxCode
    is_lost: bool
    box: RawBox
    message: str


@dataclass(slots=True)
class BoxCutter:
    """Maps and cuts the boxes of one photo.

    Attributes:
        class_map: Of the source.
        tolerance: Share of the side by which a box may reach over the edge unreported.
        report: Takes what is wrong.
        lost: Categories of which a box was left out.
    """

    class_map: ClassMap
    tolerance: float
    report: Callable[[BoxFault], None]
    lost: set[str] = field(default_factory=set)

    def cut(self, boxes: Sequence[RawBox]) -> Iterator[Box]:
        """The boxes that can be used, inside the photo, each once."""
        for raw in boxes:
            category = self.class_map.category(raw.label)
            if category is not None:
                box = self._inside(category, raw)
                if box is not None:
                    yield box

    def _inside(self, category: str, raw: RawBox) -> Box | None:
        x1, y1, x2, y2 = (min(max(value, 0.0), 1.0) for value in raw.xyxy)
        if not (raw.xyxy[0] < raw.xyxy[2] and raw.xyxy[1] < raw.xyxy[3]):
            self._lose(category, "box-degenerate", raw, "框没有面积 / a box without area: left out")
            return None
        if not (x1 < x2 and y1 < y2):
            self._lose(category, "box-outside", raw, "框完全在照片之外 / a box wholly outside the photo: left out")
            return None
        over = max(abs(value - edge) for value, edge in zip(raw.xyxy, (x1, y1, x2, y2), strict=True))
        if over > self.tolerance:
            problem = f"框超出照片 {over:.1%}，已裁剪 / reaches {over:.1%} of a side out of the photo: cut to it"
            self.report(BoxFault("box-outside", False, raw, problem))
        return Box(category, (x1, y1, x2, y2))

    def _lose(self, category: str, code: BoxCode, raw: RawBox, message: str) -> None:
        self.lost.add(category)
        self.report(BoxFault(code, True, raw, message))
