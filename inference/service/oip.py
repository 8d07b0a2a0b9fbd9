"""The Open Inference Protocol, version 2: the photo path and the bare model, as clients of KServe and Triton call them.

Two models are served. The one named like the package takes encoded photos and answers as POST /v1/classify does. The
one with `-tensor` behind its name takes the model's own input and gives its raw output, for whoever decodes and
decides elsewhere.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Final

import numpy as np
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from inference.engine import EngineError
from inference.service.answers import ClassifyAnswer
from inference.service.classification import answer_case
from inference.service.compression import deflated, inflated, wanted_encoding
from inference.service.dialects import INFERENCE
from inference.service.oip_models import (
    IMAGES,
    PHOTOS,
    InferAnswer,
    ModelMetadata,
    ModelReady,
    Served,
    ServerAnswer,
    ServerLive,
    ServerReady,
)
from inference.service.oip_tensors import (
    HEADER_LENGTH,
    InferRequest,
    Received,
    Tensor,
    invalid,
    packed,
    receive,
    select,
)
from inference.service.openapi import inlined_schema, problem_responses
from inference.service.options import Options, read_options
from inference.service.problems import (
    CASE,
    INTERNAL_ERROR,
    INVALID_FIELD,
    INVALID_TENSOR,
    MALFORMED_COMPRESSION,
    MALFORMED_JSON,
    NOT_READY,
    UNKNOWN_MODEL,
    UNSUPPORTED_ENCODING,
    Problem,
)
from inference.service.record import record_of
from inference.service.runtime import Ready, Runtime
from inference.service.uploads import Submission, Upload, check_count

router = APIRouter(tags=["open-inference-protocol"])

_HOW: Final = f"put encoded photos into the BYTES tensor '{PHOTOS}'"
_MAX_LEVEL: Final = 255  # of a pixel; the recipe scales it
_ERRORS: Final = problem_responses(INVALID_FIELD, UNKNOWN_MODEL, NOT_READY, dialect=INFERENCE)
_INFER_ERRORS: Final = problem_responses(
    MALFORMED_JSON,
    MALFORMED_COMPRESSION,
    UNKNOWN_MODEL,
    UNSUPPORTED_ENCODING,
    INVALID_TENSOR,
    *CASE,
    dialect=INFERENCE,
)

_Model = Annotated[str, Path(max_length=200, description="模型名。 The model's name.", examples=["street-patrol-n"])]
_Version = Annotated[str, Path(max_length=200, description="模型版本。 The model's version.", examples=["0.1.0"])]


@router.get(
    "/v2",
    summary="服务信息 Server metadata",
    description="开放推理协议：服务名称、版本与支持的扩展。\n\n"
    "Open Inference Protocol: the server's name, version and extensions.",
)
async def server(request: Request) -> ServerAnswer:
    """Say what this is."""
    return ServerAnswer(version=request.app.version)


@router.get(
    "/v2/health/live",
    summary="存活 Liveness",
    description="进程有响应即为 200。\n\n200 as soon as the process answers.",
)
async def live() -> ServerLive:
    """Answer."""
    return ServerLive()


@router.get(
    "/v2/health/ready",
    summary="就绪 Readiness",
    description="模型校验并加载完成后为 200，否则 503。\n\n200 once the model is loaded and verified, else 503.",
    responses=problem_responses(NOT_READY, dialect=INFERENCE),
)
async def ready(runtime: Ready) -> ServerReady:
    """Say whether photos can be judged."""
    del runtime
    return ServerReady()


_METADATA_TEXT: Final = (
    "模型的输入与输出。照片模型的输入是编码后的照片（JPEG、PNG 等），`-tensor` 模型的输入是预处理后的张量。\n\n"
    "What a model takes and gives: the photo model encoded photos (JPEG, PNG, ...), the `-tensor` model its own "
    "input tensor (RGB, letterboxed, scaled to 0..1)."
)
_READY_TEXT: Final = "模型已加载则为 200，否则 404 或 503。\n\n200 if the model is loaded, else 404 or 503."


@router.get("/v2/models/{model}", summary="模型信息 Model metadata", description=_METADATA_TEXT, responses=_ERRORS)
async def metadata(runtime: Ready, model: _Model) -> ModelMetadata:
    """Say what a model takes and gives."""
    return Served.find(runtime, model, None).metadata()


@router.get(
    "/v2/models/{model}/versions/{version}",
    summary="某版本模型信息 Metadata of a version",
    description=_METADATA_TEXT,
    responses=_ERRORS,
)
async def version_metadata(runtime: Ready, model: _Model, version: _Version) -> ModelMetadata:
    """Say what a version of a model takes and gives."""
    return Served.find(runtime, model, version).metadata()


@router.get("/v2/models/{model}/ready", summary="模型就绪 Model readiness", description=_READY_TEXT, responses=_ERRORS)
async def model_ready(runtime: Ready, model: _Model) -> ModelReady:
    """Say whether a model is loaded."""
    return ModelReady(name=Served.find(runtime, model, None).name)


@router.get(
    "/v2/models/{model}/versions/{version}/ready",
    summary="某版本模型就绪 Readiness of a version",
    description=_READY_TEXT,
    responses=_ERRORS,
)
async def version_ready(runtime: Ready, model: _Model, version: _Version) -> ModelReady:
    """Say whether a version of a model is loaded."""
    return ModelReady(name=Served.find(runtime, model, version).name)


_INFER_TEXT: Final = """\
照片模型：输入 `photos`（BYTES，编码后的照片；JSON 中为 base64），输出 `boxes`、`scores`、`categories`、
`photo_indexes` 和 `answer`（与 /v1/classify 相同的 JSON）。`parameters` 可带 /v1/classify 的选项（如
`scheme`、`min_score`）。支持二进制张量扩展与 gzip/deflate 压缩。

