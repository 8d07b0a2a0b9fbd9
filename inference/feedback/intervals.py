"""How sure a share of few cases is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
"""Of every interval, two-sided: as the promise of a model package is stated (decision 0004)."""

_TINY: Final = 1e-300
_CLOSE: Final = 1e-12
_MOST_TERMS: Final = 10_000
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its Clopper-Pearson interval.

    Attributes:
        value: hits / support.
        lower: Bound of the interval.
        upper: Bound of the interval.
        support: Of how many cases.
    """

    value: float
    lower: float
    upper: float
    support: int


def share(hits: int, support: int, confidence: float = CONFIDENCE) -> Share | None:
    """The share of hits, exact for any support; None without any case."""
    if not support:
        return None
    tail = (1 - confidence) / 2
    lower = 0.0 if hits == 0 else _quantile(tail, hits, support - hits + 1)
    upper = 1.0 if hits == support else _quantile(1 - tail, hits + 1, support - hits)
    return Share(hits / support, lower, upper, support)


def _quantile(probability: float, a: float, b: float) -> float:
    """Where the beta distribution with shapes a and b reaches a probability."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _beta_below(middle, a, b) < probability else (low, middle)
    return (low + high) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, the other tail's converges fast
        return 1 - _beta_below(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) - math.log(a) - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b)
    return math.exp(front) / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1 / (1 + d2 / (1 + ...)) of the beta function (DLMF 8.17.22), after Lentz."""
    value, above, below = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        coefficient = _coefficient(term, x, a, b)
        below = 1 / _not_zero(1 + coefficient * below)
        above = _not_zero(1 + coefficient / above)
        value *= above * below
        if abs(above * below - 1) < _CLOSE:
            break
    return value


def _coefficient(term: int, x: float, a: float, b: float) -> float:
    m, is_odd = divmod(term, 2)
    if is_odd:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
