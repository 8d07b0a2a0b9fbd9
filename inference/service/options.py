"""The fields of a classify request beside the photos."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from inference.service.problems import FieldProblem, invalid_fields

LEAST_SCORE: Final = 0.001
"""Floor of `min_score`: at 0 every anchor of the model would be a detection."""
_VALUE_SHOWN: Final = 60


def _is_iso8601(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time in ISO 8601, such as 2026-05-06T07:08:09+08:00") from None
    return text


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):  # which pydantic would take for 0 or 1
        raise ValueError("must be a number")  # noqa: TRY004 - what pydantic turns into a message
    return value


_Number = Annotated[float, BeforeValidator(_no_boolean)]
_Text = Annotated[str, Field(max_length=200)]
_Time = Annotated[str, Field(max_length=40), AfterValidator(_is_iso8601)]


class Context(BaseModel):
    """Pass-through fields: not looked at, given back as they came, so that answers find their case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid_id: _Text | None = Field(None, description="网格编号。 Grid cell.", examples=["110105-03-017"])
    point_type: _Text | None = Field(None, description="点位类型。 Kind of place.", examples=["背街小巷"])
    captured_at: _Time | None = Field(
        None,
        description="拍摄时间，ISO 8601。 When the photos were taken.",
        examples=["2026-05-06T07:08:09+08:00"],
    )
    latitude: _Number | None = Field(
        None, ge=-90, le=90, allow_inf_nan=False, description="纬度。 Degrees north.", examples=[39.9219]
    )
    longitude: _Number | None = Field(
        None, ge=-180, le=180, allow_inf_nan=False, description="经度。 Degrees east.", examples=[116.4436]
    )
    external_id: _Text | None = Field(
        None, description="来源系统的编号。 Id in the sending system.", examples=["case-20260506-0042"]
    )


class Options(Context):
    """Everything a classify request may say beside its photos."""

    scheme: _Text | None = Field(
        None,
        description="编码方案，即 configs/mappings 下的文件名；缺省用服务的默认方案。 "
        "Code scheme; the service's default if left out. GET /v1/categories lists them.",
        examples=["gbt47678.5-2026"],
    )
    min_score: _Number | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="同时返回得分不低于此值的较弱检测框，用于评估；建议与结论不变；小于 0.001 视为 0.001。 "
        "Also return weaker detections from this score on, for evaluation; suggestions and verdicts stay the "
        "same. Values under 0.001 act as 0.001.",
        examples=[0.05],
    )

    @property
    def score_floor(self) -> float | None:
        """`min_score` as the model takes it."""
        return None if self.min_score is None else max(self.min_score, LEAST_SCORE)

    def context(self) -> dict[str, object]:
        """The pass-through fields that were given."""
        return self.model_dump(include=set(Context.model_fields), exclude_none=True)


def read_options(fields: Mapping[str, object]) -> Options:
    """The options of a request.

    Raises:
        Problem: Some field is wrong or unknown; all of them are listed.
    """
    try:
        return Options.model_validate(fields)
    except ValidationError as error:
        raise invalid_fields([_told(wrong) for wrong in error.errors()]) from error


def _told(wrong: ErrorDetails) -> FieldProblem:
    name = str(wrong["loc"][0]) if wrong["loc"] else "body"
    if wrong["type"] == "extra_forbidden":
        near = get_close_matches(name, Options.model_fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"the fields are photos, {', '.join(Options.model_fields)}"
        return FieldProblem(field=shortened(name), detail=f"is not a field of this request; {hint}")
    said = wrong["msg"].removeprefix("Value error, ")
    return FieldProblem(field=name, detail=f"{said[:1].lower()}{said[1:]}, but is {shortened(repr(wrong['input']))}")


def shortened(text: str) -> str:
    """The start of a text that may be long, fit to be sent back."""
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    return sendable if len(sendable) <= _VALUE_SHOWN else f"{sendable[:_VALUE_SHOWN]}…"
