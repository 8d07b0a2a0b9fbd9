"""The answers of POST /v1/classify: their schema, and filling it from `inference.answer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from inference.answer import PROBLEM_TYPE, case_answer, failed_photo_answer, photo_answer
from inference.answer import PhotoAnswer as PhotoMembers
from inference.case import merge
from inference.categories import Catalogue
from inference.classify import Classifier, PhotoResult
from inference.decide import Decision, Verdict
from inference.mappings import Scheme
from inference.package import ModelDescription
from inference.service.failure import Failure
from inference.service.options import Context, Options

_VERDICT = (
    "issue 有问题，no_issue 无问题，unrelated 与街面无关，unusable 无法使用，uncertain 不确定。 "
    "What the photo is; a case is the first of issue, uncertain, no_issue, unrelated, unusable that a photo "
    "of it is."
)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelAnswer(_Answer):
    """Which model answered."""

    name: str = Field(examples=["street-patrol-n"])
    version: str = Field(examples=["0.1.0"])
    data_version: str = Field(description="训练数据版本。 Version of the training data.")

    @classmethod
    def of(cls, model: ModelDescription) -> ModelAnswer:
        """Name and versions of a model."""
        return cls(name=model.name, version=model.version, data_version=model.data.version)


class CodeAnswer(_Answer):
    """A code of the issue system."""

    scheme: str = Field(examples=["gbt47678.5-2026"])
    code: str = Field(description="文本，保留前导零。 Text: leading zeros count.", examples=["06001"])
    name: str = Field(examples=["暴露垃圾"])

    @classmethod
    def all_of(cls, scheme: Scheme, category: str) -> list[CodeAnswer]:
        """The codes of a category, the default first."""
        return [cls(scheme=code.scheme, code=code.code, name=code.name) for code in scheme.codes(category)]


class SuggestionAnswer(_Answer):
    """A category that the photos probably show; a person confirms it."""

    category: str = Field(description="类别标识，不变。 The category's id, which never changes.")
    name_zh: str
    name_en: str
    probability: float = Field(ge=0, le=1, description="校准后的概率。 Calibrated probability.")
    decision: Decision = Field(
        description="prefill 可预填（精度有保证），suggest 仅建议。 prefill: met the promised precision on "
        "held-out photos; suggest: a hint only."
    )
    codes: list[CodeAnswer] = Field(description="所选方案的编码，首个为默认。 In the scheme, the default first.")
    department: str = Field(description="通常的责任部门。 Who usually handles it.")
    photo_indexes: list[int] = Field(description="支持该建议的照片序号。 Photos that show it, from 0.")


class DetectionAnswer(_Answer):
    """A box, as evidence."""

    category: str
    score: float = Field(ge=0, le=1, description="检测得分，不是概率。 The detector's score, not a probability.")
    box: tuple[float, float, float, float] = Field(
        description="[x1, y1, x2, y2]，按 EXIF 摆正后的原尺寸照片像素，x 向右，y 向下。 "
        "Pixels of the upright full-size photo, x right, y down."
    )
    context: bool = Field(description="环境物体（如垃圾桶），从不作为建议。 A context class, never suggested.")


class PhotoProblem(_Answer):
    """Why one photo of a request could not be judged; the others are answered all the same."""

    type: str = Field(
        description="稳定的错误类型，供程序判断。 Stable, for programs.",
        examples=[f"{PROBLEM_TYPE}not-an-image"],
    )
    title: str
    detail: str = Field(
        description="具体原因与处理办法。 What is wrong and what to do about it, for people.",
        examples=["the file is a PDF document; send a JPEG, PNG, WebP, BMP, TIFF or HEIC photo"],
    )


class PhotoAnswer(_Answer):
    """The answer for one photo."""

    index: int = Field(description="请求中的序号，从 0 起。 Position in the request, from 0.")
    filename: str = Field(description="上传时的文件名；没有则为空。 As sent; empty if it has no name.")
    sha256: str | None = Field(description="文件摘要；base64 无效时为 null。 Null where base64 was invalid.")
    width: int | None = Field(description="摆正后的宽；读不出时为 null。 Upright; null if it cannot be read.")
    height: int | None
    verdict: Verdict = Field(description=_VERDICT)
    warnings: list[str] = Field(
        description="如 degraded:truncated（照片残缺）。 What is unusual about the file, as stable slugs.",
        examples=[["degraded:truncated"]],
    )
    suggestions: list[SuggestionAnswer]
    detections: list[DetectionAnswer]
    error: PhotoProblem | None = Field(description="无法读取的原因，否则为 null。 Why it could not be read.")


class ClassifyAnswer(_Answer):
    """The answer for the photos of one case."""

    request_id: str
    model: ModelAnswer
    verdict: Verdict = Field(description=_VERDICT)
    suggestions: list[SuggestionAnswer] = Field(
        description="prefill 在前，再按概率排列。 Prefills first, then by probability."
    )
    photos: list[PhotoAnswer] = Field(description="与请求同序，一张不少。 Every photo of the request, in its order.")
    context: Context | None = Field(None, description="原样返回的透传字段；未给则无此键。 Absent if none was given.")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one photo.

    Attributes:
        filename: As the sender calls it.
        sha256: Of the file, if there was one.
        outcome: The result, or why there is none.
    """

    filename: str
    sha256: str | None
    outcome: PhotoResult | Failure

    @property
    def result(self) -> PhotoResult | None:
        """The result, if there is one."""
        return self.outcome if isinstance(self.outcome, PhotoResult) else None


def classify_answer(
    request_id: str,
    judgements: Sequence[Judgement],
    classifier: Classifier,
    scheme: Scheme,
    options: Options,
) -> ClassifyAnswer:
    """The answer to a request.

    Args:
        request_id: Names the request.
        judgements: Of its photos, in their order.
        classifier: Where the results come from.
        scheme: Whose codes to give.
        options: What else the request said.
    """
    catalogue = classifier.catalogue
    members = case_answer(
        request_id,
        classifier.package.description,
        merge([judgement.result for judgement in judgements], catalogue),
        [_photo(index, judgement, scheme, catalogue) for index, judgement in enumerate(judgements)],
        scheme=scheme,
        catalogue=catalogue,
    )
    context = options.context()
    return ClassifyAnswer.model_validate({**members, "context": context} if context else members)


def _photo(index: int, judgement: Judgement, scheme: Scheme, catalogue: Catalogue) -> PhotoMembers:
    outcome = judgement.outcome
    if isinstance(outcome, PhotoResult):
        return photo_answer(index, judgement.filename, outcome, scheme, catalogue)
    members = failed_photo_answer(index, judgement.filename, "unreadable", outcome.detail, sha256=judgement.sha256)
    members["error"] = outcome.told()
    return members
