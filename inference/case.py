"""Several photos of one case -> one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.categories import Catalogue
from inference.classify import PhotoResult
from inference.decide import Suggestion, Verdict, ordered, rolled_up

_VERDICTS: tuple[Verdict, ...] = ("issue", "uncertain", "no_issue", "unrelated", "unusable")
"""The first that any photo has is the case's."""


@dataclass(frozen=True, slots=True)
class CaseSuggestion:
    """A category that at least one photo of the case suggests.

    Attributes:
        suggestion: Its firmest statement.
        photo_indexes: Positions of the photos that suggest it, ascending.
    """

    suggestion: Suggestion
    photo_indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Verdict and merged suggestions of a case."""

    verdict: Verdict
    suggestions: tuple[CaseSuggestion, ...]


def merge(results: Sequence[PhotoResult | None], catalogue: Catalogue) -> Case:
    """The case that photos show together; None stands for a photo that could not be read."""
    said = [
        (index, suggestion)
        for index, result in enumerate(results)
        if result is not None
        for suggestion in result.suggestions
    ]
    firmest: dict[str, Suggestion] = {}
    for suggestion in ordered(suggestion for _, suggestion in said):
        firmest.setdefault(suggestion.category, suggestion)
    merged = tuple(
        CaseSuggestion(s, tuple(index for index, other in said if other.category == s.category))
        for s in rolled_up(firmest, catalogue)
    )
    verdicts = {"unusable" if result is None else result.verdict for result in results}
    return Case(next((v for v in _VERDICTS if v in verdicts), "unusable"), merged)
