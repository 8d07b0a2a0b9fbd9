"""Answers as JSON: what the service sends, the command line prints and a scan records, in one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict

from inference.case import Case
from inference.categories import Catalogue
from inference.classify import PhotoResult
from inference.codec import PhotoErrorCode
from inference.decide import Decision, Suggestion, Verdict
from inference.detections import Detections
from inference.mappings import Scheme
from inference.package import ModelDescription

FailureCode = PhotoErrorCode | Literal["unreadable", "internal-error"]
"""Why a photo has no answer: `unreadable` is a file the system withholds, `internal-error` our fault."""

PROBLEM_TYPE: Final = "urn:street-patrol:problem:"
"""What the stable `type` of every problem (RFC 9457) begins with; its code follows."""

_UNIT_DIGITS: Final = 4  # of probabilities and scores
_PIXEL_DIGITS: Final = 1
_TITLES: Final[dict[FailureCode, str]] = {
    "empty": "The file is empty",
    "not-an-image": "The file is not a picture",
    "unsupported-format": "The picture format is not supported",
    "too-many-bytes": "The file is too large",
    "too-many-pixels": "The picture has too many pixels",
    "too-small": "The picture is too small",
    "truncated": "The file is cut off",
    "corrupt": "The file is damaged",
    "unreadable": "The file cannot be read",
    "internal-error": "The program failed on this photo",
}


class ModelAnswer(TypedDict):
    """Which model answered."""

    name: str
    version: str
    data_version: str


class CodeAnswer(TypedDict):
    """A code that an issue system gives to a category."""

    scheme: str
    code: str
    name: str


class SuggestionAnswer(TypedDict):
    """A category that photos show; `photo_indexes` says which, ascending."""

    category: str
    name_zh: str
    name_en: str
    probability: float
    decision: Decision
    codes: list[CodeAnswer]
    department: str
    photo_indexes: list[int]


class DetectionAnswer(TypedDict):
    """A box [x1, y1, x2, y2] in pixels of the upright full-size photo; `context` ones are no problems."""

    category: str
    score: float
    box: list[float]
    context: bool


class ProblemAnswer(TypedDict):
    """Why there is no answer, with the members of RFC 9457."""

    type: str
    title: str
    detail: str


class PhotoAnswer(TypedDict):
    """The answer for one photo; without `error`, its hash and size are known."""

    index: int
    filename: str
    sha256: str | None
    width: int | None
    height: int | None
    verdict: Verdict
    warnings: list[str]
    suggestions: list[SuggestionAnswer]
    detections: list[DetectionAnswer]
    error: ProblemAnswer | None


class CaseAnswer(TypedDict):
    """The answer for several photos of one case."""

    request_id: str
    model: ModelAnswer
    verdict: Verdict
    suggestions: list[SuggestionAnswer]
    photos: list[PhotoAnswer]


def photo_answer(index: int, filename: str, result: PhotoResult, scheme: Scheme, catalogue: Catalogue) -> PhotoAnswer:
    """The answer for a photo.

    Args:
        index: Its position in the request.
        filename: What the sender calls it.
        result: What the classifier says.
        scheme: Whose codes to give.
        catalogue: Names and roles of the categories.
    """
    photo = result.photo
    return PhotoAnswer(
        index=index,
        filename=filename,
        sha256=photo.sha256,
        width=photo.width,
        height=photo.height,
        verdict=result.verdict,
        warnings=list(photo.warnings),
        suggestions=[suggestion_answer(s, (index,), scheme, catalogue) for s in result.suggestions],
        detections=detection_answers(result.detections, catalogue),
        error=None,
    )


def failed_photo_answer(
    index: int, filename: str, code: FailureCode, detail: str, *, sha256: str | None = None
) -> PhotoAnswer:
    """The answer for a photo that could not be judged.

    Args:
        index: Its position in the request.
        filename: What the sender calls it.
        code: The `code` of its PhotoError, or another fault.
        detail: What is wrong and what to do about it, such as the text of its PhotoError.
        sha256: Of the file, where it could be read.
    """
    return PhotoAnswer(
        index=index,
        filename=filename,
        sha256=sha256,
        width=None,
        height=None,
        verdict="unusable",
        warnings=[],
        suggestions=[],
        detections=[],
        error=ProblemAnswer(type=f"{PROBLEM_TYPE}{code}", title=_TITLES[code], detail=detail),
    )


def case_answer(
    request_id: str,
    model: ModelDescription,
    case: Case,
    photos: Sequence[PhotoAnswer],
    *,
    scheme: Scheme,
    catalogue: Catalogue,
) -> CaseAnswer:
    """The answer for a case.

    Args:
        request_id: Names the request in logs and feedback.
        model: Which model answered.
        case: The photos' results, merged.
        photos: The answers for the single photos, failed ones among them, in their order.
        scheme: Whose codes to give.
        catalogue: Names and roles of the categories.
    """
    return CaseAnswer(
        request_id=request_id,
        model=model_answer(model),
        verdict=case.verdict,
        suggestions=[
            suggestion_answer(merged.suggestion, merged.photo_indexes, scheme, catalogue) for merged in case.suggestions
        ],
        photos=list(photos),
    )


def model_answer(model: ModelDescription) -> ModelAnswer:
    """Name and versions of a model."""
    return ModelAnswer(name=model.name, version=model.version, data_version=model.data.version)


def suggestion_answer(
    suggestion: Suggestion, photo_indexes: Sequence[int], scheme: Scheme, catalogue: Catalogue
) -> SuggestionAnswer:
    """A suggestion with its names, its codes in the scheme and who handles it."""
    category = catalogue.require(suggestion.category)
    codes = scheme.codes(category.id)
    return SuggestionAnswer(
        category=category.id,
        name_zh=category.name_zh,
        name_en=category.name_en,
        probability=round(suggestion.probability, _UNIT_DIGITS),
        decision=suggestion.decision,
        codes=[CodeAnswer(scheme=code.scheme, code=code.code, name=code.name) for code in codes],
        department=scheme.department(category.id),
        photo_indexes=list(photo_indexes),
    )


def detection_answers(detections: Detections, catalogue: Catalogue) -> list[DetectionAnswer]:
    """The boxes of a photo, strongest first."""
    rows = zip(detections.categories, detections.scores.tolist(), detections.xyxy.tolist(), strict=True)
    return [
        DetectionAnswer(
            category=category,
            score=round(score, _UNIT_DIGITS),
            box=[round(pixel, _PIXEL_DIGITS) for pixel in box],
            context=catalogue.require(category).role == "context",
        )
        for category, score, box in rows
    ]
