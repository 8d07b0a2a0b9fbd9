"""A machine learning backend of Label Studio: photos arrive in its tasks with boxes and tags already drawn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.service.answers import Judgement, PhotoProblem, classify_answer
from inference.service.desk import desk_of
from inference.service.failure import Failure
from inference.service.judging import judge_all
from inference.service.label_studio_config import Interface, read_interface
from inference.service.label_studio_feedback import keep
from inference.service.label_studio_photos import PhotoSource, UnreachablePhoto
from inference.service.label_studio_results import Result, results_of
from inference.service.label_studio_webhook import (
    ACTIONS,
    external_id,
    read_annotation,
)
from inference.service.openapi import inlined_schema, problem_responses
from inference.service.options import read_options, shortened
from inference.service.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    CASE,
    INVALID_LABEL_CONFIG,
    MALFORMED_JSON,
    NO_READABLE_PHOTO,
    NOT_READY,
    UNREACHABLE_PHOTO,
    Problem,
)
from inference.service.record import RequestRecord, record_of
from inference.service.runtime import Ready, Runtime
from inference.service.uploads import Submission, Upload

router = APIRouter(tags=["label-studio"])

_MAX_COMMAS: Final = 1_000_000
"""Of a body: 100 tasks with all their annotations have some ten thousand."""
_MAX_TASKS: Final = 1000
_BODY_ERRORS: Final = problem_responses(MALFORMED_JSON, BODY_TIMEOUT, BODY_TOO_LARGE, INVALID_LABEL_CONFIG, NOT_READY)


_Model = TypeVar("_Model", bound=BaseModel)


class _Told(BaseModel):
    """What Label Studio sends; members not looked at are passed over, because other versions send others."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class SetupRequest(_Told):
    """A project wants to use the backend."""

    project: str = Field(examples=["1.1766543210"])
    label_config: str = Field(alias="schema", description="标注界面 XML。 The project's labelling interface.")


_Id = int | Annotated[str, Field(max_length=80)] | None


class Task(_Told):
    """A task."""

    id: _Id = None
    data: dict[str, Any] = Field(examples=[{"image": "/data/local-files/?d=2026-05/a.jpg"}])


class PredictRequest(_Told):
    """Tasks to be judged."""

    tasks: list[Task] = Field(max_length=_MAX_TASKS)
    label_config: str = Field(
        examples=[
            '<View><Image name="photo" value="$image"/><RectangleLabels name="box" toName="photo">'
            '<Label value="暴露垃圾"/><Label value="垃圾满溢"/></RectangleLabels></View>'
        ]
    )
    project: _Id = None
    model_version: str | None = Field(None, description="不作区分。 Not looked at: the loaded model answers.")


class _Annotated(_Told):
    id: int | str | None = None
    result: list[Any] = Field(default_factory=list)
    was_cancelled: bool = False


class _Project(_Told):
    id: int | Annotated[str, Field(max_length=80)]
    label_config: str


class WebhookRequest(_Told):
    """Something happened in a project."""

    action: str = Field(examples=["ANNOTATION_CREATED"])
    project: _Project | None = None
    task: Task | None = None
    annotation: _Annotated | None = None


class HealthAnswer(BaseModel):
    """The backend answers."""

    status: Literal["UP"] = "UP"
    model_class: str = "street-patrol"


class SetupAnswer(BaseModel):
    """The backend can serve the project."""

    model_version: str = Field(examples=["street-patrol-n 0.1.0"])
    unknown_labels: list[str] = Field(description="无法对应到类别的标签。 Labels that are no category.")


