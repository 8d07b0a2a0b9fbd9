"""GET and POST /v1/models: which models there are, and which one answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from inference.service.model_folder import Found, ModelFolder
from inference.service.openapi import problem_responses
from inference.service.problems import (
    AMBIGUOUS_MODEL,
    INVALID_FIELD,
    MALFORMED_JSON,
    MODEL_REFUSED,
    NO_PREVIOUS_MODEL,
    NOT_READY,
    UNKNOWN_MODEL,
)
from inference.service.runtime import Models, Ready
from inference.service.shadow import CategoryTally, Shadow
from inference.service.shelf import Place, Shelf

router = APIRouter(prefix="/v1/models", tags=["models"])

State = Literal["active", "previous", "loading", "failed", "loaded", "available"]
_MOST_REQUESTS: Final = 100_000
_DIGITS: Final = 4


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Version = Annotated[str, Field(min_length=1, max_length=200, description="版本。 Version.", examples=["0.2.0"])]


class LoadBody(_Body):
    """Which package to load; exactly one of the two."""

    version: _Version | None = None
    path: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="模型目录下的相对路径。 Below the folder of models, with forward slashes.",
        examples=["street-patrol-n-0.2.0"],
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.version is None) == (self.path is None):
            raise ValueError("give either version or path")
        return self


class ActivateBody(_Body):
    """Which model shall answer."""

    version: _Version


class RollbackBody(_Body):
    """Nothing."""


class ShadowBody(_Body):
    """Which model to compare, and over how many requests."""

    version: _Version
    requests: int = Field(ge=1, le=_MOST_REQUESTS, description="比较多少个请求。 Requests to compare.", examples=[200])


class LoadableModel(_Answer):
    """A model and what becomes of it."""

    name: str
    version: str | None = Field(description="读不出时为 null。 Null where it cannot be read.")
    data_version: str | None
    path: str | None = Field(description="模型目录下的路径；在别处则为 null。 Below the folder of models, else null.")
    state: State = Field(
        description="active 正在应答，previous 上一个，loaded 已加载，loading 加载中，failed 加载失败，"
        "available 可加载。 Answers; answered before; in memory; being loaded; could not be loaded; can be loaded."
    )
    error: str | None = Field(description="失败原因。 Why it could not be loaded.")
    activated_at: datetime | None = Field(description="最近启用时间。 When it began to answer, the last time.")


class CategoryAgreement(_Answer):
    """How far two models agree on a category; counts are photos."""

    both: int
    only_active: int
    only_shadow: int
    agreement: float = Field(description="both / (both + only_active + only_shadow)")
    same_decision: int = Field(description="两者都建议且级别相同。 Of both, with the same decision.")
    mean_probability_difference: float | None

    @classmethod
    def of(cls, tally: CategoryTally) -> CategoryAgreement:
        """A tally as it is answered."""
        difference = tally.mean_probability_difference
        return cls(
            both=tally.both,
            only_active=tally.only_active,
            only_shadow=tally.only_shadow,
            agreement=round(tally.agreement, _DIGITS),
            same_decision=tally.same_decision,
            mean_probability_difference=None if difference is None else round(difference, _DIGITS),
        )


class ShadowAnswer(_Answer):
    """A comparison of the model that answers with another one."""

    version: str
    state: Literal["running", "done"] = Field(
        description="done 也可能是中途停止：看 compared。 Done, or stopped early: see compared."
    )
    requests: int = Field(description="要比较的请求数。 Requests to compare.")
    compared: int
    passed_over: int = Field(description="来不及比较而跳过的请求。 Requests left out because too many waited.")
    photos: int
    failed: int = Field(description="新模型失败的照片。 Photos that the other model failed on.")
    verdict_agreement: float | None = Field(description="结论相同的比例。 Share of photos with the same verdict.")
    categories: dict[str, CategoryAgreement]

    @classmethod
    def of(cls, shadow: Shadow) -> ShadowAnswer:
        """A comparison as it is answered."""
        found = shadow.snapshot()
        return cls(
            version=shadow.model.version,
            state="running" if shadow.is_running else "done",
            requests=shadow.requests,
            compared=shadow.compared,
            passed_over=shadow.passed_over,
            photos=found.photos,
            failed=found.failed,
            verdict_agreement=round(found.same_verdict / found.photos, _DIGITS) if found.photos else None,
            categories={id_: CategoryAgreement.of(tally) for id_, tally in sorted(found.categories.items())},
        )


class ModelsAnswer(_Answer):
    """All models, and the comparison under way, or the last one."""

    models: list[LoadableModel]
    shadow: ShadowAnswer | None


async def _folder(runtime: Ready) -> ModelFolder:
    return ModelFolder(runtime.settings.models_folder)


Folder = Annotated[ModelFolder, Depends(_folder)]


_CHANGE_PROBLEMS: Final = problem_responses(
    MALFORMED_JSON, UNKNOWN_MODEL, AMBIGUOUS_MODEL, MODEL_REFUSED, INVALID_FIELD, NOT_READY
)


@router.get(
    "",
    summary="模型 Models",
    description="正在应答的模型、上一个、已加载的和目录中可加载的。\n\n"
    "The model that answers, the one before, loaded ones, and those in the folder of models.",
    responses=problem_responses(NOT_READY),
)
def models(shelf: Models, folder: Folder) -> ModelsAnswer:
    """List them."""
    shadow = None if shelf.shadow is None else ShadowAnswer.of(shelf.shadow)
    return ModelsAnswer(models=list(_listed(shelf, folder)), shadow=shadow)


@router.post(
    "/load",
    summary="加载模型 Load a model",
    description="在应答的同时加载模型，核对文件摘要与标准输出并预热；失败时正在应答的模型不受影响。\n\n"
    "Loads a model beside the one that answers, checks hashes and golden outputs, and warms it. If that fails, "
    "nothing changes.",
    responses=_CHANGE_PROBLEMS,
)
async def load(body: LoadBody, shelf: Models, folder: Folder) -> LoadableModel:
    """Load one."""
    path = folder.at(body.path) if body.path is not None else folder.of_version(body.version or "")
    return _answer(await shelf.load(path), shelf, folder)


@router.post(
    "/activate",
    summary="启用模型 Switch to a model",
    description="之后的请求由该模型应答，正在处理的请求仍由原模型完成；尚未加载时先加载。原模型保留，可立即回退。\n\n"
    "Requests from now on are answered by it; those at work are finished by the model they began with. It is loaded "
    "first where it is not. The one before is kept for rolling back.",
    responses=_CHANGE_PROBLEMS,
)
async def activate(body: ActivateBody, shelf: Models, folder: Folder) -> LoadableModel:
    """Switch to one."""
    place = await shelf.activate(_wanted(body.version, shelf, folder))
    return _answer(place, shelf, folder)


@router.post(
    "/rollback",
    summary="回退模型 Go back to the model before",
    description="立即换回上一个模型；再次回退则换回来。\n\nAt once; going back again undoes it.",
    responses=problem_responses(MALFORMED_JSON, NO_PREVIOUS_MODEL, MODEL_REFUSED, INVALID_FIELD, NOT_READY),
)
async def rollback(shelf: Models, folder: Folder, _: RollbackBody | None = None) -> LoadableModel:
    """Go back."""
    return _answer(await shelf.roll_back(), shelf, folder)


@router.post(
    "/shadow",
    summary="比较模型 Compare a model",
    description="之后若干个请求在应答后再由该模型判断一次，逐类统计一致程度；不影响应答。结果见 GET /v1/models。\n\n"
    "The next requests are judged again by it after they were answered, and agreement is counted per category. "
    "Answers stay the same. GET /v1/models tells what came of it.",
    responses=_CHANGE_PROBLEMS,
)
async def shadow(body: ShadowBody, shelf: Models, folder: Folder) -> ShadowAnswer:
    """Compare one."""
    return ShadowAnswer.of(await shelf.try_out(_wanted(body.version, shelf, folder), body.requests))


def _wanted(version: str, shelf: Shelf, folder: ModelFolder) -> Place | Path:
    return shelf.find(version) or folder.of_version(version)


def _listed(shelf: Shelf, folder: ModelFolder) -> Iterator[LoadableModel]:
    yield from (_answer(place, shelf, folder) for place in shelf.places())
    on_shelf = [place.description for place in shelf.places()]
    for found in folder.packages():
        if found.description not in on_shelf:
            yield _available(found, shelf, folder.at(found.path))


def _answer(place: Place, shelf: Shelf, folder: ModelFolder) -> LoadableModel:
    description = place.description
    return LoadableModel(
        name=description.name,
        version=description.version,
        data_version=description.data.version,
        path=folder.name_of(place.folder),
        state="active" if place is shelf.active else "previous" if place is shelf.previous else "loaded",
        error=None,
        activated_at=place.activated_at,
    )


def _available(found: Found, shelf: Shelf, path: Path) -> LoadableModel:
    if isinstance(found.description, str):
        return LoadableModel(
            name=found.path,
            version=None,
            data_version=None,
            path=found.path,
            state="failed",
            error=found.description,
            activated_at=None,
        )
    error = shelf.failed.get(path)
    state: State = "loading" if path == shelf.loading else "available" if error is None else "failed"
    return LoadableModel(
        name=found.description.name,
        version=found.description.version,
        data_version=found.description.data.version,
        path=found.path,
        state=state,
        error=error,
        activated_at=None,
    )
