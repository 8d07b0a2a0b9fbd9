"""Requests before they are sent, the same for both clients."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, Literal, TypedDict, TypeVar

import httpx
from pydantic import BaseModel

from inference.client.answers import (
    Box,
    CategoriesAnswer,
    ClassifyAnswer,
    FeedbackAnswer,
    ModelsAnswer,
    Record,
    RecordPage,
    Stats,
)
from inference.client.errors import ServiceError

PhotoLike = str | Path | bytes | BinaryIO
"""A photo: the path of a file, its content, or an open file, which is read once."""
A = TypeVar("A", bound=BaseModel)


class BoxFeedback(TypedDict):
    """A box that a person drew."""

    category: str
    box: Box


class PhotoFeedback(TypedDict, total=False):
    """What a person said about one photo of a request; only `index` must be there."""

    index: int
    categories: Sequence[str]
    boxes: Sequence[BoxFeedback]
    exhaustive_for: Sequence[str]


@dataclass(frozen=True, slots=True)
class Case:
    """Photos that belong together.

    Attributes:
        photos: 1 to 16.
        options: Further fields of POST /v1/classify, such as external_id or scheme.
    """

    photos: Sequence[PhotoLike]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one of many cases: an answer, or why there is none.

    Attributes:
        case: Which.
        answer: The answer.
        error: ServiceError, ConnectionFailed, or the OSError of a photo that cannot be read.
    """

    case: Case
    answer: ClassifyAnswer | None
    error: Exception | None

    def require(self) -> ClassifyAnswer:
        """The answer.

        Raises:
            Exception: The error there is instead.
        """
        if self.answer is None:
            raise self.error or RuntimeError("an outcome holds neither an answer nor an error")
        return self.answer


@dataclass(frozen=True, slots=True)
class Call(Generic[A]):
    """A request, ready to be sent as often as it takes.

    Attributes:
        method: HTTP method.
        path: Below the service's address.
        answer: What it is answered with.
        content: Arguments of httpx: files, data, json or params.
        request_id: Sent with every attempt, so that the service can tell them to be one request.
    """

    method: Literal["GET", "POST"]
    path: str
    answer: type[A]
    content: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        """Of the request."""
        return {"X-Request-ID": self.request_id}

    def read(self, response: httpx.Response) -> A:
        """The answer in a successful response.

        Raises:
            ServiceError: It is none of this service.
        """
        try:
            return self.answer.model_validate_json(response.content)
        except ValueError as error:
            detail = f"{response.url} did not answer as the service does: {str(error).partition(chr(10))[0]}"
            raise ServiceError(response.status_code, "", "Unexpected answer", detail, self.request_id, {}) from error


def classify(photos: PhotoLike | Sequence[PhotoLike], options: Mapping[str, Any]) -> Call[ClassifyAnswer]:
    """POST /v1/classify.

    Raises:
        OSError: A photo cannot be read.
    """
    several = photos if isinstance(photos, Sequence) and not isinstance(photos, str | bytes) else [photos]
    files = [("photos", _file(photo)) for photo in several]
    fields = {name: str(value) for name, value in options.items() if value is not None}
    return Call("POST", "/v1/classify", ClassifyAnswer, {"files": files, "data": fields})


def _file(photo: PhotoLike) -> tuple[str, bytes, str]:
    """The (name, content, media type) of a photo; the service looks at the content alone."""
    if isinstance(photo, bytes):
        name, content = "photo", photo
    elif isinstance(photo, str | Path):
        name, content = Path(photo).name, Path(photo).read_bytes()
    else:
        name, content = Path(str(getattr(photo, "name", "photo"))).name, photo.read()
    return name, content, "application/octet-stream"


def categories(scheme: str | None) -> Call[CategoriesAnswer]:
    """GET /v1/categories."""
    return Call("GET", "/v1/categories", CategoriesAnswer, {"params": _given({"scheme": scheme})})


def feedback(members: Mapping[str, Any]) -> Call[FeedbackAnswer]:
    """POST /v1/feedback; without an own `feedback_id` the request's id is one, so that repeating it changes nothing."""
    request_id = uuid.uuid4().hex
    body = {"feedback_id": request_id, **_given(members)}
    return Call("POST", "/v1/feedback", FeedbackAnswer, {"json": body}, request_id)


def stats(since: str | None, until: str | None) -> Call[Stats]:
    """GET /v1/feedback/stats."""
    return Call("GET", "/v1/feedback/stats", Stats, {"params": _given({"since": since, "until": until})})


def record(request_id: str) -> Call[Record]:
    """GET /v1/records/{request_id}."""
    return Call("GET", f"/v1/records/{request_id}", Record)


def records(filters: Mapping[str, Any], cursor: str | None) -> Call[RecordPage]:
    """GET /v1/records."""
    return Call("GET", "/v1/records", RecordPage, {"params": _given({**filters, "cursor": cursor})})


def models() -> Call[ModelsAnswer]:
    """GET /v1/models."""
    return Call("GET", "/v1/models", ModelsAnswer)


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
