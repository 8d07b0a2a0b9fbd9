"""GET /v1/records: what was answered, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from inference.categories import Catalogue
from inference.decide import Decision, Verdict
from inference.feedback.audit import storable
from inference.feedback.records import Cursor, CursorError, Seen, State, Wanted, list_records, one_record
from inference.feedback.said import OfficerVerdict
from inference.feedback.tables import Entry, Feedback
from inference.service.answers import DetectionAnswer, ModelAnswer, PhotoProblem
from inference.service.desk import OpenDesk
from inference.service.openapi import problem_responses
from inference.service.problems import (
    DATABASE_UNAVAILABLE,
    FEEDBACK_OFF,
    INVALID_FIELD,
    NOT_READY,
    PHOTO_NOT_KEPT,
    PHOTO_STORE_UNAVAILABLE,
    UNKNOWN_REQUEST,
    FieldProblem,
    Problem,
    invalid_fields,
)
from inference.service.runtime import Ready

router = APIRouter(tags=["feedback"])

_PAGE = 50
_LONGEST_PAGE = 500
_ID_LENGTH = 80
_LAST_PHOTO = 100_000
_FILE = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}


class RecordSuggestion(BaseModel):
    """A category that was suggested."""

    category: str
    name_zh: str
    name_en: str
    probability: float
    decision: Decision
    photo_indexes: list[int]

    @classmethod
    def of(cls, category: str, probability: float, decision: str, indexes: list[int], catalogue: Catalogue) -> Any:
        """The suggestion, with the names that its category has now."""
        known = catalogue.get(category)
        return cls(
            category=category,
            name_zh=known.name_zh if known else category,
            name_en=known.name_en if known else category,
            probability=probability,
            decision="prefill" if decision == "prefill" else "suggest",
            photo_indexes=indexes,
        )


class RecordPhoto(BaseModel):
    """A photo of a request."""

    index: int
    filename: str = Field(description="不保存文件名时为空。 Empty where names are not kept.")
    sha256: str | None
    width: int | None
    height: int | None
    kept: bool = Field(description="照片是否留存，可由 photos 地址取得。 Whether its bytes can be fetched.")


class DetailedPhoto(RecordPhoto):
    """A photo of a request, with all that was answered about it."""

    bytes: int | None
    verdict: Verdict
    warnings: list[str]
    suggestions: list[RecordSuggestion]
    detections: list[DetectionAnswer]
    error: PhotoProblem | None


class RecordFeedback(BaseModel):
    """What an officer said."""

    feedback_id: str
    revision: int
    recorded_at: datetime
    verdict: OfficerVerdict
    categories: list[str]
    rejected: list[str]
    searched: list[str]
    photos: list[dict[str, Any]]
    reviewer: str | None
    note: str | None

    @classmethod
    def of(cls, row: Feedback) -> RecordFeedback:
        """The feedback of a row."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class _Record(BaseModel):
    request_id: str
    external_id: str | None
    grid_id: str | None
    point_type: str | None
    received_at: datetime
    verdict: Verdict
    suggestions: list[RecordSuggestion]
    state: Literal["awaiting", "confirmed"]
    feedback: RecordFeedback | None = Field(description="最近一次反馈。 The latest; null while awaiting.")


class RecordAnswer(_Record):
    """An answered request."""

    photos: list[RecordPhoto]


class DetailedRecord(_Record):
    """An answered request, with all that is kept of it."""

    model: ModelAnswer
    latency_ms: float
    photos: list[DetailedPhoto]
    revisions: list[RecordFeedback] = Field(description="历次反馈。 All feedback, the first first.")


class RecordsAnswer(BaseModel):
    """A page of answered requests, the latest first."""

    records: list[RecordAnswer]
    next_cursor: str | None = Field(description="下一页的 cursor；null 为末页。 Of the next page; null: there is none.")


Moment = Annotated[AwareDatetime | None, Query(description="ISO 8601，含时区。 With a time zone.")]


