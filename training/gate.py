"""May a new model take the champion's place? Two evaluations of the same photos in, a reasoned verdict out.

docs/decisions/0020-gate-statistics.md says why it is decided so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from inference.errors import PatrolError
from training.evaluation import Evaluation
from training.gate_settings import MEASURES, GateSettings, Measure
from training.outcomes import PhotoOutcome, Record, Role
from training.pairs import Pair, pairs

Outcome = Literal["better", "same", "worse", "collapsed"]
Code = Literal["dropped", "prefill-lost", "worse", "collapsed", "mean-worse", "mean-beyond-margin", "no-evidence"]
FROZEN: Final = "frozen"
"""Photos of the test part that the champion's data version had held out, too."""
NEW: Final = "new"
"""Held-out photos that are newer than the champion's data version."""
Part = Literal["frozen", "new"]


class UnlikeError(PatrolError):
    """Two evaluations that cannot be compared, with the reason."""


class Comparison(Record):
    """One measure of one category on one part.

    Attributes:
        part: `frozen` or `new`.
        category: Category or parent.
        role: A problem, context or a parent.
        measure: What is measured.
        support: Labelled boxes, or photos that show it; pre-filled photos for `prefill_precision`.
        groups: Groups of photos that show it.
        candidate: The candidate's figure.
        champion: The champion's.
        difference: Candidate minus champion.
        lower: Lower end of its interval, which holds for all comparisons together.
        upper: Upper end.
        outcome: What follows.
        examples: Keys of the photos that lost most, worst first.
    """

    part: Part
    category: str
    role: Role
    measure: Measure
    support: int
    groups: int
    candidate: float
    champion: float
    difference: float
    lower: float
    upper: float
    outcome: Outcome
    examples: tuple[str, ...] = ()


class MeanComparison(Record):
    """The mean over problem categories with enough support.

    Attributes:
        part: `frozen` or `new`.
        measure: `boxes` or `photos`.
        categories: Which.
        candidate: The candidate's mean.
        champion: The champion's.
        difference: Candidate minus champion.
        lower: Lower end of its interval, one-sided, which holds for all means together.
        upper: Upper end.
    """

    part: Part
    measure: Measure
    categories: tuple[str, ...]
    candidate: float
    champion: float
    difference: float
    lower: float
    upper: float


class Refusal(Record):
    """A reason why the candidate may not take the champion's place.

    Attributes:
        code: The kind of reason.
        part: Where it was seen, or None when no photo is needed to see it.
        category: Which category, or None.
        measure: Which measure, or None.
        examples: Keys of photos that show it.
    """

    code: Code
    part: Part | None = None
    category: str | None = None
    measure: Measure | None = None
    examples: tuple[str, ...] = ()


class Judgement(Record):
    """What the gate found.

    Attributes:
        refusals: Why the candidate is refused; empty: it passes.
        means: Means over categories.
        comparisons: Every comparison, the largest loss first.
        photos: Part -> photos compared.
        untested: Categories of both models that no part has photos enough for.
        not_in_new: Categories that are compared on the frozen part alone, because the new labels hold too few.
        added: Categories that only the candidate knows.
        factor: Standard errors from a difference to the ends of its interval.
    """

    refusals: tuple[Refusal, ...]
    means: tuple[MeanComparison, ...]
    comparisons: tuple[Comparison, ...]
    photos: dict[Part, int]
    untested: tuple[str, ...]
    not_in_new: tuple[str, ...]
    added: tuple[str, ...]
    factor: float

    @property
    def passed(self) -> bool:
        """Whether the candidate may take the champion's place."""
        return not self.refusals


@dataclass(frozen=True, slots=True)
class _Both:
    """The readable photos of one part, in one order.

    Attributes:
        candidate: As the candidate answered them.
        champion: As the champion did.
    """

    candidate: list[PhotoOutcome]
    champion: list[PhotoOutcome]


