"""What an officer said, made complete and checked against the request that it is about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inference.categories import Catalogue
from inference.feedback.said import OfficerVerdict, Said, SaidPhoto

Outcome = Literal["confirmed", "rejected"]


class OpinionError(Exception):
    """Feedback that contradicts itself, the catalogue or the request.

    Args:
        wrong: (field, what is wrong with it and what to do), at least one.
    """

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {detail}" for field, detail in wrong))
        self.wrong = tuple(wrong)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an officer said about a request.

    Attributes:
        verdict: What the case is.
        categories: Confirmed, as said.
        rejected: Struck out; never overlaps with what is confirmed, nor with its parents and children.
        searched: Asked about beyond the suggestions.
        photos: Per photo of which something was said: index, categories or None, boxes, exhaustive_for.
        reviewer: Who said so, or None.
        note: Or None.
    """

    verdict: OfficerVerdict
    categories: tuple[str, ...]
    rejected: tuple[str, ...]
    searched: tuple[str, ...]
    photos: tuple[Mapping[str, Any], ...]
    reviewer: str | None
    note: str | None

    @property
    def digest(self) -> str:
        """The same for the same opinion, whatever the order of its categories."""
        parts = [self.verdict, sorted(self.categories), sorted(self.rejected), sorted(self.searched)]
        whole = json.dumps([*parts, self.photos, self.reviewer, self.note], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    def outcome(self, category: str, catalogue: Catalogue) -> Outcome | None:
        """What became of a category; a suggested parent is right where a child of it was confirmed."""
        if category in self.categories or kin(category, catalogue).below & {*self.categories}:
            return "confirmed"
        return "rejected" if category in self.rejected else None

    def is_click(self, suggested: Mapping[str, str]) -> bool:
        """Whether the officer could just click: every pre-filled category stands, and none had to be added.

        Args:
            suggested: Category -> decision.
        """
        prefilled = {category for category, decision in suggested.items() if decision == "prefill"}
        return self.verdict != "unusable" and prefilled <= {*self.categories} <= {*suggested}


@dataclass(frozen=True, slots=True)
class Kin:
    """The categories right above and below one."""

    above: frozenset[str]
    below: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Both."""
        return self.above | self.below


def kin(category: str, catalogue: Catalogue) -> Kin:
    """The parent and children of a category; none of one that the catalogue does not know any more."""
    if category not in catalogue:
        return Kin(frozenset(), frozenset())
    parent = catalogue[category].parent
    children = frozenset(child.id for child in catalogue.children(category))
    return Kin(frozenset() if parent is None else frozenset((parent,)), children)


def opinion_of(
    said: Said, suggested: Collection[str], photos: Sequence[Mapping[str, Any]], catalogue: Catalogue
) -> Opinion:
    """The opinion that somebody gave.

    Args:
        said: Their words.
        suggested: Categories that the request suggested.
        photos: Of the request; `width` and `height` are looked at.
        catalogue: The categories.

    Raises:
        OpinionError: They contradict themselves, or what they are about.
    """
    verdict = said.verdict or ("issue" if said.categories else "no_issue")
    if wrong := [*_unknown(said, catalogue), *_contradictions(said, verdict, catalogue), *_misplaced(said, photos)]:
        raise OpinionError(wrong)
    return Opinion(
        verdict=verdict,
        categories=tuple(dict.fromkeys(said.categories)),
        rejected=_rejected(said, verdict, suggested, catalogue),
        searched=tuple(dict.fromkeys(said.searched)),
        photos=tuple(photo.model_dump(mode="json") for photo in sorted(said.photos, key=lambda photo: photo.index)),
        reviewer=said.reviewer or None,
        note=said.note or None,
    )


def _rejected(said: Said, verdict: OfficerVerdict, suggested: Collection[str], catalogue: Catalogue) -> tuple[str, ...]:
    """What was struck out; by default the other suggestions, but no more than the words can mean.

    Who confirms litter confirms garbage, its parent; who confirms garbage does not say of which kind; and of a
    photo that cannot be used nothing is known.
    """
    if said.rejected is not None:
        return tuple(dict.fromkeys(said.rejected))
    if verdict == "unusable":
        return ()
    spared = {*said.categories}.union(*(kin(category, catalogue).all for category in said.categories))
    return tuple(category for category in suggested if category not in spared)


def _unknown(said: Said, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    problems = {"categories": said.categories, "rejected": said.rejected or [], "searched": said.searched}
    for field, names in problems.items():
        yield from ((field, why) for name in names if (why := _why_no_problem(name, catalogue)))
    for photo in said.photos:
        place = f"photos.{photo.index}"
        yield from (
            (f"{place}.categories", why) for n in photo.categories or () if (why := _why_no_problem(n, catalogue))
        )
        drawn = [("boxes", box.category) for box in photo.boxes]
        for field, name in [*drawn, *(("exhaustive_for", name) for name in photo.exhaustive_for)]:
            if name not in catalogue:
                yield f"{place}.{field}", _unknown_name(name, catalogue)


def _why_no_problem(name: str, catalogue: Catalogue) -> str | None:
    if name not in catalogue:
        return _unknown_name(name, catalogue)
    if catalogue[name].role == "context":
        return f"{name} is an object of the street, no problem; nobody can confirm or reject it"
    return None


def _unknown_name(name: str, catalogue: Catalogue) -> str:
    near = ", ".join(catalogue.nearest(name))
    hint = f"did you mean {near}?" if near else "GET /v1/categories lists them"
    return f"{name!r} is no category; {hint}"


def _contradictions(said: Said, verdict: OfficerVerdict, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    confirmed = {*said.categories}
    if confirmed and verdict != "issue":
        yield "verdict", f"is {verdict}, yet categories are confirmed; leave them out, or say issue"
    implied = confirmed.union(*(kin(name, catalogue).above for name in confirmed if name in catalogue))
    if verdict in ("unrelated", "unusable") and any(photo.boxes for photo in said.photos):
        yield "photos", f"have boxes, yet the verdict is {verdict}; leave the boxes out"
    for name in sorted({*(said.rejected or ())} & implied):
        yield "rejected", f"{name} is confirmed and rejected at once"
    for name in sorted({*said.searched} & {*(said.rejected or ())}):
        yield "searched", f"{name} is rejected already; searched is for what was neither suggested nor judged"
    for photo in said.photos:
        yield from _beyond_the_case(photo, confirmed, catalogue)


def _beyond_the_case(photo: SaidPhoto, confirmed: set[str], catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What is said of a photo and not of its case."""
    problems = {name for name in (box.category for box in photo.boxes) if name in catalogue}
    drawn = {name for name in problems if catalogue[name].role != "context"}
    for name in sorted((drawn | {*(photo.categories or ())}) - confirmed):
        yield f"photos.{photo.index}", f"shows {name}, which is not among the categories of the case; add it there"


def _misplaced(said: Said, photos: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    indexes = [photo.index for photo in said.photos]
    for index in sorted({index for index in indexes if indexes.count(index) > 1}):
        yield f"photos.{index}", "is given twice"
    for photo in said.photos:
        place = f"photos.{photo.index}"
        if photo.index >= len(photos):
            yield place, f"there is no such photo; the request has {len(photos)}, counted from 0"
        elif photo.boxes:
            yield from ((f"{place}.boxes", why) for why in _outside(photo, photos[photo.index]))


def _outside(photo: SaidPhoto, known: Mapping[str, Any]) -> Iterator[str]:
    width, height = known["width"], known["height"]
    if width is None or height is None:
        yield "the photo could not be read, so that nothing can be drawn on it"
        return
    for box in photo.boxes:
        _, _, x2, y2 = box.box
        if x2 > width or y2 > height:
            yield f"{list(box.box)} leads out of the upright photo of {width} x {height} pixels"
