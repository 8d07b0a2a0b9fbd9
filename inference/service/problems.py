"""Errors as the service tells them: RFC 9457 problem documents with a stable type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from inference.answer import PROBLEM_TYPE
from inference.service.dialects import dialect_of
from inference.service.record import record_of

KINDS: Final[dict[str, Kind]] = {}
"""Every kind there is, by its slug, so that all of them can be listed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; what a program may rely on.

    Attributes:
        slug: Last part of the type; never changes its meaning.
        status: HTTP status it is sent with.
        title: The same for every occurrence.
    """

    slug: str
    status: int
    title: str

    def __post_init__(self) -> None:
        KINDS[self.slug] = self

    @property
    def type(self) -> str:
        """The URN that names the kind."""
        return PROBLEM_TYPE + self.slug


MALFORMED_JSON: Final = Kind("malformed-json", 400, "The body is not the JSON that is expected")
MALFORMED_COMPRESSION: Final = Kind("malformed-compression", 400, "The body cannot be unpacked")
MALFORMED_MULTIPART: Final = Kind("malformed-multipart", 400, "The multipart body is broken")
NOT_FOUND: Final = Kind("not-found", 404, "There is nothing at this address")
FEEDBACK_OFF: Final = Kind("feedback-off", 404, "The service keeps no records")
UNKNOWN_REQUEST: Final = Kind("unknown-request", 404, "There is no record of such a request")
PHOTO_NOT_KEPT: Final = Kind("photo-not-kept", 404, "The photo is not kept")
UNKNOWN_SERVICE: Final = Kind("unknown-service", 404, "There is no such service")
UNKNOWN_MODEL: Final = Kind("unknown-model", 404, "There is no such model")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "This address does not take this method")
BODY_TIMEOUT: Final = Kind("body-timeout", 408, "The upload stalled")
AMBIGUOUS_REQUEST_ID: Final = Kind("ambiguous-request-id", 409, "Several requests have this id")
AMBIGUOUS_EXTERNAL_ID: Final = Kind("ambiguous-external-id", 409, "Several requests are of this case")
FEEDBACK_ID_REUSED: Final = Kind("feedback-id-reused", 409, "The feedback id stands for other content")
BODY_TOO_LARGE: Final = Kind("body-too-large", 413, "The request is too large")
UNSUPPORTED_MEDIA_TYPE: Final = Kind("unsupported-media-type", 415, "The body is in a form not read here")
UNSUPPORTED_ENCODING: Final = Kind("unsupported-encoding", 415, "The body is compressed in a way not read here")
INVALID_FIELD: Final = Kind("invalid-field", 422, "A field of the request is wrong")
INVALID_LABEL_CONFIG: Final = Kind("invalid-label-config", 422, "The labelling interface cannot be served")
INVALID_TENSOR: Final = Kind("invalid-tensor", 422, "A tensor does not fit the model")
NO_PHOTOS: Final = Kind("no-photos", 422, "The request has no photo")
NO_READABLE_PHOTO: Final = Kind("no-readable-photo", 422, "None of the photos could be read")
TOO_MANY_PHOTOS: Final = Kind("too-many-photos", 422, "The request has too many photos")
UNREACHABLE_PHOTO: Final = Kind("unreachable-photo", 422, "The photo cannot be had")
UNKNOWN_SCHEME: Final = Kind("unknown-scheme", 422, "There is no such code scheme")
OVERLOADED: Final = Kind("overloaded", 429, "The service has as much to do as it takes on")
INTERNAL_ERROR: Final = Kind("internal-error", 500, "Something went wrong in the service")
DATABASE_UNAVAILABLE: Final = Kind("database-unavailable", 503, "The feedback database does not answer")
PHOTO_STORE_UNAVAILABLE: Final = Kind("photo-store-unavailable", 503, "The kept photos cannot be reached")
NOT_READY: Final = Kind("not-ready", 503, "The service cannot answer yet")
DEADLINE_EXCEEDED: Final = Kind("deadline-exceeded", 503, "The answer would have come too late")
NO_PREVIOUS_MODEL: Final = Kind("no-previous-model", 409, "There is no model to go back to")
AMBIGUOUS_MODEL: Final = Kind("ambiguous-model", 409, "Several models have this version")
MODEL_REFUSED: Final = Kind("model-refused", 422, "The model must not be used")
HEADER_TIMEOUT: Final = Kind("header-timeout", 408, "The request did not come in time")
MALFORMED_REQUEST: Final = Kind("malformed-request", 400, "This is no HTTP request")
HEADERS_TOO_LARGE: Final = Kind("headers-too-large", 431, "The headers of the request are too large")
TOO_MANY_CONNECTIONS: Final = Kind("too-many-connections", 503, "The service has as many connections as it takes")
CASE: Final = (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    INVALID_FIELD,
    NO_PHOTOS,
    NO_READABLE_PHOTO,
    TOO_MANY_PHOTOS,
    UNKNOWN_SCHEME,
    OVERLOADED,
    INTERNAL_ERROR,
    NOT_READY,
    DEADLINE_EXCEEDED,
)
"""What a request to judge the photos of a case may end with, whichever protocol it comes by."""

_BY_STATUS: Final = {kind.status: kind for kind in (MALFORMED_JSON, NOT_FOUND, METHOD_NOT_ALLOWED)}


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """Ends a request with a problem document.

    Args:
        kind: What kind it is.
        detail: What is wrong with which input, and what to do.
        headers: Of the response.
        extensions: Further members of the document.
    """

    def __init__(self, kind: Kind, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any) -> None:
        super().__init__(kind.slug, detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.extensions = extensions

    def response(self, scope: Scope) -> JSONResponse:
        """The document, for the request of this scope; in the words of the protocol that it speaks."""
        record = record_of(scope)
        record.problem = self.kind.slug
        document = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": record.request_id,
            **self.extensions,
        }
        dialect = dialect_of(scope["path"])
        return JSONResponse(dialect.body(document), self.kind.status, self.headers, dialect.media_type)


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


def invalid_fields(wrong: Sequence[FieldProblem]) -> Problem:
    """The problem of one or several wrong fields, all of them told at once."""
    detail = "; ".join(f"{each.field}: {each.detail}" for each in wrong)
    return Problem(INVALID_FIELD, detail, errors=[each.model_dump() for each in wrong])


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


def _on_problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Problem):
        raise error
    return error.response(request.scope)


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    kind = _BY_STATUS.get(status) or Kind(f"http-{status}", status, HTTPStatus(status).phrase)
    asked = f"{request.method} {request.url.path}"
    allowed = (error.headers or {}).get("Allow", "see /docs")
    hints = {
        NOT_FOUND: f"{asked} does not exist; /docs lists what does",
        METHOD_NOT_ALLOWED: f"{asked} does not exist; allowed: {allowed}",
    }
    return Problem(kind, hints.get(kind, error.detail), headers=error.headers).response(request.scope)


def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    for each in error.errors():
        if each["type"] == "json_invalid":
            detail = f"The body is not valid JSON: {each['ctx']['error']}."
            return Problem(MALFORMED_JSON, detail).response(request.scope)
    wrong = [
        FieldProblem(field=".".join(map(str, each["loc"][1:])) or str(each["loc"][0]), detail=each["msg"])
        for each in error.errors()
    ]
    return invalid_fields(wrong).response(request.scope)
