"""The photos of a request, judged side by side."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace

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
    """Judge photos side by side, in the runtime's own threads."""
    loop = asyncio.get_running_loop()
    jobs = [loop.run_in_executor(runtime.workers, _judge, runtime, upload, score_floor) for upload in uploads]
    judgements = await asyncio.gather(*jobs)
    for judgement in judgements:
        if judgement.result is not None:
            _count(judgement.result, record)
    return judgements


def _judge(runtime: Runtime, upload: Upload, score_floor: float | None) -> Judgement:
    if isinstance(upload.content, Failure):
        return Judgement(upload.filename, None, upload.content)
    sha256 = hashlib.sha256(upload.content).hexdigest()
    return Judgement(upload.filename, sha256, _outcome(runtime, upload.content, score_floor))


def _outcome(runtime: Runtime, data: bytes, score_floor: float | None) -> PhotoResult | Failure:
    limits = runtime.settings.photo_limits
    try:
        result = runtime.classifier.classify(data, limits=limits, min_score=score_floor)
    except PhotoError as error:
        return Failure(error.code, error.message)
    except Exception:  # whatever a photo does to a decoder, the other photos are answered
        log.exception("unexpected error on a photo")
        return Failure("internal-error", "please report it with the request id")
    return _without_pixels(result)


def _without_pixels(result: PhotoResult) -> PhotoResult:
    """The result without the decoded photo, up to 300 MB that a request of many photos must not pile up."""
    return replace(result, photo=replace(result.photo, rgb=np.empty((0, 0, 3), np.uint8)))


def _count(result: PhotoResult, record: RequestRecord) -> None:
    record.add("decode", result.timings.decode)
    record.add("infer", result.timings.infer)
    record.add("decide", result.timings.decide)