def gate(
    candidate: Evaluation, champion: Evaluation, settings: GateSettings, new: frozenset[str] = frozenset()
) -> Judgement:
    """Compare two models; the same evaluations and settings always give the same judgement.

    Args:
        candidate: The new model's evaluation.
        champion: The present one's, on the same photos.
        settings: configs/gate.yaml.
        new: Keys of the photos that are newer than the champion's data version; the others are the frozen part.

    Raises:
        UnlikeError: the evaluations are not of the same photos and labels.
    """
    parts = _parts(candidate, champion, new)
    shared = [category for category in champion.categories if category in candidate.categories]
    found = [
        pair for part, both in parts.items() for pair in pairs(part, both.candidate, both.champion, shared, settings)
    ]
    factor, errors = _simultaneous(found, settings.confidence)
    compared = [
        _compared(pair, error, factor, champion.categories[pair.category].role, parts, settings)
        for pair, error in zip(found, errors, strict=True)
    ]
    outside = (1 - settings.confidence) / (2 * len(parts))  # two means a part, all together
    means = [
        mean
        for part in parts
        for measure in MEASURES
        if (mean := _mean(part, measure, found, champion, settings, outside))
    ]
    seen = {part: {pair.category for pair in found if pair.part == part} for part in parts}
    return Judgement(
        refusals=(*_broken(candidate, champion, settings), *_worse(compared), *_mean_refusals(means, found, settings)),
        means=tuple(means),
        comparisons=tuple(sorted(compared, key=lambda one: (one.difference, one.category, one.measure))),
        photos={part: len(both.champion) for part, both in parts.items()},
        untested=tuple(c for c in shared if not any(c in categories for categories in seen.values())),
        not_in_new=tuple(c for c in shared if c in seen[FROZEN] and c not in seen.get(NEW, ())) if NEW in parts else (),
        added=tuple(c for c in candidate.categories if c not in champion.categories),
        factor=factor,
    )


def _parts(candidate: Evaluation, champion: Evaluation, new: frozenset[str]) -> dict[Part, _Both]:
    theirs = {photo.key: photo for photo in champion.photos}
    ours = {photo.key: photo for photo in candidate.photos}
    if theirs.keys() != ours.keys():
        odd = sorted(theirs.keys() ^ ours.keys())
        raise UnlikeError(f"the two evaluations are not of the same photos ({len(odd)} in one only, such as {odd[0]})")
    readable = [key for key in sorted(theirs) if theirs[key].error is None and ours[key].error is None]
    for key in readable:
        _require_same_labels(ours[key], theirs[key])
    chosen: dict[Part, list[str]] = {
        FROZEN: [key for key in readable if key not in new],
        NEW: [key for key in readable if key in new],
    }
    return {
        part: _Both([ours[key] for key in keys], [theirs[key] for key in keys])
        for part, keys in chosen.items()
        if keys or part == FROZEN
    }


def _require_same_labels(ours: PhotoOutcome, theirs: PhotoOutcome) -> None:
    for category in ours.categories.keys() & theirs.categories.keys():
        one, other = ours.categories[category], theirs.categories[category]
        if (one.shows, one.boxes) != (other.shows, other.boxes) or ours.group != theirs.group:
            raise UnlikeError(f"{ours.key}: the two evaluations have other labels; evaluate both on one data version")


def _simultaneous(found: Sequence[Pair], confidence: float) -> tuple[float, list[float]]:
    """(factor, standard errors): with this many of them on either side, all intervals hold together.

    The factor is the quantile of the largest standardised deviation over all comparisons (max-T, Westfall and Young
    1993): it knows how the measures hang together, where Bonferroni would assume the worst.
    """
    errors = [float(pair.deviations.std()) for pair in found]
    varying = [pair.deviations / error for pair, error in zip(found, errors, strict=True) if error > 0]
    if not varying:
        return 0.0, errors
    return float(np.quantile(np.max(varying, axis=0), confidence)), errors


def _compared(
    pair: Pair, error: float, factor: float, role: Role, parts: Mapping[Part, _Both], settings: GateSettings
) -> Comparison:
    part: Part = NEW if pair.part == NEW else FROZEN
    difference, reach = pair.difference, factor * error
    outcome = _outcome(pair, difference - reach, difference + reach, settings)
    lost = outcome in ("worse", "collapsed")
    return Comparison(
        part=part,
        category=pair.category,
        role=role,
        measure=pair.measure,
        support=pair.support,
        groups=pair.groups,
        candidate=float(pair.candidate[0]),
        champion=float(pair.champion[0]),
        difference=difference,
        lower=max(difference - reach, -1.0),
        upper=min(difference + reach, 1.0),
        outcome=outcome,
        examples=_examples(parts[part], pair.category, settings.examples) if lost else (),
    )


