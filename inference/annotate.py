"""Draws an answer on its photo: boxes, and the names of what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.answer import DetectionAnswer, PhotoAnswer, SuggestionAnswer
from inference.categories import Catalogue
from inference.decide import Decision
from inference.wording import SCORE, Lang, percent, short

FONT: Final = Path(__file__).with_name("fonts") / "NotoSansCJKsc-Regular-gb2312.otf"

Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""(x1, y1, x2, y2) in pixels of the picture that is drawn on."""

_FONT_SHARE: Final = 1 / 45  # of the longer side
_FONT_SMALLEST: Final = 9  # pixels; below it Chinese characters clog
_LINE_SHARE: Final = 1 / 400  # of the longer side
_PADDING: Final = 1 / 4  # of the font's size, around a label's text
_REMARK_TEXT: Final = 0.85  # of a claim's font size
_WHITE: Final[Rgb] = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Style:
    """Colour of a box and of its label's ground; how thick and large, as shares of the strongest style's."""

    colour: Rgb
    thickness: float
    text: float


# Vermilion and blue stay apart for colour-blind eyes, and white text on each has a contrast of 5:1 or more.
_STYLES: Final[dict[Decision | Literal["weak", "context"], _Style]] = {
    "prefill": _Style((190, 60, 0), 1.0, 1.0),
    "suggest": _Style((0, 90, 170), 1.0, 1.0),
    "weak": _Style((120, 80, 130), 0.5, 1.0),
    "context": _Style((105, 105, 105), 0.5, 0.9),
}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A box to draw, with its label.

    Attributes:
        box: Where.
        text: The label.
        style: How.
        is_claim: Whether the label says what is suggested; any other gives way where there is no room.
    """

    box: Box
    text: str
    style: _Style
    is_claim: bool


def annotate(rgb: NDArray[np.uint8], answer: PhotoAnswer, catalogue: Catalogue, lang: Lang = "zh") -> NDArray[np.uint8]:
    """A copy of a photo with its boxes and their labels.

    The strongest box of a suggested category carries the suggestion's probability; another box carries the
    detector's own score, said to be one, or no label where it would cover others.

    Args:
        rgb: (h, w, 3) the upright photo, at any scale.
        answer: The photo's answer, whose boxes are in pixels of the full size.
        catalogue: Names of the categories.
        lang: Language of the labels.

    Returns:
        (h, w, 3), of the size of `rgb`.
    """
    image = Image.fromarray(rgb)
    marks = _marks(answer, catalogue, lang, image.size)
    draw = ImageDraw.Draw(image)
    for mark in reversed(marks):
        _draw_box(draw, mark, image.size)
    _draw_labels(draw, marks, image.size)
    return np.asarray(image, dtype=np.uint8)


def _marks(answer: PhotoAnswer, catalogue: Catalogue, lang: Lang, size_wh: tuple[int, int]) -> list[_Mark]:
    """What to draw, the most important first: claims, then other suggested, weak and context boxes."""
    claimed: set[str] = set()
    marks: list[_Mark] = []
    for detection in answer["detections"]:
        suggestion = _suggestion_of(detection, answer["suggestions"], catalogue)
        box = _scaled(detection, answer, size_wh)
        if suggestion is not None and suggestion["category"] not in claimed:
            claimed.add(suggestion["category"])
            marks.append(_Mark(box, _claim(suggestion, lang), _STYLES[suggestion["decision"]], is_claim=True))
        else:
            style = _STYLES[_kind(detection, suggestion)]
            marks.append(_Mark(box, _remark(detection, catalogue, lang), style, is_claim=False))
    order = list(_STYLES.values())
    return sorted(marks, key=lambda mark: (not mark.is_claim, order.index(mark.style)))


def _suggestion_of(
    detection: DetectionAnswer, suggestions: Sequence[SuggestionAnswer], catalogue: Catalogue
) -> SuggestionAnswer | None:
    """The firmest suggestion that a box supports, its own category's before the parent's."""
    category = catalogue.require(detection["category"])
    own = [s for s in suggestions if s["category"] in (category.id, category.parent)]
    own.sort(key=lambda s: (s["decision"] != "prefill", s["category"] != category.id))
    return own[0] if own else None


def _kind(detection: DetectionAnswer, suggestion: SuggestionAnswer | None) -> Decision | Literal["weak", "context"]:
    if detection["context"]:
        return "context"
    return "weak" if suggestion is None else suggestion["decision"]


def _claim(suggestion: SuggestionAnswer, lang: Lang) -> str:
    """The label of the strongest box of a suggestion: how probable it is that the photo shows it."""
    name = suggestion["name_zh"] if lang == "zh" else suggestion["name_en"]
    return f"{short(name)} {percent(suggestion['probability'])}"


def _remark(detection: DetectionAnswer, catalogue: Catalogue, lang: Lang) -> str:
    """The label of any other box."""
    category = catalogue.require(detection["category"])
    name = short(category.name_zh if lang == "zh" else category.name_en)
    return name if detection["context"] else f"{name} {SCORE[lang]} {percent(detection['score'])}"


def _scaled(detection: DetectionAnswer, answer: PhotoAnswer, size_wh: tuple[int, int]) -> Box:
    """The box in pixels of the picture that is drawn on, inside it."""
    width, height = size_wh
    full_width, full_height = answer["width"] or width, answer["height"] or height
    x1, y1, x2, y2 = detection["box"]
    across, down = width / full_width, height / full_height
    left, top = _within(x1 * across, width), _within(y1 * down, height)
    return left, top, max(left, _within(x2 * across, width)), max(top, _within(y2 * down, height))


def _within(position: float, size: int) -> int:
    return min(max(round(position), 0), size - 1)


def _draw_box(draw: ImageDraw.ImageDraw, mark: _Mark, size_wh: tuple[int, int]) -> None:
    """The box in its colour between two white lines, so that it shows on any ground."""
    line = max(1, round(max(size_wh) * _LINE_SHARE * mark.style.thickness))
    x1, y1, x2, y2 = mark.box
    draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=_WHITE, width=line + 2)
    draw.rectangle(mark.box, outline=mark.style.colour, width=line)


def _draw_labels(draw: ImageDraw.ImageDraw, marks: Sequence[_Mark], size_wh: tuple[int, int]) -> None:
    placed: list[Box] = []
    # Loaded per picture: a FreeType face must not be shared between threads.
    font = ImageFont.truetype(FONT, 10, layout_engine=ImageFont.Layout.BASIC)
    for mark in marks:
        fitting = _fitting_font(mark, font, size_wh)
        if fitting is None:
            continue
        ground = _place(mark.box, _label_size(mark.text, fitting), size_wh, placed)
        if mark.is_claim or not _covered(ground, placed):
            placed.append(ground)
            _draw_label(draw, mark, ground, fitting)


def _draw_label(draw: ImageDraw.ImageDraw, mark: _Mark, ground: Box, font: ImageFont.FreeTypeFont) -> None:
    draw.rectangle(ground, fill=mark.style.colour, outline=_WHITE)
    middle = ((ground[0] + ground[2]) / 2, (ground[1] + ground[3]) / 2)
    draw.text(middle, mark.text, font=font, fill=_WHITE, anchor="mm")


def _fitting_font(mark: _Mark, font: ImageFont.FreeTypeFont, size_wh: tuple[int, int]) -> ImageFont.FreeTypeFont | None:
    """The font at the largest size, up to the style's, at which the label fits into the picture."""
    share = mark.style.text * (1 if mark.is_claim else _REMARK_TEXT)
    largest = max(_FONT_SMALLEST, round(max(size_wh) * _FONT_SHARE * share))
    for size in range(largest, _FONT_SMALLEST - 1, -1):
        sized = font.font_variant(size=size)
        width, height = _label_size(mark.text, sized)
        if width <= size_wh[0] and height <= size_wh[1]:
            return sized
    return None


