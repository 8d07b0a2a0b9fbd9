"""GET /v1/feedback/stats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from inference.decide import Verdict
from inference.feedback.drift import Change
from inference.feedback.insight import Drift, Insight, ReferenceKind, window
from inference.feedback.tally import CategoryCount
from inference.service.desk import OpenDesk
from inference.service.openapi import problem_responses
from inference.service.problems import (
    DATABASE_UNAVAILABLE,
    FEEDBACK_OFF,
    INVALID_FIELD,
    NOT_READY,
    FieldProblem,
    invalid_fields,
)
from inference.service.records import Moment
from inference.service.runtime import Ready

router = APIRouter(tags=["feedback"])

_DIGITS = 4


class ShareAnswer(BaseModel):
    """A share with its 95 % Clopper-Pearson interval."""

    value: float
    lower: float
    upper: float
    support: int = Field(description="有人判断过的次数。 Suggestions that somebody judged.")


class CategoryStats(BaseModel):
    """What became of a category."""

    suggested: int = Field(description="建议次数（含预填）。 Requests that suggested it, pre-filled ones among them.")
    prefilled: int
    confirmed: int
    rejected: int
    added: int = Field(description="未建议而由人补充的次数。 Confirmed though it was not suggested.")
    precision: ShareAnswer | None
    prefill_precision: ShareAnswer | None


class ScoreDrift(BaseModel):
    """How far the probabilities of the suggestions moved."""

    psi: float | None = Field(description="群体稳定性指数；数据不足为 null。 Null: too little to judge.")
    by_category: dict[str, float | None]


class MixDrift(BaseModel):
    """How far the shares of the categories moved."""

    psi: float | None
    nothing: dict[Literal["reference", "now"], float | None] = Field(
        description="无建议的请求占比。 Share of requests without any suggestion."
    )
    categories: dict[str, dict[Literal["reference", "now"], float | None]] = Field(
        description="建议某类的请求占比。 Share of requests that suggest a category."
    )


class FlagAnswer(BaseModel):
    """Something to look into."""

    kind: Literal["score", "category_mix", "prefill_precision"]
    category: str | None
    message_zh: str
    message_en: str


class DriftAnswer(BaseModel):
    """How far the answers of the present model moved away from its reference."""

    model_version: str
    reference: ReferenceKind | None = Field(
        description="参照：package 模型包内的验证照片，first-requests 该模型最初的请求，null 尚不足。 What it is "
        "compared with: the package's held-out photos, or the model's first requests; null: there is nothing yet."
    )
    reference_requests: int
    requests: int
    threshold: float = Field(description="达到此值即提示。 From this index on a change is flagged.")
    score: ScoreDrift
    category_mix: MixDrift
    flags: list[FlagAnswer]


class Day(BaseModel):
    """A day's requests."""

    date: date
    requests: int
    confirmed: int = Field(description="已有反馈的请求。 Requests with feedback.")


class DisagreementAnswer(BaseModel):
    """A suggestion that was wrong, or a category that was missed."""

    request_id: str
    category: str
    probability: float | None
    said: Literal["rejected", "added"]


class StatsAnswer(BaseModel):
    """What requests and feedback add up to."""

    since: datetime
    until: datetime
    requests: int
    answered_feedback: int
    acceptance_rate: float | None = Field(
        description="有反馈的请求中，预填全部保留且无需补充的占比。 Of the requests with feedback, the share in which "
        "every pre-filled category stood and none had to be added."
    )
    verdicts: dict[Verdict, int]
    categories: dict[str, CategoryStats]
    drift: DriftAnswer
    models: dict[str, int]
    latency_ms: dict[Literal["p50", "p95", "p99"], float | None]
    daily: list[Day]
    disagreements: list[DisagreementAnswer]


@router.get(
    "/v1/feedback/stats",
    summary="反馈统计 Feedback statistics",
    description="一段时间内（缺省为最近若干天）各类别的实际正确率与置信区间、采纳率，以及与参照相比的漂移。\n\n"
    "For a span of time (by default the last days): live precision per category with its interval, the acceptance "
    "rate, and drift against the reference. Only what officers judged counts for precision.",
    responses=problem_responses(FEEDBACK_OFF, INVALID_FIELD, DATABASE_UNAVAILABLE, NOT_READY),
)
async def stats(desk: OpenDesk, runtime: Ready, since: Moment = None, until: Moment = None) -> StatsAnswer:
    """Say how right the suggestions are."""
    span = window(since, until, desk.settings.stats_days)
    if span.since >= span.until:
        raise invalid_fields([FieldProblem(field="since", detail="must be before until, which is now if left out")])
    model = runtime.classifier.package.description
    insight = await desk.ask(lambda database: desk.analyst.look(database, span, model, runtime.catalogue))
    return _answer(insight, desk.settings.drift_threshold)


def _answer(insight: Insight, threshold: float) -> StatsAnswer:
    counted = insight.tally
    return StatsAnswer.model_validate(
        {
            "since": insight.window.since,
            "until": insight.window.until,
            "requests": counted.requests,
            "answered_feedback": counted.answered,
            "acceptance_rate": _rounded(insight.acceptance_rate),
            "verdicts": counted.verdicts,
            "categories": {name: _category(name, count, insight) for name, count in sorted(counted.categories.items())},
            "drift": _drift(insight.drift, threshold),
            "models": counted.models,
            "latency_ms": counted.latency_ms,
            "daily": [{"date": day, "requests": n, "confirmed": with_it} for day, n, with_it in counted.daily],
            "disagreements": [asdict(each) for each in insight.disagreements],
        }
    )


def _category(name: str, count: CategoryCount, insight: Insight) -> dict[str, object]:
    judged = insight.categories[name]
    fields = ("suggested", "prefilled", "confirmed", "rejected", "added")
    shares = {"precision": judged.precision, "prefill_precision": judged.prefill_precision}
    return {
        **{field: getattr(count, field) for field in fields},
        **{
            field: None if share is None else {name: _rounded(value) for name, value in asdict(share).items()}
            for field, share in shares.items()
        },
    }


def _drift(drift: Drift, threshold: float) -> dict[str, object]:
    reference, now = drift.reference, drift.now
    names = sorted({*now.scores, *(reference.scores if reference is not None else ())})
    sides = {"reference": reference, "now": now}

    def shares(count: Mapping[str, int | None]) -> dict[str, float | None]:
        return {
            side: _rounded(number / mix.requests) if mix is not None and mix.requests and number is not None else None
            for (side, mix), number in zip(sides.items(), count.values(), strict=True)
        }

    def suggested(name: str) -> dict[str, int | None]:
        return {side: None if mix is None else sum(mix.scores.get(name, ())) for side, mix in sides.items()}

    nothing = {side: None if mix is None else mix.nothing for side, mix in sides.items()}
    return {
        "model_version": drift.version,
        "reference": drift.kind,
        "reference_requests": 0 if reference is None else reference.requests,
        "requests": now.requests,
        "threshold": threshold,
        "score": {
            "psi": _psi(drift.score),
            "by_category": {category: _psi(change) for category, change in drift.scores.items()},
        },
        "category_mix": {
            "psi": _psi(drift.mix),
            "nothing": shares(nothing),
            "categories": {name: shares(suggested(name)) for name in names},
        },
        "flags": [asdict(flag) for flag in drift.flags],
    }


def _psi(change: Change) -> float | None:
    return _rounded(change.value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
