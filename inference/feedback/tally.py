"""What requests and feedback add up to, counted by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from inference.feedback.audit import SCORE_STEPS, day_of, latency_of
from inference.feedback.store import public_id
from inference.feedback.tables import CONFIRMED, REJECTED, Entry, Record

WORST_SHOWN: Final = 50
_DAY: Final = timedelta(days=1)
_ISSUE: Final = "issue"  # the verdict of every request with a suggestion, and of no other
_QUANTILES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: from `since` on, before `until`."""

    since: datetime
    until: datetime

    def of(self, table: type[Record | Entry]) -> tuple[Any, ...]:
        """The conditions on a table.

        Those on the day, a day wider in case the time zone was another, lead to the index; those on the moment
        are exact.
        """
        first, last = day_of(self.since - _DAY), day_of(self.until + _DAY)
        return table.day >= first, table.day <= last, *self.moments(table)

    def moments(self, table: type[Record | Entry]) -> tuple[Any, ...]:
        """The exact conditions alone, for a query that another index leads."""
        return table.received_at >= self.since, table.received_at < self.until


@dataclass(slots=True)
class CategoryCount:
    """What became of a category.

    Attributes:
        suggested: Requests that suggested it, pre-filled ones among them.
        prefilled: Requests that pre-filled it.
        confirmed: Requests whose suggestion of it was right.
        rejected: Requests whose suggestion of it was wrong.
        added: Requests that did not suggest it, and of which it was confirmed.
        prefill_confirmed: As confirmed, of the pre-filled ones.
        prefill_rejected: As rejected, of the pre-filled ones.
    """

    suggested: int = 0
    prefilled: int = 0
    confirmed: int = 0
    rejected: int = 0
    added: int = 0
    prefill_confirmed: int = 0
    prefill_rejected: int = 0

    def count(self, decision: str | None, outcome: str | None, number: int) -> None:
        """Add requests with one decision and outcome."""
        if decision is None:
            self.added += number
            return
        self.suggested += number
        self.confirmed += number * (outcome == CONFIRMED)
        self.rejected += number * (outcome == REJECTED)
        if decision == "prefill":
            self.prefilled += number
            self.prefill_confirmed += number * (outcome == CONFIRMED)
            self.prefill_rejected += number * (outcome == REJECTED)