@router.get(
    "/v1/records",
    summary="记录列表 Records",
    description="已应答的请求及其反馈，新的在前。\n\nAnswered requests and what became of them, the latest first.",
    responses=problem_responses(FEEDBACK_OFF, INVALID_FIELD, DATABASE_UNAVAILABLE, NOT_READY),
)
async def records(
    desk: OpenDesk,
    runtime: Ready,
    state: State = "all",
    category: Annotated[str | None, Query(max_length=100)] = None,
    decision: Decision | None = None,
    verdict: Verdict | None = None,
    grid_id: Annotated[str | None, Query(max_length=200)] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = _PAGE,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> RecordsAnswer:
    """List answered requests."""
    wanted = Wanted(
        state=state,
        category=storable(category),
        decision=decision,
        verdict=verdict,
        grid_id=storable(grid_id),
        since=since,
        until=until,
        after=_cursor(cursor),
        limit=limit,
    )
    page, after = await desk.ask(lambda database: list_records(database, wanted))
    return RecordsAnswer(
        records=[RecordAnswer(**_common(seen, runtime.catalogue), photos=_photos(seen)) for seen in page],
        next_cursor=None if after is None else str(after),
    )


RecordId = Annotated[str, Path(max_length=_ID_LENGTH)]


@router.get(
    "/v1/records/{request_id}",
    summary="一条记录 One record",
    description="一次请求的全部记录：各照片的检测框与历次反馈。\n\n"
    "All that is kept of one request: the boxes of each photo, and every revision of the feedback.",
    responses=problem_responses(FEEDBACK_OFF, UNKNOWN_REQUEST, INVALID_FIELD, DATABASE_UNAVAILABLE, NOT_READY),
)
async def record(request_id: RecordId, desk: OpenDesk, runtime: Ready) -> DetailedRecord:
    """Give one answered request."""
    seen = await desk.ask(lambda database: one_record(database, storable(request_id) or ""))
    if seen is None:
        raise unknown_record(request_id)
    row, catalogue = seen.record, runtime.catalogue
    return DetailedRecord(
        **_common(seen, catalogue),
        model=ModelAnswer(name=row.model_name, version=row.model_version, data_version=row.data_version),
        latency_ms=row.latency_ms,
        photos=[DetailedPhoto.model_validate(_detailed(photo, seen, catalogue)) for photo in row.photos],
        revisions=[RecordFeedback.of(each) for each in seen.revisions],
    )


def unknown_record(request_id: str) -> Problem:
    """The problem of an id that no record has."""
    return Problem(UNKNOWN_REQUEST, f"No answered request has the id {request_id!r}; it may also have been deleted.")


def _cursor(text: str | None) -> Cursor | None:
    try:
        return None if text is None else Cursor.parse(text)
    except CursorError as error:
        wrong = FieldProblem(field="cursor", detail="is not a next_cursor that an earlier page gave")
        raise invalid_fields([wrong]) from error


def _common(seen: Seen, catalogue: Catalogue) -> dict[str, Any]:
    row = seen.record
    return {
        "request_id": seen.request_id,
        "external_id": row.external_id,
        "grid_id": row.grid_id,
        "point_type": row.point_type,
        "received_at": row.received_at,
        "verdict": row.verdict,
        "suggestions": [_suggestion(entry, catalogue) for entry in seen.suggestions],
        "state": row.state,
        "feedback": None if seen.feedback is None else RecordFeedback.of(seen.feedback),
    }


def _suggestion(entry: Entry, catalogue: Catalogue) -> RecordSuggestion:
    probability, decision = entry.probability or 0.0, entry.decision or "suggest"
    suggestion: RecordSuggestion = RecordSuggestion.of(
        entry.category, probability, decision, entry.photo_indexes, catalogue
    )
    return suggestion


def _photos(seen: Seen) -> list[RecordPhoto]:
    return [RecordPhoto.model_validate({**photo, "kept": _kept(photo, seen)}) for photo in seen.record.photos]


def _kept(photo: Mapping[str, Any], seen: Seen) -> bool:
    return photo["sha256"] in seen.kept


def _detailed(photo: Mapping[str, Any], seen: Seen, catalogue: Catalogue) -> dict[str, Any]:
    suggestions = [
        RecordSuggestion.of(each["category"], each["probability"], each["decision"], [photo["index"]], catalogue)
        for each in photo["suggestions"]
    ]
    return {**photo, "suggestions": suggestions, "kept": _kept(photo, seen)}


@router.get(
    "/v1/records/{request_id}/photos/{index}",
    summary="留存的照片 A kept photo",
    description="照片原文件；仅在开启照片留存且未到期时可取。\n\n"
    "The bytes of a photo as it was sent; there only where photos are kept, and until their days are over.",
    response_class=Response,
    responses={
        200: {"description": "照片。 The photo.", "content": {"image/*": {"schema": _FILE}}},
        **problem_responses(
            FEEDBACK_OFF,
            UNKNOWN_REQUEST,
            PHOTO_NOT_KEPT,
            INVALID_FIELD,
            DATABASE_UNAVAILABLE,
            PHOTO_STORE_UNAVAILABLE,
            NOT_READY,
        ),
    },
)
async def photo(request_id: RecordId, index: Annotated[int, Path(ge=0, le=_LAST_PHOTO)], desk: OpenDesk) -> Response:
    """Give the bytes of a photo."""
    seen = await desk.ask(lambda database: one_record(database, storable(request_id) or ""))
    if seen is None:
        raise unknown_record(request_id)
    photos = seen.record.photos
    sha256 = photos[index]["sha256"] if index < len(photos) else None
    found = await desk.photo(sha256) if sha256 in seen.kept else None
    if found is None:
        raise Problem(PHOTO_NOT_KEPT, f"Photo {index} of this request is not kept, or no longer.")
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'inline; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)
