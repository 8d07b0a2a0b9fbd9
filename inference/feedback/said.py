"""What an officer says about a request, as POST /v1/feedback takes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inference.feedback.audit import storable

OfficerVerdict = Literal["issue", "no_issue", "unrelated", "unusable"]

_MOST_CATEGORIES = 200
_MOST_BOXES = 1000
_MOST_PHOTOS = 1000


def _storable(text: str) -> str:
    return storable(text) or ""


def _storable_note(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[list[Name], Field(max_length=_MOST_CATEGORIES)]
Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
Pixel = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SaidBox(_Said):
    """A box that the officer drew or corrected; never one of the model's that was merely left alone."""

    category: Name
    box: tuple[Pixel, Pixel, Pixel, Pixel] = Field(
        description="[x1, y1, x2, y2]，摆正后的原尺寸照片像素。 Pixels of the upright full-size photo.",
        examples=[[519.5, 1403.5, 1590.8, 2449.3]],
    )

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        x1, y1, x2, y2 = self.box
        if x1 >= x2 or y1 >= y2:
            raise ValueError("a box is [x1, y1, x2, y2] with x1 < x2 and y1 < y2")
        return self


class SaidPhoto(_Said):
    """What is said about one photo of a case beyond what is said about the case."""

    index: int = Field(ge=0, description="照片序号，从 0 起。 Position in the request, from 0.")
    categories: Names | None = Field(
        default=None, description="本照片显示的类别；缺省表示未逐张确认。 What this photo shows; left out: nobody said."
    )
    boxes: list[SaidBox] = Field(default=[], max_length=_MOST_BOXES)
    exhaustive_for: Names = Field(
        default=[], description="已框出全部实例的类别。 Categories of which every instance on the photo is boxed."
    )


class Said(_Said):
    """What an officer says about one request."""

    request_id: Id | None = Field(
        default=None,
        description="分类请求的编号；与 external_id 二选一。 Of the classification; or give external_id.",
        examples=["0b9f4a6e8c1d4f7ab2d35c6e7f809112"],
    )
    external_id: Id | None = Field(default=None, description="案件在来源系统的编号。 The case in the issue system.")
    categories: Names = Field(
        description="确认的类别；没有则为空。 Confirmed for the case; empty if there are none.",
        examples=[["overflowing_bin"]],
    )
    verdict: OfficerVerdict | None = Field(
        default=None,
        description="缺省：有类别为 issue，否则 no_issue。 Default: issue with categories, else no_issue.",
    )
    rejected: Names | None = Field(
        default=None,
        description="否定的类别；缺省为其余全部建议。 Struck out; default: every suggestion that was not confirmed.",
    )
    searched: Names = Field(
        default=[], description="核对清单中另外问过的类别。 Further categories that were asked about."
    )
    photos: list[SaidPhoto] = Field(default=[], max_length=_MOST_PHOTOS)
    reviewer: Annotated[str, Field(max_length=200), AfterValidator(_storable)] | None = Field(
        default=None, description="由谁确认，可不填。 Who says so; need not be given."
    )
    note: Annotated[str, Field(max_length=2000), AfterValidator(_storable_note)] | None = None
    feedback_id: Id | None = Field(
        default=None,
        description="幂等键：同一键重发不会重复记录。 Idempotency key: sent again, it stores nothing new.",
    )

    @model_validator(mode="after")
    def _names_one_request(self) -> Self:
        if (self.request_id is None) == (self.external_id is None):
            raise ValueError("give exactly one of request_id and external_id")
        return self

    def content(self) -> dict[str, Any]:
        """What is said, without about what and under which key."""
        return self.model_dump(exclude={"request_id", "external_id", "feedback_id"})
