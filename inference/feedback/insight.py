"""What the counts say: live precision, acceptance, drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from inference.categories import Catalogue
from inference.feedback.database import Database
from inference.feedback.drift import Change, Flag, flags, mix_change, score_change
from inference.feedback.intervals import Share, share
from inference.feedback.tally import Disagreement, Mix, Tally, Window, disagreements, first_mix, tally
from inference.package import ModelDescription

ReferenceKind = Literal["package", "first-requests"]


@dataclass(frozen=True, slots=True)
class DriftRule:
    """When a drift is told.

    Attributes:
        threshold: Population stability index from which it is.
        least: Requests, or suggestions of a category, below which nothing is judged.
        reference: How many first requests of a model stand in for a reference that its package lacks.
    """

    threshold: float
    least: int
    reference: int


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a model's answers moved away from its reference.

    Attributes:
        version: Of the model; other models' answers are left out.
        kind: What it is compared with; None where there is nothing yet.
        reference: The mix it is compared with, or None.
        now: The mix of the window.
        mix: Change of the categories.
        score: Change of all probabilities.
        scores: Category -> change of its probabilities.
        flags: What is to be looked into.
    """

    version: str
    kind: ReferenceKind | None
    reference: Mix | None
    now: Mix
    mix: Change
    score: Change
    scores: Mapping[str, Change]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class CategoryInsight:
    """How right the suggestions of a category were.

    Attributes:
        precision: Of the suggestions that somebody judged; None where nobody did.
        prefill_precision: Of the pre-filled ones.
    """

    precision: Share | None
    prefill_precision: Share | None


@dataclass(frozen=True, slots=True)
class Insight:
    """Everything that GET /v1/feedback/stats tells."""

    window: Window
    tally: Tally
    acceptance_rate: float | None
    categories: Mapping[str, CategoryInsight]
    drift: Drift
    disagreements: tuple[Disagreement, ...]


class Analyst:
    """Looks at a database; remembers the references of models, which never change once they are complete.

    Args:
        rule: When a drift is told.
    """

    def __init__(self, rule: DriftRule) -> None:
        self._rule = rule
        self._first: dict[str, Mix] = {}

    def look(self, database: Database, window: Window, model: ModelDescription, catalogue: Catalogue) -> Insight:
        """What the requests of a window and the feedback on them say.

        Args:
            database: Where they are.
            window: When they were answered.
            model: Which answers now: drift is told of its answers.
            catalogue: Names of the categories.
        """
        with database.reading() as session:
            counted = tally(session, window)
            worst = disagreements(session, window)
            drift = self._drift(session, counted, model, catalogue)
        judged = {
            category: CategoryInsight(
                share(count.confirmed, count.confirmed + count.rejected),
                share(count.prefill_confirmed, count.prefill_confirmed + count.prefill_rejected),
            )
            for category, count in sorted(counted.categories.items())
        }
        rate = counted.accepted / counted.answered if counted.answered else None
        return Insight(window, counted, rate, judged, drift, tuple(worst))

    def _drift(self, session: Session, counted: Tally, model: ModelDescription, catalogue: Catalogue) -> Drift:
        rule, now = self._rule, counted.mixes.get(model.version, Mix())
        kind, reference = self._reference(session, model)
        known = Mix() if reference is None else reference
        mix, score = mix_change(known, now, rule.least), score_change(known, now, rule.least)
        scores = {category: score_change(known, now, rule.least, category) for category in sorted(now.scores)}
        names = {category.id: category.name_zh for category in catalogue.values()}
        told = flags(mix, [(None, score), *scores.items()], rule.threshold, names)
        told += _broken_promises(counted, model, names)
        return Drift(model.version, kind, reference, now, mix, score, scores, tuple(told))

    def _reference(self, session: Session, model: ModelDescription) -> tuple[ReferenceKind | None, Mix | None]:
        if model.reference is not None:
            given = model.reference
            scores = {category: list(steps) for category, steps in given.suggested.items()}
            return "package", Mix(given.photos, given.nothing, scores)
        if model.version not in self._first:
            first = first_mix(session, model.version, self._rule.reference)
            if first is None:
                return None, None
            self._first[model.version] = first
        return "first-requests", self._first[model.version]


def _broken_promises(counted: Tally, model: ModelDescription, names: Mapping[str, str]) -> list[Flag]:
    """Categories whose pre-filled suggestions are, beyond chance, less often right than the package promises."""
    found = []
    for category, count in sorted(counted.categories.items()):
        live = share(count.prefill_confirmed, count.prefill_confirmed + count.prefill_rejected)
        rule = model.decisions.get(category)
        promised = rule.evidence.lower_bound if rule is not None and rule.evidence is not None else None
        if live is not None and promised is not None and live.upper < promised:
            found.append(_promise_flag(category, live, promised, names.get(category, category)))
    return found


def _promise_flag(category: str, live: Share, promised: float, name: str) -> Flag:
    return Flag(
        "prefill_precision",
        category,
        f"{name}的预填正确率为 {live.value:.2f}（{live.support} 次），低于模型承诺的 {promised:.2f}。",
        f"Pre-filled {category} was right in {live.value:.2f} of {live.support} cases; "
        f"the model promises {promised:.2f}.",
    )


def window(since: datetime | None, until: datetime | None, days: float) -> Window:
    """The window that is asked for; by default the last days, up to now."""
    end = datetime.now(UTC) if until is None else until
    return Window(end - timedelta(days=days) if since is None else since, end)
