"""The bytes of an input -> its record, by the same classifier as everywhere."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.codec import PhotoError
from inference.errors import PatrolError
from inference.mappings import Scheme, load_schemes
from inference.package import MODEL
from inference.photo import PhotoLimits
from inference.scan.inputs import Input
from inference.scan.record import Record, answered, failed
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)

_ENGINE_THREADS: Final = 1  # per run: photos side by side keep the cores busier than one photo on all of them


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
        self.classifier = classifier
        self._scheme = scheme
        self._limits = limits
        self._min_score = min_score
        self._timings = timings

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        """The record of an input; a photo that cannot be judged has one too."""
        limits = replace(self._limits, max_bytes=len(data)) if item.is_frame else self._limits
        try:
            result = self.classifier.classify(data, limits=limits, min_score=self._min_score, sha256=sha256)
            return answered(
                item.source,
                item.path,
                len(data),
                result,
                self._scheme,
                self.classifier.catalogue,
                captured_at=item.captured_at,
                timings=self._timings,
            )
        except PhotoError as error:
            return failed(item.source, item.path, error.code, str(error), sha256=sha256, size=len(data))
        except Exception as error:  # a decoder's surprise on one photo must not cost the other million
            log.exception("%s", item.location)
            detail = f"{type(error).__name__}: {error}"
            return failed(item.source, item.path, "internal-error", detail, sha256=sha256, size=len(data))


@dataclass(frozen=True, slots=True)
class JudgeRecipe:
    """How to make a judge, here or on another machine that has the same files.

    Attributes:
        settings: Names the model package and the operator's files.
        scheme: Whose codes to give.
        min_score: Weaker detections to record as well.
        timings: Whether to record where the time went.
        model_sha256: Of the model that the judge must have; None: any.
    """

    settings: ServiceSettings
    scheme: str
    min_score: float | None
    timings: bool
    model_sha256: str | None = None

    def __call__(self) -> PhotoJudge:
        """A judge.

        Raises:
            PatrolError: A file is missing, wrong or another one than was asked for.
        """
        service = self.settings
        catalogue = load_catalogue(service.categories)
        scheme = load_schemes(service.mappings, catalogue)[self.scheme]
        classifier = Classifier.load(service.model, catalogue, service.provider, _ENGINE_THREADS)
        judge = PhotoJudge(classifier, scheme, service.photo_limits, min_score=self.min_score, timings=self.timings)
        if self.model_sha256 not in (None, _model(judge)):
            raise PatrolError(
                f"{service.model}: is another model than on the machine that began the scan; copy it here"
            )
        return judge

    def pinned(self, judge: PhotoJudge) -> JudgeRecipe:
        """The recipe of judges with the very model of this one."""
        return replace(self, model_sha256=_model(judge))


def _model(judge: PhotoJudge) -> str:
    return judge.classifier.package.description.files[MODEL].sha256
