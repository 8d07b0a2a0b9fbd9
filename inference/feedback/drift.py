"""Whether what a model answers now still looks like what it answered on known photos."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from inference.feedback.audit import SCORE_STEPS
from inference.feedback.tally import Mix

NOTHING: Final = "(nothing)"
"""Stands among the categories of a mix for requests without any suggestion."""

_PSEUDOCOUNT: Final = 0.5  # in every bin, so that an empty one does not make the index infinite


@dataclass(frozen=True, slots=True)
class Flag:
    """Something to look into.

    Attributes:
        kind: `score`, `category_mix` or `prefill_precision`.
        category: Which one, or None for all together.
        message_zh: For people.
        message_en: For people.
    """

    kind: Literal["score", "category_mix", "prefill_precision"]
    category: str | None
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True)
class Change:
    """How far two distributions are apart.

    Attributes:
        value: Population stability index: 0 for equal ones; None where there is too little to judge.
        parts: What each bin contributes.
    """

    value: float | None
    parts: Mapping[str, float]


def stability(reference: Mapping[str, int], now: Mapping[str, int]) -> Change:
    """The population stability index (symmetrised Kullback-Leibler divergence) of counts in the same bins."""
    bins = sorted({*reference, *now})
    before, after = _shares(reference, bins), _shares(now, bins)
    parts = {name: (after[name] - before[name]) * math.log(after[name] / before[name]) for name in bins}
    return Change(sum(parts.values()), parts)


def _shares(counts: Mapping[str, int], bins: Sequence[str]) -> Mapping[str, float]:
    total = sum(counts.values()) + _PSEUDOCOUNT * len(bins)
    return {name: (counts.get(name, 0) + _PSEUDOCOUNT) / total for name in bins}


def mix_change(reference: Mix, now: Mix, least: int) -> Change:
    """How far the shares of the categories, and of requests without any, moved.

    Args:
        reference: Of known photos.
        now: Of the requests to judge.
        least: With fewer requests on either side nothing is said.
    """
    if min(reference.requests, now.requests) < least:
        return Change(None, {})
    return stability(_categories(reference), _categories(now))


def score_change(reference: Mix, now: Mix, least: int, category: str | None = None) -> Change:
    """How far the probabilities of the suggestions moved, of one category or of all."""
    before, after = _steps(reference, category), _steps(now, category)
    if min(sum(before.values()), sum(after.values())) < least:
        return Change(None, {})
    return stability(before, after)


def _categories(mix: Mix) -> dict[str, int]:
    return {NOTHING: mix.nothing, **{category: sum(steps) for category, steps in mix.scores.items()}}


def _steps(mix: Mix, category: str | None) -> dict[str, int]:
    rows = [steps for name, steps in mix.scores.items() if category in (None, name)]
    return {str(step): sum(row[step] for row in rows) for step in range(SCORE_STEPS)}


def flags(
    mix: Change, scores: Sequence[tuple[str | None, Change]], threshold: float, names: Mapping[str, str]
) -> list[Flag]:
    """What is to be looked into.

    Args:
        mix: Of the categories.
        scores: (category, or None for all; change of its scores).
        threshold: From which a change is told.
        names: Chinese names of the categories.
    """
    found = [_mix_flag(mix, names)] if mix.value is not None and mix.value >= threshold else []
    for category, change in scores:
        if change.value is not None and change.value >= threshold:
            found.append(_score_flag(category, change.value, names))
    return found


def _mix_flag(mix: Change, names: Mapping[str, str]) -> Flag:
    foremost = max(mix.parts, key=lambda name: mix.parts[name])
    category = None if foremost == NOTHING else foremost
    zh = "无建议的案件" if category is None else names.get(category, category)
    en = "requests without any suggestion" if category is None else category
    return Flag(
        "category_mix",
        category,
        f"各类别所占比例与参照不同（PSI {mix.value:.2f}），变化最大的是{zh}。",
        f"The shares of the categories differ from the reference (PSI {mix.value:.2f}), most of all {en}.",
    )


def _score_flag(category: str | None, value: float, names: Mapping[str, str]) -> Flag:
    zh = "全部建议" if category is None else names.get(category, category)
    en = "all suggestions" if category is None else category
    return Flag(
        "score",
        category,
        f"{zh}的概率分布与参照不同（PSI {value:.2f}）。",
        f"The probabilities of {en} are distributed otherwise than in the reference (PSI {value:.2f}).",
    )