class Prediction(BaseModel):
    """What the model says about a task's photo."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: str
    score: float = Field(description="最没把握的一项。 Of its least sure result; 0 without any.")
    result: list[dict[str, Any]] = Field(
        description="rectanglelabels（百分比坐标）与 choices。 Boxes in percent, and choices."
    )
    error: PhotoProblem | None = Field(None, description="无法判断的原因。 Why the photo could not be judged.")


class PredictAnswer(BaseModel):
    """Predictions, one for each task, in their order."""

    results: list[Prediction]


class WebhookAnswer(BaseModel):
    """What came of an event."""

    status: Literal["ok"] = "ok"
    stored: bool = Field(description="是否记为反馈。 Whether it was kept as feedback.")
    detail: str
    categories: list[str] = Field(description="读出的类别。 What was read from it.")


@router.get(
    "/label-studio/health",
    summary="Label Studio 后端状态 Backend health",
    description="模型就绪则为 200。在 Label Studio 中把本服务的 `/label-studio` 地址填为 ML backend。\n\n"
    "200 once the model is ready. In Label Studio, add this service's address with `/label-studio` as ML backend.",
    responses=problem_responses(NOT_READY),
)
async def health(runtime: Ready) -> HealthAnswer:
    """Say that the backend is up."""
    del runtime
    return HealthAnswer()


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined_schema(model)}}}}


@router.post(
    "/label-studio/setup",
    summary="接入标注项目 Set up a project",
    description="读取项目的标注界面，按标识、中英文名称或同义词对应类别；返回模型版本与未能对应的标签。\n\n"
    "Reads a project's labelling interface and matches its labels to categories by id, Chinese or English name, or "
    "synonym; answers with the model's version and the labels that match none.",
    openapi_extra=_body_of(SetupRequest),
    responses=_BODY_ERRORS,
)
async def setup(request: Request, runtime: Ready) -> SetupAnswer:
    """Look at a project's interface."""
    asked = await _read(request, SetupRequest)
    interface = read_interface(asked.label_config, runtime.catalogue)
    return SetupAnswer(model_version=_version(runtime), unknown_labels=list(interface.unknown))


@router.post(
    "/label-studio/predict",
    summary="预标注 Pre-annotate tasks",
    description="照片可为 data: 地址、本地存储（须设置 label_studio_files）或允许抓取的网址。个别照片失败时写在该项的 "
    "`error` 中；全部失败则返回 422，以免被当作“无问题”。\n\n"
    "Photos may be data: addresses, files of the local storage (set label_studio_files) or web addresses that may be "
    "fetched. A photo that cannot be judged has its `error`; if none can, the request fails (422), so that it does "
    "not pass for photos that show nothing.",
    openapi_extra=_body_of(PredictRequest),
    response_model_exclude_unset=True,
    responses=problem_responses(MALFORMED_JSON, INVALID_LABEL_CONFIG, *CASE),
)
async def predict(request: Request, runtime: Ready) -> PredictAnswer:
    """Judge the photos of tasks."""
    runtime.queue.require_room()
    asked = await _read(request, PredictRequest)
    interface = read_interface(asked.label_config, runtime.catalogue)
    source = _source(request, runtime)
    record = record_of(request.scope)
    predictions: list[Prediction] = []
    for tasks in _batches(asked.tasks, runtime.settings.max_photos):
        judged = await _judged(tasks, interface, source, runtime, record)
        _note(request, runtime, asked.project, zip(tasks, judged, strict=True))
        predictions += [_prediction(outcome, interface, runtime) for _, outcome in judged]
    _require_one(predictions)
    return PredictAnswer(results=predictions)


@router.post(
    "/label-studio/webhook",
    summary="标注事件 Annotation events",
    description="标注新建或修改时，把确认的类别与框记为反馈（启用反馈存储时）；其他事件只作应答。\n\n"
    "When an annotation is created or updated, its categories and boxes are kept as feedback where the feedback store "
    "takes them; other events are only acknowledged.",
    openapi_extra=_body_of(WebhookRequest),
    responses=_BODY_ERRORS,
)
async def webhook(request: Request, runtime: Ready) -> WebhookAnswer:
    """Take what a labeller confirmed."""
    event = await _read(request, WebhookRequest)
    if event.action not in ACTIONS or event.annotation is None or event.project is None or event.task is None:
        return WebhookAnswer(stored=False, detail=f"Nothing to do for {shortened(event.action)}.", categories=[])
    if event.annotation.was_cancelled:
        return WebhookAnswer(stored=False, detail="The annotation was skipped by its labeller.", categories=[])
    interface = read_interface(event.project.label_config, runtime.catalogue)
    task_name = external_id(event.project.id, event.task.id)
    annotation = read_annotation(task_name, event.annotation.result, interface)
    why_not = await keep(desk_of(request), annotation, runtime.catalogue)
    return WebhookAnswer(
        stored=why_not is None, detail=why_not or "Kept as feedback.", categories=list(annotation.categories)
    )


async def _read(request: Request, model: type[_Model]) -> _Model:
    body = await request.body()
    return await asyncio.to_thread(_parsed, body, model)


