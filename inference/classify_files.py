"""Many photo files -> answers, in the order of the files, without holding their pixels."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inference.annotated_copies import AnnotatedCopies
from inference.answer import FailureCode, PhotoAnswer, failed_photo_answer, photo_answer
from inference.classify import Classifier, PhotoResult
from inference.codec import PhotoError
from inference.mappings import Scheme
from inference.photo import PhotoLimits
from inference.photo_files import read_file, shown

log = logging.getLogger(__name__)

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class ClassifiedFile:
    """What is known of one file.

    Attributes:
        answer: Its answer, or why there is none.
        result: What the classifier said, without pixels; None where there is no answer.
        no_copy: Why its annotated copy could not be written, or None.
    """

    answer: PhotoAnswer
    result: PhotoResult | None = None
    no_copy: str | None = None


class FileClassifier:
    """Classifies files one by one, or many in parallel.

    Args:
        classifier: The model.
        scheme: Whose codes to give.
        limits: What a photo may ask of this machine.
        min_score: Weaker detections to give as well, see `Classifier.classify`.
        copies: Where annotated copies go; None: nowhere.
    """

    def __init__(
        self,
        classifier: Classifier,
        scheme: Scheme,
        limits: PhotoLimits,
        *,
        min_score: float | None = None,
        copies: AnnotatedCopies | None = None,
    ) -> None:
        self._classifier = classifier
        self._scheme = scheme
        self._limits = limits
        self._min_score = min_score
        self._copies = copies

    def classify_all(
        self, files: Sequence[Path], workers: int, advance: Callable[[], None] = lambda: None
    ) -> list[ClassifiedFile]:
        """The answers, in the order of the files; a bad file has one too.

        Args:
            files: The photos.
            workers: How many are in memory at the same time.
            advance: Called after each file, from any thread.
        """

        def classify(index: int) -> ClassifiedFile:
            classified = self.classify(index, files[index])
            advance()
            return classified

        executor = ThreadPoolExecutor(min(workers, len(files)) or 1, thread_name_prefix="photo")
        try:
            return list(executor.map(classify, range(len(files))))
        finally:
            executor.shutdown(cancel_futures=True)

    def classify(self, index: int, file: Path) -> ClassifiedFile:
        """The answer for one file, as that of position `index`."""
        try:
            data = read_file(file, self._limits)
        except PhotoError as error:
            return _failed(index, file, error.code, str(error))
        except OSError as error:
            return _failed(index, file, "unreadable", f"the system says: {error.strerror or error}")
        try:
            return self._classify(index, file, data)
        except PhotoError as error:
            return _failed(index, file, error.code, str(error), data)
        except Exception as error:  # a decoder's surprise on one photo must not cost the other thousand
            log.exception("%s", shown(file))
            return _failed(index, file, "internal-error", f"{type(error).__name__}: {error}", data)

    def _classify(self, index: int, file: Path, data: bytes) -> ClassifiedFile:
        result = self._classifier.classify(data, limits=self._limits, min_score=self._min_score)
        answer = photo_answer(index, shown(file), result, self._scheme, self._classifier.catalogue)
        no_copy = self._copy(data, result, answer)
        return ClassifiedFile(answer, replace(result, photo=replace(result.photo, rgb=_NO_PIXELS)), no_copy)

    def _copy(self, data: bytes, result: PhotoResult, answer: PhotoAnswer) -> str | None:
        """Writes the annotated copy, or says why not: the answer must not be lost with it."""
        if self._copies is None:
            return None
        try:
            self._copies.write(data, result.photo, answer)
        except OSError as error:
            return f"no annotated copy written, the system says: {error.strerror or error}"
        except PhotoError as error:
            return f"no annotated copy written: {error}"
        return None


def _failed(index: int, file: Path, code: FailureCode, detail: str, data: bytes | None = None) -> ClassifiedFile:
    digest = None if data is None else hashlib.sha256(data).hexdigest()
    return ClassifiedFile(failed_photo_answer(index, shown(file), code, detail, sha256=digest))