def _label_size(text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Width and height of a label with its padding."""
    padding = 2 * round(font.size * _PADDING)
    return round(font.getlength(text)) + padding, round(font.size) + padding


def _place(box: Box, label_wh: tuple[int, int], size_wh: tuple[int, int], placed: Sequence[Box]) -> Box:
    """Where a label goes: above its box, else below, else inside, wherever it covers least of the others."""
    x1, y1, x2, y2 = box
    width, height = label_wh
    lefts = (x1, x2 - width + 1)
    tops = (y1 - height, y2 + 1, y1, y2 - height + 1)
    places = [
        (within_x, within_y, within_x + width - 1, within_y + height - 1)
        for within_y in (max(0, min(top, size_wh[1] - height)) for top in tops)
        for within_x in (max(0, min(left, size_wh[0] - width)) for left in lefts)
    ]
    return min(places, key=lambda place: _covered(place, placed))


def _covered(place: Box, placed: Sequence[Box]) -> int:
    """Pixels of the labels placed before that a label there would cover."""
    return sum(_overlap(place, other) for other in placed)


def _overlap(one: Box, other: Box) -> int:
    """Pixels that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0]) + 1
    down = min(one[3], other[3]) - max(one[1], other[1]) + 1
    return max(0, across) * max(0, down)
