"""The boxes of a record that are worth showing, whatever `--min-score` recorded beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inference.categories import Catalogue
from inference.scan.record import Record, RecordedDetection

_BESIDE: Final = 0.5  # share of a category's strongest score from which its other boxes count


def evidence(record: Record, catalogue: Catalogue, *, with_context: bool = False) -> Iterator[RecordedDetection]:
    """The boxes of what is suggested, those of a parent's children too, without ones far weaker than the strongest.

    Args:
        record: Of a photo.
        catalogue: Roll-up parents of the categories.
        with_context: Whether boxes of context classes, such as bins, are wanted, too.
    """
    suggested = {suggestion.category for suggestion in record.suggestions}
    strongest: dict[str, float] = {}
    for detection in record.detections:
        names = {detection.category, catalogue.require(detection.category).parent}
        is_wanted = with_context if detection.context else bool(suggested & names)
        if is_wanted and detection.score >= _BESIDE * strongest.setdefault(detection.category, detection.score):
            yield detection