@dataclass(slots=True)
class Mix:
    """What a model answered, as far as drift is judged by it.

    Attributes:
        requests: How many.
        nothing: Of these, how many suggested nothing.
        scores: Category -> suggestions of it by tenth of the probability, SCORE_STEPS counts.
    """

    requests: int = 0
    nothing: int = 0
    scores: dict[str, list[int]] = field(default_factory=dict)

    def count(self, category: str, step: int, number: int) -> None:
        """Add suggestions of one category and step."""
        self.scores.setdefault(category, [0] * SCORE_STEPS)[step] += number


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A suggestion that was wrong, or a category that was missed."""

    request_id: str
    category: str
    probability: float | None
    said: Literal["rejected", "added"]


@dataclass(slots=True)
class Tally:
    """Everything counted in a window.

    Attributes:
        requests: Answered.
        answered: Of these, with feedback.
        accepted: Of these, where the officer could just click.
        verdicts: The model's verdict -> requests.
        models: Version -> requests.
        daily: (date, requests, requests with feedback), in order.
        latency_ms: p50, p95 and p99; at most 5 % too long.
        categories: By id.
        mixes: Model version -> what it answered.
    """

    requests: int = 0
    answered: int = 0
    accepted: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    daily: list[tuple[str, int, int]] = field(default_factory=list)
    latency_ms: dict[str, float | None] = field(default_factory=dict)
    categories: dict[str, CategoryCount] = field(default_factory=dict)
    mixes: dict[str, Mix] = field(default_factory=dict)

    def mix(self, version: str) -> Mix:
        """What a model version answered."""
        return self.mixes.setdefault(version, Mix())


def tally(session: Session, window: Window) -> Tally:
    """Count everything in a window; three passes over indexes, none over records themselves."""
    counted = Tally()
    _count_records(session, window, counted)
    _count_latencies(session, window, counted)
    _count_entries(session, window, counted)
    return counted


def _count_records(session: Session, window: Window, counted: Tally) -> None:
    columns = (Record.day, Record.model_version, Record.verdict, Record.state, Record.accepted)
    query = select(*columns, func.count()).where(*window.of(Record)).group_by(*columns)
    days: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    for day, version, verdict, state, accepted, number in session.execute(query):
        counted.requests += number
        counted.mix(version).requests += number
        counted.mix(version).nothing += number * (verdict != _ISSUE)
        counted.verdicts[verdict] += number
        counted.models[version] += number
        days[day] += number
        if state == CONFIRMED:
            counted.answered += number
            counted.accepted += number * bool(accepted)
            confirmed[day] += number
    counted.daily = [(day, days[day], confirmed[day]) for day in sorted(days)]


def _count_latencies(session: Session, window: Window, counted: Tally) -> None:
    columns = (Record.day, Record.latency_step)
    query = select(*columns, func.count()).where(*window.of(Record)).group_by(*columns)
    steps: Counter[int] = Counter()
    for _, step, number in session.execute(query):
        steps[step] += number
    counted.latency_ms = {name: _quantile(steps, share) for name, share in _QUANTILES.items()}


def _quantile(steps: Mapping[int, int], share: float) -> float | None:
    """The latency that this share of the requests stays within; None without any."""
    goal, seen = share * sum(steps.values()), 0
    for step in sorted(steps):
        seen += steps[step]
        if seen >= goal:
            return round(latency_of(step), 1)
    return None


def _count_entries(session: Session, window: Window, counted: Tally) -> None:
    columns = (Entry.day, Entry.model_version, Entry.category, Entry.decision, Entry.outcome, Entry.score_step)
    query = select(*columns, func.count()).where(*window.of(Entry)).group_by(*columns)
    for _, version, category, decision, outcome, step, number in session.execute(query):
        counted.categories.setdefault(category, CategoryCount()).count(decision, outcome, number)
        if step is not None:
            counted.mix(version).count(category, step, number)


def first_mix(session: Session, version: str, requests: int) -> Mix | None:
    """What the first requests of a model version added up to; None before there are so many."""
    ours = select(Record.received_at).where(Record.model_version == version).order_by(Record.received_at)
    end = session.scalars(ours.offset(requests).limit(1)).first()
    if end is None:
        return None
    mix = Mix()
    verdicts = select(Record.verdict, func.count()).where(Record.model_version == version, Record.received_at < end)
    for verdict, number in session.execute(verdicts.group_by(Record.verdict)):
        mix.requests += number
        mix.nothing += number * (verdict != _ISSUE)
    entries = select(Entry.category, Entry.score_step, func.count()).where(
        Entry.model_version == version, Entry.received_at < end, Entry.score_step.is_not(None)
    )
    for category, score, number in session.execute(entries.group_by(Entry.category, Entry.score_step)):
        if score is not None:
            mix.count(category, score, number)
    return mix


def disagreements(session: Session, window: Window) -> list[Disagreement]:
    """The surest of the wrong suggestions, then the latest of the missed categories; each gets half if need be."""
    rejected = _some(session, window, select(Entry, Record).where(Entry.outcome == REJECTED), Entry.probability.desc())
    is_added = (Entry.outcome == CONFIRMED, Entry.probability.is_(None))
    added = _some(session, window, select(Entry, Record).where(*is_added), Entry.received_at.desc())
    room = max(WORST_SHOWN - len(added), WORST_SHOWN // 2)
    return [*_told(rejected[:room], "rejected"), *_told(added, "added")][:WORST_SHOWN]


def _some(session: Session, window: Window, query: Select[Entry, Record], order: Any) -> list[tuple[Entry, str]]:
    found = query.join(Record, Record.id == Entry.record_id).where(*window.moments(Entry))
    rows = session.execute(found.order_by(order).limit(WORST_SHOWN)).all()
    return [(entry, public_id(record)) for entry, record in rows]


def _told(rows: Iterable[tuple[Entry, str]], said: Literal["rejected", "added"]) -> list[Disagreement]:
    return [Disagreement(request_id, entry.category, entry.probability, said) for entry, request_id in rows]