def _outcome(pair: Pair, lower: float, upper: float, settings: GateSettings) -> Outcome:
    if upper < 0 and -pair.difference > settings.tolerated.of(pair.measure):
        return "worse"
    large, left = settings.large_loss, float(pair.candidate[0])
    if -pair.difference >= large.points and left < large.share * float(pair.champion[0]):
        own_upper = pair.difference + float(np.quantile(pair.deviations, settings.confidence))
        if own_upper < 0:
            return "collapsed"
    return "better" if lower > 0 else "same"


def _examples(both: _Both, category: str, count: int) -> tuple[str, ...]:
    """Keys of the photos on which the candidate's score went the wrong way most."""
    losses: list[tuple[float, str]] = []
    for ours, theirs in zip(both.candidate, both.champion, strict=True):
        one, other = ours.categories.get(category), theirs.categories.get(category)
        if one is None or other is None or other.shows is None:
            continue
        loss = other.score - one.score if other.shows else one.score - other.score
        if loss > 0:
            losses.append((-loss, ours.key))
    return tuple(key for _, key in sorted(losses)[:count])


def _mean(
    part: Part, measure: Measure, found: Sequence[Pair], champion: Evaluation, settings: GateSettings, outside: float
) -> MeanComparison | None:
    """The mean of a measure over problem categories with enough support, or None without any."""
    least = {"boxes": settings.macro.min_boxes, "photos": settings.macro.min_photos}.get(measure)
    counted = [
        pair
        for pair in found
        if least is not None
        and (pair.part, pair.measure) == (part, measure)
        and pair.support >= least
        and champion.categories[pair.category].role == "problem"
    ]
    if not counted:
        return None
    difference = float(np.mean([pair.difference for pair in counted]))
    deviations = np.mean([pair.deviations for pair in counted], axis=0)
    low, high = np.quantile(deviations, [outside, 1 - outside])
    return MeanComparison(
        part=part,
        measure=measure,
        categories=tuple(pair.category for pair in counted),
        candidate=float(np.mean([pair.candidate[0] for pair in counted])),
        champion=float(np.mean([pair.champion[0] for pair in counted])),
        difference=difference,
        lower=difference + float(low),
        upper=difference + float(high),
    )


def _broken(candidate: Evaluation, champion: Evaluation, settings: GateSettings) -> list[Refusal]:
    """Promises that can be seen to be broken without a photo."""
    refusals: list[Refusal] = []
    for category, theirs in champion.categories.items():
        ours = candidate.categories.get(category)
        if ours is None:
            if category not in settings.may_be_dropped:
                refusals.append(Refusal(code="dropped", category=category))
        elif theirs.prefill is not None and ours.prefill is None and category not in settings.may_lose_prefill:
            refusals.append(Refusal(code="prefill-lost", category=category))
    return refusals


def _worse(compared: Sequence[Comparison]) -> list[Refusal]:
    codes: dict[Outcome, Code] = {"worse": "worse", "collapsed": "collapsed"}
    return [
        Refusal(
            code=codes[one.outcome], part=one.part, category=one.category, measure=one.measure, examples=one.examples
        )
        for one in sorted(compared, key=lambda one: one.difference)
        if one.outcome in codes
    ]


def _mean_refusals(means: Sequence[MeanComparison], found: Sequence[Pair], settings: GateSettings) -> list[Refusal]:
    if not any(pair.part == FROZEN for pair in found):
        return [Refusal(code="no-evidence", part=FROZEN)]
    refusals: list[Refusal] = []
    for mean in means:
        if mean.upper < 0:
            refusals.append(Refusal(code="mean-worse", part=mean.part, measure=mean.measure))
        elif (mean.lower if settings.macro.strict else mean.difference) < -settings.macro.margin:
            refusals.append(Refusal(code="mean-beyond-margin", part=mean.part, measure=mean.measure))
    return refusals
