"""POST /v1/classify."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request

from inference.service.answers import ClassifyAnswer, Judgement, classify_answer
from inference.service.desk import desk_of
from inference.service.failure import Failure
from inference.service.judging import judge_all
from inference.service.openapi import CLASSIFY_BODY, CLASSIFY_DESCRIPTION, problem_responses
from inference.service.problems import (
    CASE,
    INTERNAL_ERROR,
    MALFORMED_JSON,
    MALFORMED_MULTIPART,
    NO_READABLE_PHOTO,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
)
from inference.service.record import record_of
from inference.service.runtime import Ready, Runtime
from inference.service.uploads import Submission, read_submission

log = logging.getLogger(__name__)
router = APIRouter(tags=["classify"])

_PROBLEMS: Final = problem_responses(MALFORMED_JSON, MALFORMED_MULTIPART, UNSUPPORTED_MEDIA_TYPE, *CASE)


@router.post(
    "/v1/classify",
    summary="照片分类 Classify photos",
    description=CLASSIFY_DESCRIPTION,
    response_model_exclude_unset=True,
    openapi_extra={"requestBody": CLASSIFY_BODY},
    response_description="整案与逐张的结果。 The case, and each photo.",
    responses=_PROBLEMS,
)
async def classify(request: Request, runtime: Ready) -> ClassifyAnswer:
    """Say which problems the photos of a case show."""
    record = record_of(request.scope)
    runtime.queue.require_room()
    started = time.perf_counter()
    submission = await read_submission(request, runtime.settings.max_photos)
    record.add("read", time.perf_counter() - started)
    return await answer_case(request, runtime, submission)


async def answer_case(request: Request, runtime: Runtime, submission: Submission) -> ClassifyAnswer:
    """The answer for the photos of a case, whichever protocol they came by.

    Raises:
        Problem: There is no such scheme, or none of the photos could be read.
    """
    record = record_of(request.scope)
    record.photos = len(submission.uploads)
    scheme = runtime.scheme(submission.options.scheme)
    classifier = runtime.classifier
    judgements = await judge_all(runtime, submission.uploads, submission.options.score_floor, record)
    _require_one(judgements)
    answer = classify_answer(record.request_id, judgements, classifier, scheme, submission.options)
    desk_of(request).note(answer, submission, record.elapsed, classifier.package.description.nms.score_floor)
    return answer


def _require_one(judgements: Sequence[Judgement]) -> None:
    """Refuse a request of which no photo could be read.

    Raises:
        Problem: None could.
    """
    failures = [each.outcome for each in judgements if isinstance(each.outcome, Failure)]
    if len(failures) < len(judgements):
        return
    reasons = "; ".join(f"photo {index}: {failure.detail}" for index, failure in enumerate(failures))
    is_bug = any(failure.code == "internal-error" for failure in failures)
    raise Problem(
        INTERNAL_ERROR if is_bug else NO_READABLE_PHOTO,
        f"No photo of the request could be read: {reasons}.",
        photos=[
            {"index": index, "filename": each.filename, "sha256": each.sha256, "error": failure.told()}
            for index, (each, failure) in enumerate(zip(judgements, failures, strict=True))
        ],
    )
