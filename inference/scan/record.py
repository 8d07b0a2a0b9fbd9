"""The record of one input: what a scan writes, one JSON line each. See docs/scan-format.md."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.answer import detection_answers, suggestion_answer
from inference.categories import Catalogue
from inference.classify import PhotoResult
from inference.decide import Decision, Verdict
from inference.mappings import Scheme
from inference.scan.inputs import ScanFailureCode, location

SCHEMA: Final = 1
SCHEMA_FILE: Final = Path(__file__).with_name("record.schema.json")
"""The JSON Schema of a record, for programs in other languages."""

Status = Literal["ok", "empty", "degraded", "failed"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

Unit = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RecordedCode(_Strict):
    """A code that an issue system gives to a category."""

    scheme: str
    code: str
    name: str


class RecordedSuggestion(_Strict):
    """A category that the photo shows."""

    category: str
    name_zh: str
    name_en: str
    probability: Unit
    decision: Decision
    codes: tuple[RecordedCode, ...]
    department: str


class RecordedDetection(_Strict):
    """A box (x1, y1, x2, y2) in pixels of the upright full-size photo; `context` ones are no problems."""

    category: str
    score: Unit
    box: tuple[float, float, float, float]
    context: bool


class Failure(_Strict):
    """Why there is no answer: a stable code for programs, what is wrong and what to do about it for people."""

    code: ScanFailureCode
    detail: str


class Seconds(_Strict):
    """Where the time went, with `--timings` only: it differs from run to run."""

    decode: float
    infer: float
    decide: float


class Record(_Strict):
    """What is known of one input.

    Attributes:
        schema_version: Of this shape.
        status: `ok` suggestions, `empty` none, `degraded` answered from a damaged file, `failed` no answer.
        source: What the path is relative to: a folder, a URL or a list file's folder.
        path: Where the input lies in there.
        sha256: Digest of the file, or of a video's frame as BMP; None where it could not be read.
        size: Bytes of the file.
        width: Columns of the upright full-size photo.
        height: Rows of the upright full-size photo.
        captured_at: ISO 8601, without a zone unless the camera wrote one.
        latitude: Degrees north, -90 to 90.
        longitude: Degrees east, -180 to 180.
        verdict: What the photo is; None where it was not judged.
        suggestions: Prefills first.
        detections: Evidence and context; with a lower `--min-score` everything at least that strong.
        warnings: Stable slugs of what is unusual about the photo.
        failure: Why it has no answer; only of `failed` ones.
        same_as: Whole place of the earlier input with the same content, whose answer this is; or None.
        seconds: Where the time went, or None.
    """

    schema_version: Literal[1] = SCHEMA
    status: Status
    source: str
    path: str
    sha256: Sha256 | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    width: Annotated[int, Field(ge=1)] | None = None
    height: Annotated[int, Field(ge=1)] | None = None
    captured_at: str | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    verdict: Verdict | None = None
    suggestions: tuple[RecordedSuggestion, ...] = ()
    detections: tuple[RecordedDetection, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: Failure | None = None
    same_as: str | None = None
    seconds: Seconds | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Record:
        is_failed = self.status == "failed"
        if is_failed != (self.failure is not None):
            raise ValueError(f"status is {self.status}, but failure is {self.failure}")
        if is_failed != (self.verdict is None):
            raise ValueError(f"status is {self.status}, but verdict is {self.verdict}")
        return self

    @property
    def location(self) -> str:
        """The whole place of the input."""
        return location(self.source, self.path)

    @property
    def moment(self) -> datetime | None:
        """When it was taken."""
        return None if self.captured_at is None else datetime.fromisoformat(self.captured_at)

    def line(self) -> bytes:
        """As a line of a journal."""
        return self.model_dump_json().encode() + b"\n"


def answered(
    source: str,
    path: str,
    size: int,
    result: PhotoResult,
    scheme: Scheme,
    catalogue: Catalogue,
    *,
    captured_at: datetime | None = None,
    timings: bool = False,
) -> Record:
    """The record of a photo that was judged.

    Args:
        source: What the path is relative to.
        path: Where it lies in there.
        size: Bytes of the file.
        result: What the classifier says.
        scheme: Whose codes to give.
        catalogue: Names and roles of the categories.
        captured_at: When it was taken, where the photo itself does not say.
        timings: Whether to record where the time went.
    """
    photo = result.photo
    moment = photo.captured_at or captured_at
    suggestions = [suggestion_answer(suggestion, (), scheme, catalogue) for suggestion in result.suggestions]
    return Record.model_validate(
        {
            "status": "degraded" if photo.degraded else "ok" if suggestions else "empty",
            "source": source,
            "path": path,
            "sha256": photo.sha256,
            "size": size,
            "width": photo.width,
            "height": photo.height,
            "captured_at": None if moment is None else moment.isoformat(),
            "latitude": photo.latitude,
            "longitude": photo.longitude,
            "verdict": result.verdict,
            "suggestions": [{k: v for k, v in one.items() if k != "photo_indexes"} for one in suggestions],
            "detections": detection_answers(result.detections, catalogue),
            "warnings": photo.warnings,
            "seconds": {name: round(getattr(result.timings, name), 4) for name in Seconds.model_fields}
            if timings
            else None,
        }
    )


def failed(
    source: str, path: str, code: ScanFailureCode, detail: str, *, sha256: str | None = None, size: int | None = None
) -> Record:
    """The record of an input without an answer."""
    return Record(
        status="failed",
        source=source,
        path=path,
        sha256=sha256,
        size=size,
        failure=Failure(code=code, detail=detail),
    )


def copied(first: Record, source: str, path: str, captured_at: datetime | None = None) -> Record:
    """The record of an input that has the content of an earlier one, and so its answer."""
    own: dict[str, object] = {"source": source, "path": path, "same_as": first.same_as or first.location}
    if captured_at is not None:
        own["captured_at"] = captured_at.isoformat()
    return first.model_copy(update={**own, "seconds": None})


def json_schema() -> dict[str, object]:
    """The JSON Schema of a record, of which `record.schema.json` is a copy."""
    return Record.model_json_schema()


def parse(line: bytes) -> Record:
    """The record of a journal's line.

    Raises:
        ValueError: It is none, with every mistake.
    """
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'record'}: {e['msg']}" for e in error.errors())
        raise ValueError(wrong) from error
