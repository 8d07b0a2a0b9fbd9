"""POST /v1/feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from inference.feedback.confirm import (
    AmbiguousRequestError,
    FeedbackIdReusedError,
    Stored,
    UnknownRequestError,
    confirm,
)
from inference.feedback.opinion import OpinionError
from inference.feedback.said import OfficerVerdict, Said
from inference.service.desk import OpenDesk
from inference.service.openapi import problem_responses
from inference.service.problems import (
    AMBIGUOUS_EXTERNAL_ID,
    AMBIGUOUS_REQUEST_ID,
    DATABASE_UNAVAILABLE,
    FEEDBACK_ID_REUSED,
    FEEDBACK_OFF,
    INVALID_FIELD,
    MALFORMED_JSON,
    NOT_READY,
    UNKNOWN_REQUEST,
    FieldProblem,
    Problem,
    invalid_fields,
)
from inference.service.runtime import Ready

router = APIRouter(tags=["feedback"])

_SHOWN: Final = 20
_AMBIGUOUS: Final = {"request_id": AMBIGUOUS_REQUEST_ID, "external_id": AMBIGUOUS_EXTERNAL_ID}


class FeedbackAnswer(BaseModel):
    """Feedback as it is stored; the highest revision of a request counts."""

    request_id: str
    feedback_id: str
    revision: int = Field(description="第几次，从 1 起。 Counted from 1; the latest counts.")
    recorded_at: datetime
    categories: list[str]
    rejected: list[str]
    verdict: OfficerVerdict

    @classmethod
    def of(cls, stored: Stored) -> FeedbackAnswer:
        """The answer for stored feedback."""
        row = stored.feedback
        return cls(
            request_id=stored.request_id,
            feedback_id=row.feedback_id,
            revision=row.revision,
            recorded_at=row.recorded_at,
            categories=row.categories,
            rejected=row.rejected,
            verdict=row.verdict,  # type: ignore[arg-type]  # only verdicts are stored
        )


@router.post(
    "/v1/feedback",
    summary="反馈 Feedback",
    description="记录人员对一次分类的确认、否定与补充，写入磁盘后才应答。同样的内容重发不会重复记录，不同的内容成为新的"
    "一次修订，以最后一次为准。\n\n"
    "Record what a person confirmed, rejected or added; answered only when it is on disk. The same content again "
    "stores nothing new, other content becomes a new revision, and the latest counts.",
    responses=problem_responses(
        MALFORMED_JSON,
        FEEDBACK_OFF,
        UNKNOWN_REQUEST,
        AMBIGUOUS_REQUEST_ID,
        AMBIGUOUS_EXTERNAL_ID,
        FEEDBACK_ID_REUSED,
        INVALID_FIELD,
        DATABASE_UNAVAILABLE,
        NOT_READY,
    ),
)
async def feedback(said: Said, desk: OpenDesk, runtime: Ready) -> FeedbackAnswer:
    """Store what an officer says about a request."""
    try:
        stored = await desk.ask(lambda database: confirm(database, said, runtime.catalogue))
    except UnknownRequestError:
        raise _unknown(said) from None
    except AmbiguousRequestError as error:
        raise _ambiguous(error) from error
    except OpinionError as error:
        raise invalid_fields([FieldProblem(field=field, detail=why) for field, why in error.wrong]) from error
    except FeedbackIdReusedError as error:
        detail = (
            f"feedback_id {error.feedback_id!r} came before with other content, as revision {error.revision}; "
            "use a new one for a correction"
        )
        raise Problem(FEEDBACK_ID_REUSED, detail, revision=error.revision) from error
    return FeedbackAnswer.of(stored)


def _unknown(said: Said) -> Problem:
    field, value = ("request_id", said.request_id) if said.request_id else ("external_id", said.external_id)
    return Problem(UNKNOWN_REQUEST, f"No answered request has {field} {value!r}; it may also have been deleted by now.")


def _ambiguous(error: AmbiguousRequestError) -> Problem:
    candidates = [
        {"request_id": request_id, "received_at": received_at.isoformat(), "verdict": verdict}
        for request_id, received_at, verdict in error.candidates[:_SHOWN]
    ]
    count = len(error.candidates)
    detail = f"{count} requests have this {error.field}; give the request_id of the one that is meant: see `requests`."
    return Problem(_AMBIGUOUS[error.field], detail, requests=candidates)
