"""Findings as one page that works offline: thumbnails with boxes, worst first, filtered by a few lines of script."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from datasets.check import CheckReport
from datasets.fault_names import SEVERITY_NAMES, rank, title
from datasets.faults import Fault
from datasets.labels import LabelledPhoto
from inference.categories import Catalogue
from inference.photo import PhotoError, read_photo

PAGE: Final = "index.html"
_THUMBNAILS: Final = "thumbnails"
_SIDE: Final = 420
"""Pixels of a thumbnail's longer side: about 25 KB each."""
_QUALITY: Final = 78


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail with boxes.

    Attributes:
        file: Below the page's folder; "" where the photo cannot be read.
        original: URL of the photo itself.
        name: `source/name`.
        width: Pixels of the thumbnail.
        height: Pixels of the thumbnail.
        boxes: Each with `left`, `top`, `width`, `height` in per cent, `role` and `text`.
    """

    file: str
    original: str
    name: str
    width: int
    height: int
    boxes: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One finding as it is shown."""

    fault: Fault
    zh: str
    en: str
    severity_zh: str
    category: str
    category_zh: str
    pictures: tuple[Picture, ...]


class Gallery:
    """Writes the page and its thumbnails into a folder.

    Args:
        folder: Where; it must exist.
        catalogue: What categories are called.
        limit: Findings of each kind that are shown, the worst first.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, limit: int) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._limit = limit
        self._thumbnails: dict[str, tuple[str, int, int]] = {}

    def write(self, report: CheckReport) -> Path:
        """The page of a report."""
        (self._folder / _THUMBNAILS).mkdir()
        photos = {photo.key: photo for photo in report.photos}
        cards = [self._card(fault, photos) for fault in self._shown(report.faults)]
        environment = Environment(
            loader=PackageLoader("datasets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        page = self._folder / PAGE
        page.write_text(
            environment.get_template("gallery.html.j2").render(
                cards=cards,
                report=report,
                kinds=self._kinds(report.faults),
                sources=sorted({fault.source for fault in report.faults if fault.source}),
                categories=self._categories(cards),
                severities=SEVERITY_NAMES,
                balance=[(row, self._name(row.category)) for row in report.balance],
                hidden=len(report.faults) - len(cards),
            ),
            encoding="utf-8",
        )
        return page

    def _shown(self, faults: Iterable[Fault]) -> Iterator[Fault]:
        taken: Counter[str] = Counter()
        for fault in faults:
            taken[fault.code] += 1
            if taken[fault.code] <= self._limit:
                yield fault

    def _kinds(self, faults: Sequence[Fault]) -> list[tuple[str, str, str, str, int]]:
        """(code, Chinese, English, severity, findings), worst kinds first."""
        counts = Counter((fault.code, fault.severity) for fault in faults)
        ordered = sorted(counts, key=lambda kind: rank(*kind))
        return [(code, *title(code), severity, counts[code, severity]) for code, severity in ordered]

    def _categories(self, cards: Sequence[Card]) -> list[tuple[str, str]]:
        return sorted({(card.category, card.category_zh) for card in cards if card.category})

    def _name(self, category: str) -> str:
        return self._catalogue[category].name_zh if category in self._catalogue else category

    def _card(self, fault: Fault, photos: Mapping[str, LabelledPhoto]) -> Card:
        details = dict(fault.details or {})
        category = str(details.get("category", ""))
        pictures = []
        if photo := photos.get(f"{fault.source}/{fault.name}"):
            pictures.append(self._picture(photo, [*details.get("labels", ()), *details.get("boxes", ())]))
        if other := details.get("other"):
            second = photos.get(f"{other['source']}/{other['name']}")
            pictures += [self._picture(second, details.get("other_boxes", ()))] if second else []
        zh, en = title(fault.code)
        return Card(
            fault,
            zh,
            en,
            SEVERITY_NAMES[fault.severity],
            category,
            self._name(category) if category else "",
            tuple(pictures),
        )

    def _picture(self, photo: LabelledPhoto, boxes: Iterable[Mapping[str, Any]]) -> Picture:
        file, width, height = self._thumbnail(photo)
        original = photo.path.absolute().as_uri() if isinstance(photo.path, Path) else str(photo.path)
        return Picture(file, original, photo.key, width, height, tuple(map(self._box, boxes)))

    def _box(self, box: Mapping[str, Any]) -> Mapping[str, object]:
        x1, y1, x2, y2 = (100 * float(value) for value in box["xyxy"])
        score = f" {box['score']:.2f}" if "score" in box else ""
        return {
            "left": f"{x1:.2f}",
            "top": f"{y1:.2f}",
            "width": f"{x2 - x1:.2f}",
            "height": f"{y2 - y1:.2f}",
            "role": box["role"],
            "text": f"{self._name(box['category'])}{score}",
            "low": y1 < 8,  # noqa: PLR2004 - too near the top edge for a caption above it
        }

    def _thumbnail(self, photo: LabelledPhoto) -> tuple[str, int, int]:
        """(file, width, height), written once a photo; without a file where the photo cannot be read."""
        if photo.key not in self._thumbnails:
            self._thumbnails[photo.key] = self._written(photo)
        return self._thumbnails[photo.key]

    def _written(self, photo: LabelledPhoto) -> tuple[str, int, int]:
        try:
            rgb = read_photo(photo.path.read_bytes(), target_side=_SIDE, allow_degraded=True).rgb
        except (OSError, PhotoError):
            return "", _SIDE, _SIDE * 3 // 4
        scale = min(1.0, _SIDE / max(rgb.shape[:2]))
        width, height = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        name = f"{_THUMBNAILS}/{hashlib.sha256(photo.key.encode()).hexdigest()[:16]}.jpg"
        options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
        encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), options)[1]
        (self._folder / name).write_bytes(encoded.tobytes())
        return name, width, height
