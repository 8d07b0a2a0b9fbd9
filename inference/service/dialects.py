"""Errors in the words of protocols that have words of their own; everywhere else they are RFC 9457 documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a protocol tells an error.

    Attributes:
        media_type: Of the body.
        body: The body, made of the problem document.
        schema: Of the body, as JSON Schema.
    """

    media_type: str
    body: Callable[[Document], object]
    schema: Mapping[str, Any]


PROBLEM: Final = Dialect(
    "application/problem+json",
    dict,
    {
        "type": "object",
        "title": "Problem",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {"type": "string", "description": "稳定的错误类型。 Stable, for programs."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "哪里有误、如何处理。 What is wrong and what to do."},
            "instance": {"type": "string", "description": "请求编号。 The request's id."},
        },
    },
)
GEO_REPORT: Final = Dialect(
    "application/json",
    lambda problem: [{"code": problem["status"], "description": f"{problem['title']}: {problem['detail']}"}],
    {
        "type": "array",
        "title": "GeoReportErrors",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["code", "description"],
            "properties": {
                "code": {"type": "integer", "description": "与 HTTP 状态相同。 The HTTP status."},
                "description": {"type": "string", "description": "哪里有误、如何处理。 What is wrong and what to do."},
            },
        },
    },
)
INFERENCE: Final = Dialect(
    "application/json",
    lambda problem: {"error": f"{problem['title']}: {problem['detail']}"},
    {
        "type": "object",
        "title": "InferenceError",
        "required": ["error"],
        "properties": {"error": {"type": "string", "description": "哪里有误。 What is wrong and what to do."}},
    },
)
_BY_ROOT: Final = {"open311": GEO_REPORT, "v2": INFERENCE}


def dialect_of(path: str) -> Dialect:
    """How errors are told below an address."""
    return _BY_ROOT.get(path.lstrip("/").partition("/")[0], PROBLEM)
