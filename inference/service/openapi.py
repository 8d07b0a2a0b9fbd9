"""What the API's description says beyond what the code's types say."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from inference.service.dialects import PROBLEM, Dialect
from inference.service.options import Options
from inference.service.problems import Kind

API_DESCRIPTION: Final = """\
城市巡查照片 → 问题类别建议。服务只给建议，由人确认：照片能看出现状，看不出许可与停留时间。
照片不保存，服务不访问外网。

City patrol photos in, suggested issue categories out. It suggests; a person decides: a photo shows a
condition, never a permit or a dwell time. Photos are not stored and nothing is fetched from outside.

错误一律为 RFC 9457 `application/problem+json`：`type` 稳定不变，供程序判断；`instance` 为请求编号
（响应头 `X-Request-ID`）。`/open311` 与 `/v2` 下的错误采用各自协议的格式。

Errors are RFC 9457 problem documents: `type` is stable and meant for programs, `instance` is the request's
id, which is also in the header `X-Request-ID`; an incoming `X-Request-ID` is kept. Errors below
`/open311` and `/v2` are told in the form of those protocols.
"""

TAGS: Final = [
    {"name": "classify", "description": "照片分类 Photos to suggestions"},
    {"name": "categories", "description": "类别与编码 Categories and codes"},
    {"name": "feedback", "description": "反馈与记录 Feedback and records"},
    {"name": "models", "description": "模型管理 Models, for administrators"},
    {"name": "health", "description": "探针与指标 Probes and metrics"},
    {"name": "open311", "description": "Open311 GeoReport v2"},
    {"name": "open-inference-protocol", "description": "开放推理协议 v2 As KServe and Triton clients speak it"},
    {"name": "label-studio", "description": "Label Studio 预标注后端 Machine learning backend"},
]

CLASSIFY_DESCRIPTION: Final = """\
上传同一案件的 1 至 16 张照片（JPEG、PNG、WebP、BMP、TIFF、HEIC），返回整案结论、建议类别
（含编码、责任部门、概率）和每张照片的检测框。个别照片损坏不影响其他照片：原因写在该照片的 `error` 中；
全部读不出时返回 422 `no-readable-photo`。

Send the 1 to 16 photos of one case; get a verdict, suggested categories with codes, department and
probability, and boxes as evidence. A photo that cannot be read is reported in its own `error` and the others
are answered; only if none can be read the request fails (422, `no-readable-photo`).

    curl -F photos=@a.jpg -F photos=@b.jpg -F external_id=case-42 http://127.0.0.1:8000/v1/classify
"""

_PHOTO_FILE: Final = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
_BASE64: Final = {"type": "string", "contentEncoding": "base64"}
_JSON_PHOTO: Final = {
    "oneOf": [
        {
            "type": "object",
            "title": "NamedPhoto",
            "required": ["content"],
            "properties": {"filename": {"type": "string"}, "content": _BASE64},
            "additionalProperties": False,
        },
        {
            "type": "object",
            "title": "LinkedPhoto",
            "description": "仅当服务设置了 fetch_allow。 Only where the service's fetch_allow lists the host.",
            "required": ["url"],
            "properties": {"filename": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
            "additionalProperties": False,
        },
        _BASE64,
    ]
}
_PHOTOS: Final = "同一案件的照片，默认至多 16 张。 The photos of one case, 16 at most unless configured otherwise."
_EXAMPLE: Final = {
    "photos": [{"filename": "a.jpg", "content": "/9j/4AAQSkZJRgABAQ…"}],
    "scheme": "gbt47678.5-2026",
    "external_id": "case-20260506-0042",
}
_SUGGESTION: Final = {
    "category": "exposed_garbage",
    "name_zh": "暴露垃圾",
    "name_en": "exposed garbage / litter",
    "probability": 0.9312,
    "decision": "prefill",
    "codes": [{"scheme": "gbt47678.5-2026", "code": "06010", "name": "暴露垃圾"}],
    "department": "环卫",
    "photo_indexes": [0],
}
_READ: Final = {
    "index": 0,
    "filename": "a.jpg",
    "sha256": "ba5a5452aecd5cb387c7dd09e7f8c23b4074403ee9f2455cc49bb30e583ae6b0",
    "width": 3024,
    "height": 4032,
    "verdict": "issue",
    "warnings": [],
    "suggestions": [_SUGGESTION],
    "detections": [
        {"category": "exposed_garbage", "score": 0.7421, "box": [519.5, 1403.5, 1590.8, 2449.3], "context": False},
        {"category": "waste_bin", "score": 0.6103, "box": [108.3, 933.2, 869.1, 2102.0], "context": True},
    ],
    "error": None,
}
_UNREAD: Final = {
    "index": 1,
    "filename": "b.pdf",
    "sha256": "f31cdee0b4d4fdae0638872f6bb7d0e6ee041386a9055d5e64c25d9d35dc88d1",
    "width": None,
    "height": None,
    "verdict": "unusable",
    "warnings": [],
    "suggestions": [],
    "detections": [],
    "error": {
        "type": "urn:street-patrol:problem:not-an-image",
        "title": "The file is not a picture",
        "detail": "the file is a PDF document; send a JPEG, PNG, WebP, BMP, TIFF or HEIC photo",
    },
}
CLASSIFY_ANSWER: Final = {
    "request_id": "0b9f4a6e8c1d4f7ab2d35c6e7f809112",
    "model": {"name": "street-patrol-n", "version": "0.1.0", "data_version": "2ae0b1697fbd"},
    "verdict": "issue",
    "suggestions": [_SUGGESTION],
    "photos": [_READ, _UNREAD],
    "context": {"external_id": "case-20260506-0042"},
}


def _given(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of an optional field as it is when it is given."""
    kept = {key: value for key, value in field.items() if key not in ("anyOf", "default", "title")}
    return {**field["anyOf"][0], **kept}


def _body(photo: dict[str, Any]) -> dict[str, Any]:
    """The schema of a classify body in which a photo looks like `photo`."""
    photos = {"type": "array", "items": photo, "minItems": 1, "description": _PHOTOS}
    options = {name: _given(field) for name, field in Options.model_json_schema()["properties"].items()}
    return {
        "type": "object",
        "required": ["photos"],
        "properties": {"photos": photos, **options},
        "additionalProperties": False,
    }


CLASSIFY_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _body(_PHOTO_FILE)},
        "application/json": {"schema": _body(_JSON_PHOTO), "example": _EXAMPLE},
    },
}


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a body that is read by hand, without references: those would lead nowhere in an operation."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined = _inlined(schema, definitions)
    return dict(inlined)


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    target = definitions.get(str(node.get("$ref")).rpartition("/")[2], {})
    kept = {key: value for key, value in node.items() if key != "$ref"}
    return {key: _inlined(value, definitions) for key, value in {**target, **kept}.items()}


def problem_responses(*kinds: Kind, dialect: Dialect = PROBLEM) -> dict[int | str, dict[str, Any]]:
    """The descriptions of the errors that an address may answer with, in the words of its protocol."""
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _response(same, dialect) for status, same in by_status.items()}


def _response(kinds: list[Kind], dialect: Dialect) -> dict[str, Any]:
    content = {
        "schema": dialect.schema,
        "examples": {kind.slug: {"value": dialect.body(_example(kind))} for kind in kinds},
    }
    return {"description": "; ".join(kind.title for kind in kinds), "content": {dialect.media_type: content}}


def _example(kind: Kind) -> dict[str, object]:
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": "…",
        "instance": "0b9f4a6e8c1d4f7ab2d35c6e7f809112",
    }
