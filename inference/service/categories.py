"""GET /v1/categories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from inference.categories import Category, Role, Tier
from inference.decide import Decision
from inference.mappings import Scheme
from inference.package import CategoryDecision
from inference.service.answers import CodeAnswer, ModelAnswer
from inference.service.openapi import problem_responses
from inference.service.problems import NOT_READY, UNKNOWN_SCHEME
from inference.service.runtime import Ready, Runtime

router = APIRouter(tags=["categories"])


class CategoryModelAnswer(BaseModel):
    """What the loaded model can do with a category."""

    trained: bool = Field(
        description="模型是否认识该类（大类：其任一子类）。 Whether the model knows it, or a child of it."
    )
    left_out: str | None = Field(description="未训练的原因。 Why it was not trained.")
    decision: Decision | None = Field(
        description="最高可达的级别；null 从不建议。 The firmest it can say; null: nothing."
    )
    suggest_from: float | None = Field(description="建议的概率阈值。 Probability from which it is suggested.")
    prefill_from: float | None = Field(description="预填的概率阈值。 Probability from which it is pre-filled.")
    demoted: str | None = Field(description="不预填的原因。 Why it is not pre-filled.")


class CategoryAnswer(BaseModel):
    """A category."""

    id: str
    name_zh: str
    name_en: str
    role: Role = Field(description="problem 问题，parent 大类，context 环境物体。")
    tier: Tier | None
    parent: str | None
    department: str
    synonyms: list[str]
    codes: list[CodeAnswer]
    model: CategoryModelAnswer


class CategoriesAnswer(BaseModel):
    """All categories, with their codes in one scheme."""

    model: ModelAnswer
    scheme: str
    schemes: list[str]
    categories: list[CategoryAnswer]


@router.get(
    "/v1/categories",
    summary="类别与编码 Categories and their codes",
    description="全部类别、所选方案的编码，以及当前模型对每一类能做到什么。\n\n"
    "All categories, their codes in the chosen scheme, and what the loaded model can do with each.",
    responses=problem_responses(UNKNOWN_SCHEME, NOT_READY),
)
async def categories(
    runtime: Ready,
    scheme: Annotated[str | None, Query(description="编码方案；缺省用默认方案。 Code scheme.", max_length=200)] = None,
) -> CategoriesAnswer:
    """Say what there is to suggest."""
    chosen = runtime.scheme(scheme)
    return CategoriesAnswer(
        model=ModelAnswer.of(runtime.classifier.package.description),
        scheme=chosen.name,
        schemes=list(runtime.schemes),
        categories=[_answer(category, chosen, runtime) for category in runtime.catalogue.values()],
    )


def _answer(category: Category, scheme: Scheme, runtime: Runtime) -> CategoryAnswer:
    return CategoryAnswer(
        id=category.id,
        name_zh=category.name_zh,
        name_en=category.name_en,
        role=category.role,
        tier=category.tier,
        parent=category.parent,
        department=scheme.department(category.id),
        synonyms=list(category.synonyms),
        codes=CodeAnswer.all_of(scheme, category.id),
        model=_ability(category, runtime),
    )


def _ability(category: Category, runtime: Runtime) -> CategoryModelAnswer:
    description = runtime.classifier.package.description
    family = {category.id, *(child.id for child in runtime.catalogue.children(category.id))}
    rule = description.decisions.get(category.id)
    is_suggested = rule is not None and category.role != "context"
    return CategoryModelAnswer(
        trained=not family.isdisjoint(description.categories),
        left_out=description.left_out.get(category.id),
        decision=_firmest(rule) if rule is not None and is_suggested else None,
        suggest_from=rule.suggest if rule is not None and is_suggested else None,
        prefill_from=rule.prefill if rule is not None and is_suggested else None,
        demoted=rule.demoted if rule is not None and is_suggested else None,
    )


def _firmest(rule: CategoryDecision) -> Decision | None:
    if rule.prefill is not None:
        return "prefill"
    return None if rule.suggest is None else "suggest"
