"""What the service answers, as frozen types.

Members that a newer service adds are passed over, so that an older client goes on working.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) in pixels of the upright full-size photo, x right, y down."""
Decision = Literal["prefill", "suggest"]
Verdict = Literal["issue", "no_issue", "unrelated", "unusable", "uncertain"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Model(_Answer):
    """Which model answered."""

    name: str
    version: str
    data_version: str


class Code(_Answer):
    """A code of the issue system; text, because leading zeros count."""

    scheme: str
    code: str
    name: str


class Suggestion(_Answer):
    """A category that the photos probably show; a person confirms it."""

    category: str
    name_zh: str
    name_en: str
    probability: float
    decision: Decision
    codes: tuple[Code, ...] = ()
    department: str = ""
    photo_indexes: tuple[int, ...]


class Detection(_Answer):
    """A box, as evidence; `context` ones are no problems."""

    category: str
    score: float
    box: Box
    context: bool


class PhotoProblem(_Answer):
    """Why one photo could not be judged."""

    type: str
    title: str
    detail: str


class PhotoAnswer(_Answer):
    """The answer for one photo."""

    index: int
    filename: str
    sha256: str | None
    width: int | None
    height: int | None
    verdict: Verdict
    warnings: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    detections: tuple[Detection, ...]
    error: PhotoProblem | None = None


class ClassifyAnswer(_Answer):
    """The answer for the photos of one case; suggestions are ordered, prefills first."""

    request_id: str
    model: Model
    verdict: Verdict
    suggestions: tuple[Suggestion, ...]
    photos: tuple[PhotoAnswer, ...]
    context: dict[str, Any] | None = None

    @property
    def prefills(self) -> tuple[Suggestion, ...]:
        """The suggestions sure enough to fill a case in with."""
        return tuple(suggestion for suggestion in self.suggestions if suggestion.decision == "prefill")


class CategoryModel(_Answer):
    """What the loaded model can do with a category."""

    trained: bool
    left_out: str | None
    decision: Decision | None
    suggest_from: float | None
    prefill_from: float | None
    demoted: str | None


class Category(_Answer):
    """A category."""

    id: str
    name_zh: str
    name_en: str
    role: str
    tier: str | None
    parent: str | None
    department: str
    synonyms: tuple[str, ...]
    codes: tuple[Code, ...]
    model: CategoryModel


class CategoriesAnswer(_Answer):
    """All categories, with their codes in one scheme."""

    model: Model
    scheme: str
    schemes: tuple[str, ...]
    categories: tuple[Category, ...]


class FeedbackAnswer(_Answer):
    """What was kept of a confirmation."""

    request_id: str
    feedback_id: str
    revision: int
    recorded_at: str
    categories: tuple[str, ...]
    rejected: tuple[str, ...]
    verdict: str


class RecordPhoto(_Answer):
    """A photo of an answered request."""

    index: int
    filename: str
    sha256: str | None
    width: int | None
    height: int | None
    kept: bool = False
    detections: tuple[Detection, ...] = ()


class Record(_Answer):
    """An answered request, and what was confirmed of it."""

    request_id: str
    external_id: str | None
    grid_id: str | None
    point_type: str | None
    received_at: str
    verdict: str
    suggestions: tuple[Suggestion, ...]
    photos: tuple[RecordPhoto, ...]
    state: str
    feedback: dict[str, Any] | None = None


class RecordPage(_Answer):
    """Some records, and where the next ones are."""

    records: tuple[Record, ...]
    next_cursor: str | None = None


class Share(_Answer):
    """A share with its 95 % confidence interval."""

    value: float
    lower: float
    upper: float
    support: int


class CategoryStats(_Answer):
    """What became of a category's suggestions."""

    suggested: int
    prefilled: int
    confirmed: int
    rejected: int
    added: int
    precision: Share | None
    prefill_precision: Share | None


class Stats(_Answer):
    """How answers fared with the people who confirmed them."""

    since: str | None
    until: str | None
    requests: int
    answered_feedback: int
    acceptance_rate: float | None
    verdicts: dict[str, int]
    categories: dict[str, CategoryStats]
    drift: dict[str, Any]
    models: dict[str, int]
    latency_ms: dict[str, float | None]
    daily: tuple[dict[str, Any], ...]
    disagreements: tuple[dict[str, Any], ...]


class ModelState(_Answer):
    """A model package that the service knows."""

    name: str
    version: str | None
    data_version: str | None = None
    path: str | None = None
    state: str
    error: str | None = None
    activated_at: str | None = None


class ModelsAnswer(_Answer):
    """The model packages."""

    models: tuple[ModelState, ...]
    shadow: dict[str, Any] | None = None
