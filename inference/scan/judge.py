"""The bytes of an input -> its record, by the same classifier as everywhere."""

from __future__ import annotations

import logging
from dataclasses import replace

from inference.classify import Classifier
from inference.codec import PhotoError
from inference.mappings import Scheme
from inference.photo import PhotoLimits
from inference.scan.inputs import Input
from inference.scan.record import Record, answered, failed

log = logging.getLogger(__name__)


class PhotoJudge:
    """Makes records; safe to use from many threads.

    Args:
        classifier: The model.
        scheme: Whose codes to give.
        limits: What a photo may ask of this machine.
        min_score: Weaker detections to record as well, see `Classifier.classify`.
        timings: Whether to record where the time went.
    """

    def __init__(
        self,
        classifier: Classifier,
        scheme: Scheme,
        limits: PhotoLimits,
        *,
        min_score: float | None = None,
        timings: bool = False,
    ) -> None:
        self._classifier = classifier
        self._scheme = scheme
        self._limits = limits
        self._min_score = min_score
        self._timings = timings

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        """The record of an input; a photo that cannot be judged has one too."""
        limits = replace(self._limits, max_bytes=len(data)) if item.is_frame else self._limits
        try:
            result = self._classifier.classify(data, limits=limits, min_score=self._min_score, sha256=sha256)
            return answered(
                item.source,
                item.path,
                len(data),
                result,
                self._scheme,
                self._classifier.catalogue,
                captured_at=item.captured_at,
                timings=self._timings,
            )
        except PhotoError as error:
            return failed(item.source, item.path, error.code, str(error), sha256=sha256, size=len(data))
        except Exception as error:  # a decoder's surprise on one photo must not cost the other million
            log.exception("%s", item.location)
            detail = f"{type(error).__name__}: {error}"
            return failed(item.source, item.path, "internal-error", detail, sha256=sha256, size=len(data))
