"""The photos of a request, judged side by side."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from inference.classify import PhotoResult
from inference.codec import PhotoError
from inference.service.answers import Judgement
from inference.service.failure import Failure
from inference.service.record import RequestRecord
from inference.service.runtime import Runtime
from inference.service.uploads import Upload

log = logging.getLogger(__name__)


async def judge_all(
    runtime: Runtime, uploads: Sequence[Upload], score_floor: float | None, record: RequestRecord
) -> list[Judgement]:
    """Judge photos side by side, in the runtime's own threads.

    Raises:
        Problem: There is no room for them, or the deadline passed.
        ClientDisconnect: Nobody waits for the answer.
    """
    calls = [partial(_judge, runtime, upload, score_floor) for upload in uploads]
    judgements = await runtime.queue.run(calls, record)
    for judgement in judgements:
        _count(runtime, judgement, record)
    if runtime.shadow is not None:
        runtime.shadow.offer(judgements, [upload.content for upload in uploads])
    return judgements


def _judge(runtime: Runtime, upload: Upload, score_floor: float | None) -> Judgement:
    if isinstance(upload.content, Failure):
        return Judgement(upload.filename, None, upload.content)
    sha256 = hashlib.sha256(upload.content).hexdigest()
    return Judgement(upload.filename, sha256, _outcome(runtime, upload.content, score_floor, sha256))


def _outcome(runtime: Runtime, data: bytes, score_floor: float | None, sha256: str) -> PhotoResult | Failure:
    limits = runtime.settings.photo_limits
    try:
        result = runtime.classifier.classify(data, limits=limits, min_score=score_floor, sha256=sha256)
    except PhotoError as error:
        return Failure(error.code, error.message)
    except Exception:  # whatever a photo does to a decoder, the other photos are answered
        log.exception("unexpected error on a photo")
        return Failure("internal-error", "please report it with the request id")
    return _without_pixels(result)


def _without_pixels(result: PhotoResult) -> PhotoResult:
    """The result without the decoded photo, up to 300 MB that a request of many photos must not pile up."""
    return replace(result, photo=replace(result.photo, rgb=np.empty((0, 0, 3), np.uint8)))


def _count(runtime: Runtime, judgement: Judgement, record: RequestRecord) -> None:
    outcome, metrics = judgement.outcome, runtime.metrics
    model = runtime.classifier.package.description
    if isinstance(outcome, Failure):
        metrics.observe_photo(model, outcome.code)
        return
    metrics.observe_photo(model, outcome.verdict)
    timings = outcome.timings
    for stage, seconds in (("decode", timings.decode), ("infer", timings.infer), ("decide", timings.decide)):
        record.add(stage, seconds)
        metrics.observe_stage(stage, seconds)
