"""Open311 (GeoReport v2): the categories as services, and suggestions for photos as services, which is our extension.

https://wiki.open311.org/GeoReport_v2/. Only JSON is spoken, and only what a report is prepared with: reports
themselves belong to the issue system.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from inference.categories import Catalogue, Category
from inference.decide import Decision, Verdict
from inference.mappings import Scheme
from inference.service.answers import ClassifyAnswer, PhotoProblem, SuggestionAnswer
from inference.service.classification import answer_case
from inference.service.dialects import GEO_REPORT
from inference.service.openapi import problem_responses
from inference.service.options import read_options, shortened
from inference.service.problems import (
    CASE,
    INVALID_FIELD,
    MALFORMED_MULTIPART,
    NOT_READY,
    UNKNOWN_SCHEME,
    UNKNOWN_SERVICE,
    UNSUPPORTED_MEDIA_TYPE,
    FieldProblem,
    Problem,
    invalid_fields,
)
from inference.service.runtime import Ready
from inference.service.uploads import Submission, check_count, read_form

router = APIRouter(tags=["open311"])

SCHEME: Final = "open311"
MEDIA: Final = "media"
_HOW: Final = f"send multipart/form-data with one file field '{MEDIA}' per photo (curl -F {MEDIA}=@a.jpg)"
_PASSED_OVER: Final = frozenset(
    {"jurisdiction_id", "lat", "long", "address_string", "address_id", "description", "device_id", "account_id"}
    | {"first_name", "last_name", "email", "phone"}
)
"""Fields of a GeoReport request, taken so that a client may send its report as it is; a photo alone is judged."""


class Service(BaseModel):
    """A kind of request that can be reported."""

    service_code: str = Field(examples=["exposed_garbage"])
    service_name: str = Field(examples=["暴露垃圾(含打包垃圾、散落垃圾)"])
    description: str = Field(examples=["exposed garbage / litter"])
    metadata: bool = Field(description="是否有服务定义。 Whether there is a definition to ask for.")
    type: Literal["realtime"] = "realtime"
    keywords: str = Field(description="同义词，逗号分隔。 Other words, comma-separated.", examples=["垃圾,生活垃圾"])
    group: str = Field(description="责任部门。 Who usually handles it.", examples=["环卫"])


class AttributeValue(BaseModel):
    """A value to choose."""

    key: str
    name: str


class Attribute(BaseModel):
    """What else a report of a service may or should say."""

    variable: bool = Field(description="false：仅供阅读，无需填写。 False: only to be read.")
    code: str
    datatype: Literal["string", "singlevaluelist"]
    required: bool
    datatype_description: str | None = None
    order: int
    description: str
    values: list[AttributeValue] = Field(default_factory=list)


class ServiceDefinition(BaseModel):
    """The attributes of a service."""

    service_code: str
    attributes: list[Attribute]


class SuggestedService(Service):
    """A service that the photos probably call for; a person confirms it."""

    probability: float = Field(ge=0, le=1, description="校准后的概率。 Calibrated probability.")
    decision: Decision = Field(description="prefill 可预填，suggest 仅建议。 See POST /v1/classify.")
    photo_indexes: list[int] = Field(description="支持该建议的照片序号。 Photos that show it, from 0.")


class SuggestedPhoto(BaseModel):
    """What came of one photo."""

    index: int
    filename: str
    verdict: Verdict
    error: PhotoProblem | None = Field(description="无法读取的原因。 Why it could not be read.")


class SuggestAnswer(BaseModel):
    """Services for the photos of one report, the likeliest first."""

    request_id: str
    verdict: Verdict
    services: list[SuggestedService] = Field(
        description="可预填者在前，再按概率排列。 Prefills first, then by probability."
    )
    photos: list[SuggestedPhoto]


_Jurisdiction = Annotated[
    str | None,
    Query(max_length=200, description="本服务只有一个辖区，不作区分。 There is one jurisdiction; not looked at."),
]


@router.get(
    "/open311/v2/services.json",
    summary="Open311 服务清单 Open311 service list",
    description="GeoReport v2 服务清单，来自 configs/mappings/open311.csv。\n\n"
    "The service list of GeoReport v2, from configs/mappings/open311.csv.",
    responses=problem_responses(INVALID_FIELD, UNKNOWN_SCHEME, NOT_READY, dialect=GEO_REPORT),
)
async def services(runtime: Ready, jurisdiction_id: _Jurisdiction = None) -> list[Service]:
    """List what can be reported."""
    del jurisdiction_id
    return list(_services(runtime.scheme(SCHEME), runtime.catalogue).values())


@router.get(
    "/open311/v2/services/{service_code}.json",
    summary="Open311 服务定义 Open311 service definition",
    description="某服务的附加属性：大类列出子类，仅部分可见的类别注明照片看不出什么。\n\n"
    "The attributes of a service: a roll-up lists its children, and where a photo shows only the thing and not "
    "the offence, a note says so.",
    responses=problem_responses(INVALID_FIELD, UNKNOWN_SERVICE, UNKNOWN_SCHEME, NOT_READY, dialect=GEO_REPORT),
)
async def definition(
    runtime: Ready,
    service_code: Annotated[str, Path(max_length=200, examples=["garbage"])],
    jurisdiction_id: _Jurisdiction = None,
) -> ServiceDefinition:
    """Say what a report of a service may hold."""
    del jurisdiction_id
    scheme = runtime.scheme(SCHEME)
    members = [each for each in runtime.catalogue.values() if service_code in _codes(scheme, each)]
    if not members:
        detail = f"service_code {shortened(service_code)!r} was not found; services.json lists those there are."
        raise Problem(UNKNOWN_SERVICE, detail)
    attributes = [a for category in members for a in _attributes(category, scheme, runtime.catalogue)]
    numbered = [each.model_copy(update={"order": order}) for order, each in enumerate(attributes, start=1)]
    return ServiceDefinition(service_code=service_code, attributes=numbered)


@router.post(
    "/open311/v2/suggest.json",
    summary="照片 → 服务建议 Photos to suggested services",
    description=f"对 GeoReport 的扩展：上传同一报告的照片（字段 `{MEDIA}`），返回按可能性排列的 `service_code`。"
    "GeoReport 报告的其他字段可原样附带，不参与判断。\n\n"
    f"Our extension of GeoReport: send the photos of one report as `{MEDIA}` files, get the services they probably "
    "call for, each in the shape of the service list and with its probability. Other fields of a GeoReport request "
    "may come along and are not looked at. A photo that cannot be read is reported in `photos`.\n\n"
    f"    curl -F {MEDIA}=@a.jpg http://127.0.0.1:8000/open311/v2/suggest.json",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": [MEDIA],
                        "properties": {
                            MEDIA: {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "string", "format": "binary"},
                                "description": "同一报告的照片。 The photos of one report.",
                            },
                            **{name: {"type": "string"} for name in sorted(_PASSED_OVER)},
                        },
                        "additionalProperties": False,
                    }
                }
            },
        }
    },
    responses=problem_responses(MALFORMED_MULTIPART, UNSUPPORTED_MEDIA_TYPE, *CASE, dialect=GEO_REPORT),
)
async def suggest(request: Request, runtime: Ready) -> SuggestAnswer:
    """Say which services the photos of a report call for."""
    runtime.queue.require_room()
    submission = await _read(request, runtime.settings.max_photos)
    answer = await answer_case(request, runtime, submission)
    return _suggested(answer, _services(runtime.scheme(SCHEME), runtime.catalogue))


async def _read(request: Request, max_photos: int) -> Submission:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        detail = f"The Content-Type is {shortened(content_type)!r}; {_HOW}."
        raise Problem(UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Post": "multipart/form-data"})
    uploads, fields = await read_form(request, MEDIA)
    unknown = [name for name in fields if name not in _PASSED_OVER]
    if unknown:
        raise invalid_fields([FieldProblem(field=shortened(name), detail=_unknown(name)) for name in unknown])
    check_count(len(uploads), max_photos, _HOW)
    return Submission(tuple(uploads), read_options({"scheme": SCHEME}))


def _unknown(name: str) -> str:
    if name == "api_key":
        return "is not read here; send the key as header 'Authorization: Bearer KEY'"
    return f"is not a field of this request; the fields are {MEDIA}, {', '.join(sorted(_PASSED_OVER))}"


def _suggested(answer: ClassifyAnswer, known: dict[str, Service]) -> SuggestAnswer:
    return SuggestAnswer(
        request_id=answer.request_id,
        verdict=answer.verdict,
        services=_ranked(answer.suggestions, known),
        photos=[
            SuggestedPhoto(index=photo.index, filename=photo.filename, verdict=photo.verdict, error=photo.error)
            for photo in answer.photos
        ],
    )


def _ranked(suggestions: Sequence[SuggestionAnswer], known: dict[str, Service]) -> list[SuggestedService]:
    """Each service once, as its strongest category ranks it."""
    ranked: dict[str, SuggestedService] = {}
    for suggestion in suggestions:
        for code in suggestion.codes:
            ranked.setdefault(
                code.code,
                SuggestedService(
                    **known[code.code].model_dump(),
                    probability=suggestion.probability,
                    decision=suggestion.decision,
                    photo_indexes=suggestion.photo_indexes,
                ),
            )
    return list(ranked.values())


def _codes(scheme: Scheme, category: Category) -> list[str]:
    return [] if category.role == "context" else [code.code for code in scheme.codes(category.id)]


def _services(scheme: Scheme, catalogue: Catalogue) -> dict[str, Service]:
    """The services by code, in the catalogue's order; the first category with a code describes it."""
    found: dict[str, Service] = {}
    for category in catalogue.values():
        if category.role == "context":
            continue
        for code in scheme.codes(category.id):
            service = Service(
                service_code=code.code,
                service_name=code.name or category.name_zh,
                description=category.name_en,
                metadata=any(True for _ in _attributes(category, scheme, catalogue)),
                keywords=",".join(category.synonyms),
                group=code.department or category.department,
            )
            found.setdefault(code.code, service)
    return found


def _attributes(category: Category, scheme: Scheme, catalogue: Catalogue) -> Iterator[Attribute]:
    """The attributes of a category: which of its children it is, and what a photo cannot show."""
    choices = [
        AttributeValue(key=code, name=child.name_zh)
        for child in catalogue.children(category.id)
        for code in _codes(scheme, child)[:1]
    ]
    if choices:
        yield Attribute(
            variable=True,
            code="kind",
            datatype="singlevaluelist",
            required=False,
            order=1,
            description="具体类别 Which of these it is",
            values=choices,
        )
    if category.photo_note:
        yield Attribute(
            variable=False,
            code="photo_note",
            datatype="string",
            required=False,
            order=1,
            description=f"照片能看出什么 What a photo shows: {category.photo_note}",
        )
