"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from inference.engine import Provider
from inference.service.answers import ModelAnswer
from inference.service.desk import Desk, desk_of
from inference.service.openapi import problem_responses
from inference.service.problems import NOT_READY, Problem
from inference.service.runtime import Models, Ready

router = APIRouter(tags=["health"])


class LiveAnswer(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class RecordsHealth(BaseModel):
    """Whether records of answers are written."""

    waiting: int = Field(description="尚未写入的条数。 Records not yet written.")
    lost: int = Field(description="丢失的条数。 Records that were lost since the start.")
    photos_lost: int = Field(description="未能留存的照片数。 Photos that were to be kept, and were lost.")
    failing: bool = Field(description="最近一次写入失败，原因见日志。 The last write failed; the log says why.")


class ReadyAnswer(BaseModel):
    """Photos can be classified."""

    status: Literal["ready"] = "ready"
    model: ModelAnswer
    provider: Provider = Field(description="实际使用的推理后端。 What runs the model.")
    refused: list[str] = Field(description="未能使用的后端及原因。 What was tried before, and why it cannot be used.")
    threads: int = Field(description="模型的 CPU 线程数。 CPU threads of the model.")
    records: RecordsHealth | None = Field(
        description="记录写入情况；未开启为 null。写不进去不影响识别。 How the feedback database does; null where it "
        "is off. Photos are classified all the same while it is down."
    )


@router.get(
    "/livez",
    summary="存活 Liveness",
    description="进程有响应即为 200。\n\n200 as soon as the process answers.",
)
async def livez(response: Response) -> LiveAnswer:
    """Answer."""
    response.headers["Cache-Control"] = "no-store"
    return LiveAnswer()


@router.get(
    "/readyz",
    summary="就绪 Readiness",
    description="模型校验并加载完成后为 200，否则 503 及原因；运行中定期复核标准输出，不符时同样为 503。\n\n"
    "200 once the model is loaded and verified, else 503 with the reason; also 503 when the model, checked again "
    "from time to time, does not compute its golden outputs any more.",
    responses=problem_responses(NOT_READY),
)
async def readyz(request: Request, response: Response, runtime: Ready, shelf: Models) -> ReadyAnswer:
    """Say whether photos can be classified, and with what."""
    if shelf.fault is not None:
        raise Problem(NOT_READY, f"The model does not compute what it should any more: {shelf.fault}")
    response.headers["Cache-Control"] = "no-store"
    classifier = runtime.classifier
    return ReadyAnswer(
        model=ModelAnswer.of(classifier.package.description),
        provider=classifier.engine.provider,
        refused=list(classifier.engine.refused),
        threads=classifier.engine.threads,
        records=_records(desk_of(request)),
    )


def _records(desk: Desk) -> RecordsHealth | None:
    if not desk.is_on:
        return None
    return RecordsHealth(
        waiting=desk.waiting, lost=desk.lost, photos_lost=desk.photos_lost, failing=desk.error is not None
    )
