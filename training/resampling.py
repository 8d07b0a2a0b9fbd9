"""The bootstrap by group: photos of one group (a scene, a burst) are drawn together, since they err together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation_settings import BootstrapSettings
from training.measures import Estimate

Sampled = NDArray[np.float64]
"""A figure under every resample, (1 + resamples,); the first is the figure itself. NaN: nothing to compute it from."""


class Resamples:
    """Groups drawn with replacement, many times.

    The same groups and settings always give the same resamples, so the difference of two models' figures on the same
    photos can be taken resample by resample.

    Args:
        groups: Names of the groups, in any order, repeated or not.
        settings: How many times, and from which seed.
    """

    def __init__(self, groups: Iterable[str], settings: BootstrapSettings) -> None:
        names = sorted(set(groups))
        self._settings = settings
        self._column = {name: column for column, name in enumerate(names)}
        rng = np.random.default_rng(settings.seed)
        share = np.full(len(names), 1 / max(len(names), 1))
        drawn = rng.multinomial(len(names), share, size=settings.resamples)
        self._weights = np.vstack([np.ones(len(names)), drawn]).astype(np.float64)

    def __len__(self) -> int:
        return len(self._weights)

    def columns(self, groups: Sequence[str]) -> NDArray[np.intp]:
        """(n,) positions of groups among all.

        Raises:
            KeyError: a group was not among those given.
        """
        return np.array([self._column[group] for group in groups], dtype=np.intp)

    def weights(self, columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """(1 + resamples, n): how often each of n things, given the columns of their groups, is drawn."""
        return np.asarray(self._weights[:, columns], dtype=np.float64)

    def totals(self, columns: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over things under every resample.

        Args:
            columns: (n,) of their groups.
            values: (n,) or (n, k).

        Returns:
            (1 + resamples,) or (1 + resamples, k).
        """
        by_group = np.zeros((self._weights.shape[1], *values.shape[1:]))
        np.add.at(by_group, columns, values)
        return np.asarray(self._weights @ by_group, dtype=np.float64)

    def counts(self, columns: NDArray[np.intp], kinds: NDArray[np.intp], of: int) -> NDArray[np.float64]:
        """(1 + resamples, of): how often each kind is drawn, for n things of the kinds (n,), each below `of`."""
        by_group = np.zeros((self._weights.shape[1], of))
        np.add.at(by_group, (columns, kinds), 1.0)
        return np.asarray(self._weights @ by_group, dtype=np.float64)

    def estimate(self, sampled: Sampled, support: int) -> Estimate:
        """A figure with its percentile interval.

        There is none where too few resamples give a figure, nor where nearly all give the same one: of a few photos
        that are all right (or all wrong) every resample is, which is no proof that others would be.
        """
        value, drawn = sampled[0], sampled[1:]
        if np.isnan(value):
            return Estimate(value=None, lower=None, upper=None, support=support)
        defined = drawn[~np.isnan(drawn)]
        if len(defined) < self._settings.defined_share * len(drawn):
            return Estimate(value=float(value), lower=None, upper=None, support=support)
        outside = (1 - self._settings.confidence) / 2
        lower, upper = np.quantile(defined, [outside, 1 - outside])
        if lower == upper:
            return Estimate(value=float(value), lower=None, upper=None, support=support)
        return Estimate(value=float(value), lower=float(lower), upper=float(upper), support=support)


def ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over / under, NaN where that is 0 / 0 or worse."""
    undefined = np.full(np.broadcast(over, under).shape, np.nan)
    return np.asarray(np.divide(over, under, out=undefined, where=under > 0), dtype=np.float64)