The photo model takes `photos` (BYTES: encoded photos; base64 in JSON) and gives `boxes` ((x1, y1, x2, y2) in pixels
of the upright photo), `scores`, `categories`, `photo_indexes` (which photo each box is on), and `answer`, the JSON
document of POST /v1/classify. Its options, such as `scheme` and `min_score`, go into `parameters`. The `-tensor`
model takes `images` and gives the raw output. Binary tensor data, and bodies in gzip or deflate, are understood.
"""
_INFER_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": inlined_schema(InferRequest),
            "example": {
                "inputs": [{"name": PHOTOS, "shape": [1], "datatype": "BYTES", "data": ["/9j/4AAQSkZJRgABAQ…"]}],
                "outputs": [{"name": "answer"}],
                "parameters": {"scheme": "open311"},
            },
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}


@router.post(
    "/v2/models/{model}/infer",
    summary="推理 Infer",
    description=_INFER_TEXT,
    openapi_extra={"requestBody": _INFER_BODY},
    response_model=InferAnswer,
    responses=_INFER_ERRORS,
)
async def infer(request: Request, runtime: Ready, model: _Model) -> Response:
    """Ask a model."""
    return await _infer(request, runtime, Served.find(runtime, model, None))


@router.post(
    "/v2/models/{model}/versions/{version}/infer",
    summary="某版本推理 Infer with a version",
    description=_INFER_TEXT,
    openapi_extra={"requestBody": _INFER_BODY},
    response_model=InferAnswer,
    responses=_INFER_ERRORS,
)
async def version_infer(request: Request, runtime: Ready, model: _Model, version: _Version) -> Response:
    """Ask a version of a model."""
    return await _infer(request, runtime, Served.find(runtime, model, version))


async def _infer(request: Request, runtime: Runtime, served: Served) -> Response:
    runtime.queue.require_room()
    received = await _receive(request, runtime, served)
    outputs = await (_run if served.is_raw else _judge)(request, runtime, received)
    chosen = select(outputs, received.request)
    head = {"model_name": served.name, "model_version": served.version, "id": received.request.id}
    told = {key: value for key, value in head.items() if value is not None}
    accept = request.headers.get("accept-encoding", "")
    return await asyncio.to_thread(lambda: _response(*packed(told, chosen), accept))


async def _receive(request: Request, runtime: Runtime, served: Served) -> Received:
    encoding, length = request.headers.get("content-encoding", ""), request.headers.get(HEADER_LENGTH)
    most, values = runtime.settings.max_body_bytes, served.max_values(runtime)
    body = await request.body()
    return await asyncio.to_thread(lambda: receive(inflated(body, encoding, most), length, values))


def _response(body: bytes, header_length: int | None, accept: str) -> Response:
    headers = {} if header_length is None else {HEADER_LENGTH: str(header_length)}
    encoding = wanted_encoding(accept)
    if encoding is not None:
        body, headers["Content-Encoding"] = deflated(body, encoding), encoding
    media_type = "application/json" if header_length is None else "application/octet-stream"
    return Response(body, headers={**headers, "Vary": "Accept-Encoding"}, media_type=media_type)


async def _judge(request: Request, runtime: Runtime, received: Received) -> list[Tensor]:
    photos = await asyncio.to_thread(received.photos, PHOTOS)
    check_count(len(photos), runtime.settings.max_photos, _HOW)
    options = _options(received.request)
    submission = Submission(tuple(Upload("", photo) for photo in photos), options)
    answer = await answer_case(request, runtime, submission)
    return _tensors(answer)


def _options(request: InferRequest) -> Options:
    """The options among a request's parameters; others are the protocol's own, or a client's."""
    return read_options({name: value for name, value in request.parameters.items() if name in Options.model_fields})


def _tensors(answer: ClassifyAnswer) -> list[Tensor]:
    rows = [(photo.index, detection) for photo in answer.photos for detection in photo.detections]
    boxes = np.array([detection.box for _, detection in rows], np.float32).reshape(-1, 4)
    return [
        Tensor("boxes", boxes),
        Tensor("scores", np.array([detection.score for _, detection in rows], np.float32)),
        Tensor("categories", [detection.category.encode() for _, detection in rows]),
        Tensor("photo_indexes", np.array([index for index, _ in rows], np.int32)),
        Tensor("answer", [answer.model_dump_json(exclude_unset=True).encode()]),
    ]


async def _run(request: Request, runtime: Runtime, received: Received) -> list[Tensor]:
    classifier = runtime.classifier
    engine = classifier.engine
    images = await asyncio.to_thread(received.numbers, IMAGES, engine.input_shape)
    highest = np.float32(_MAX_LEVEL * classifier.package.description.input.scale)
    if not ((images >= 0) & (images <= highest)).all():
        raise invalid(f"'{IMAGES}' holds values outside 0 to {highest:g}; divide pixels as the model's recipe says")
    try:
        (raw,) = await runtime.queue.run([partial(engine.run, images)], record_of(request.scope))
    except EngineError as error:
        raise Problem(INTERNAL_ERROR, f"{error}.") from error
    outputs = [Tensor("candidates", raw.candidates[None])]
    return outputs if raw.embedding is None else [*outputs, Tensor("embedding", raw.embedding[None])]