def _parsed(body: bytes, model: type[_Model]) -> _Model:
    commas = body.count(b",")
    if commas > _MAX_COMMAS:  # before they become objects many times their size
        detail = f"The body has {commas:,} commas, over the {_MAX_COMMAS:,} taken; send fewer tasks."
        raise Problem(MALFORMED_JSON, detail)
    try:
        return model.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Problem(MALFORMED_JSON, f"{where}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise Problem(MALFORMED_JSON, f"The body is not valid JSON: {error}.") from error


def _version(runtime: Runtime) -> str:
    description = runtime.classifier.package.description
    return f"{description.name} {description.version}"


def _source(request: Request, runtime: Runtime) -> PhotoSource:
    settings = runtime.settings
    fetcher = getattr(request.app.state, "fetcher", None)
    budget = None if fetcher is None else fetcher.budget()
    return PhotoSource(settings.label_studio_files, settings.max_photo_bytes, fetcher, budget)


def _batches(tasks: Sequence[Task], size: int) -> Iterator[Sequence[Task]]:
    """As many tasks at a time as a request may have photos, so that no more files are in memory."""
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]


async def _judged(
    tasks: Sequence[Task], interface: Interface, source: PhotoSource, runtime: Runtime, record: RequestRecord
) -> list[tuple[Upload, Judgement | PhotoProblem]]:
    """The photo of each task, and what came of it."""
    photos = await asyncio.gather(*(_photo(task, interface, source) for task in tasks))
    uploads = [Upload("", b"" if isinstance(photo, PhotoProblem) else photo) for photo in photos]
    there = [upload for upload, photo in zip(uploads, photos, strict=True) if not isinstance(photo, PhotoProblem)]
    record.photos += len(tasks)
    found = iter(await judge_all(runtime, there, runtime.settings.label_studio_min_score, record))
    outcomes = [photo if isinstance(photo, PhotoProblem) else next(found) for photo in photos]
    return list(zip(uploads, outcomes, strict=True))


def _note(
    request: Request,
    runtime: Runtime,
    project: str | int | None,
    judged: Iterable[tuple[Task, tuple[Upload, Judgement | PhotoProblem]]],
) -> None:
    """Keep a record of each task that was answered, so that what its labeller confirms finds it."""
    desk, record = desk_of(request), record_of(request.scope)
    floor = runtime.classifier.package.description.nms.score_floor
    for task, (upload, outcome) in judged:
        if not desk.is_on or isinstance(outcome, PhotoProblem) or outcome.result is None:
            continue
        options = read_options({"external_id": external_id(project, task.id)})
        answer = classify_answer(record.request_id, [outcome], runtime.classifier, runtime.scheme(None), options)
        desk.note(answer, Submission((upload,), options), record.elapsed, floor)


async def _photo(task: Task, interface: Interface, source: PhotoSource) -> bytes | Failure | PhotoProblem:
    if interface.key not in task.data:
        return _unreachable(f"the task has no {shortened(interface.key)!r}, which the labelling interface shows")
    try:
        return await source.read(task.data[interface.key])
    except UnreachablePhoto as error:
        return _unreachable(str(error))


def _unreachable(detail: str) -> PhotoProblem:
    return PhotoProblem(type=UNREACHABLE_PHOTO.type, title=UNREACHABLE_PHOTO.title, detail=detail)


def _prediction(outcome: Judgement | PhotoProblem, interface: Interface, runtime: Runtime) -> Prediction:
    version = _version(runtime)
    if isinstance(outcome, PhotoProblem):
        return Prediction(model_version=version, score=0.0, result=[], error=outcome)
    if isinstance(outcome.outcome, Failure):
        problem = PhotoProblem.model_validate(outcome.outcome.told())
        return Prediction(model_version=version, score=0.0, result=[], error=problem)
    found: list[Result] = results_of(outcome.outcome, interface, runtime.catalogue)
    least = min((each["score"] for each in found), default=0.0)
    return Prediction.model_validate({"model_version": version, "score": least, "result": found})  # without `error`


def _require_one(predictions: Sequence[Prediction]) -> None:
    """Refuse tasks of which none could be judged: Label Studio would take the empty results for answers.

    Raises:
        Problem: None could.
    """
    errors = [each.error for each in predictions if each.error is not None]
    if errors and len(errors) == len(predictions):
        reasons = "; ".join(f"task {index}: {error.detail}" for index, error in enumerate(errors))
        raise Problem(NO_READABLE_PHOTO, f"No photo of the tasks could be judged: {reasons}.")
