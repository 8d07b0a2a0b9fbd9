"""Another model that judges what the active one judged, so that the two can be compared before switching."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

from inference.classify import Classifier, PhotoResult
from inference.codec import PhotoError
from inference.photo import PhotoLimits
from inference.service.answers import Judgement
from inference.service.failure import Failure

log = logging.getLogger(__name__)

MAX_BEHIND: Final = 2
"""Requests, bodies and all, that wait to be judged again; further ones are passed over, so that memory stays flat."""


@dataclass(slots=True)
class CategoryTally:
    """How often two models suggested a category for the same photo.

    Attributes:
        both: Photos for which both did.
        only_active: Photos for which the active model alone did.
        only_shadow: Photos for which the other one alone did.
        same_decision: Of `both`, those with the same decision.
        probability_differences: Sum over `both`.
    """

    both: int = 0
    only_active: int = 0
    only_shadow: int = 0
    same_decision: int = 0
    probability_differences: float = 0.0

    @property
    def agreement(self) -> float:
        """Share of the photos for which either suggested it, for which both did."""
        return self.both / (self.both + self.only_active + self.only_shadow)

    @property
    def mean_probability_difference(self) -> float | None:
        """Mean distance of the two probabilities, where both suggested it."""
        return self.probability_differences / self.both if self.both else None


@dataclass(slots=True)
class Comparison:
    """What came of comparing.

    Attributes:
        photos: Judged by both models.
        same_verdict: Of them, those with the same verdict.
        failed: Photos that the shadow failed on and the active model did not.
        categories: By id; those that either model suggested.
    """

    photos: int = 0
    same_verdict: int = 0
    failed: int = 0
    categories: dict[str, CategoryTally] = field(default_factory=dict)

    def add(self, active: PhotoResult, shadow: PhotoResult) -> None:
        """Compare the answers for one photo."""
        self.photos += 1
        self.same_verdict += active.verdict == shadow.verdict
        mine = {suggestion.category: suggestion for suggestion in active.suggestions}
        other = {suggestion.category: suggestion for suggestion in shadow.suggestions}
        for category in mine.keys() | other.keys():
            tally = self.categories.setdefault(category, CategoryTally())
            one, two = mine.get(category), other.get(category)
            tally.only_active += two is None
            tally.only_shadow += one is None
            if one is not None and two is not None:
                tally.both += 1
                tally.same_decision += one.decision == two.decision
                tally.probability_differences += abs(one.probability - two.probability)


class Shadow:
    """Judges the photos of the next requests again, one at a time, after they were answered.

    Args:
        classifier: The model to try.
        requests: How many to compare.
        limits: Of a photo.
    """

    def __init__(self, classifier: Classifier, requests: int, limits: PhotoLimits) -> None:
        self.model = classifier.package.description
        self.requests = requests
        self.compared = 0
        self.passed_over = 0
        self._comparison = Comparison()
        self._classifier: Classifier | None = classifier  # None once it is done, to free the memory
        self._limits = limits
        self._taken = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether requests are still to be compared."""
        return self._classifier is not None

    def offer(self, judgements: Sequence[Judgement], contents: Sequence[bytes | Failure]) -> None:
        """Compare a request later, unless enough were or too many wait.

        Args:
            judgements: Of the active model.
            contents: The photos' files, in the same order.
        """
        classifier = self._classifier
        if classifier is None or self._taken >= self.requests:
            return
        if self._taken - self.compared >= MAX_BEHIND:
            self.passed_over += 1
            return
        self._taken += 1
        pairs = [
            (judgement.result, content)
            for judgement, content in zip(judgements, contents, strict=True)
            if judgement.result is not None and isinstance(content, bytes)
        ]
        self._thread.submit(self._compare, pairs, classifier)

    def _compare(self, pairs: Sequence[tuple[PhotoResult, bytes]], classifier: Classifier) -> None:
        for active, content in pairs:
            try:
                result = classifier.classify(content, limits=self._limits, sha256=active.photo.sha256)
            except Exception as error:  # a model on trial may fail in any way; requests must not notice
                if not isinstance(error, PhotoError):
                    log.exception("the shadow model failed on a photo")
                with self._lock:
                    self._comparison.failed += 1
            else:
                with self._lock:
                    self._comparison.add(active, result)
        self.compared += 1
        if self.compared >= self.requests:
            self.stop()

    def stop(self) -> None:
        """Compare no more; what is at work ends by itself."""
        self._classifier = None
        self._thread.shutdown(wait=False, cancel_futures=True)

    def snapshot(self) -> Comparison:
        """What came of it so far."""
        with self._lock:
            return deepcopy(self._comparison)
