"""GET /v1/features."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from inference.api_key import Scope
from inference.service.desk import desk_of

router = APIRouter(tags=["health"])


class FeaturesAnswer(BaseModel):
    """What this service offers to whoever asks."""

    feedback: bool = Field(description="是否保存记录并接受反馈。 Whether records are kept and feedback is taken.")
    keys: bool = Field(description="是否需要密钥。 Whether API keys are required.")
    photo_retention: bool = Field(description="是否留存照片。 Whether photos are kept.")
    scopes: list[str] = Field(
        description="所用密钥的权限；无需密钥时为全部。 Of the key that was sent; all where none is required."
    )


@router.get(
    "/v1/features",
    summary="功能 Features",
    description="服务开启了哪些功能，供页面决定显示什么。\n\nWhat is switched on, so that pages know what to show.",
)
async def features(request: Request, response: Response) -> FeaturesAnswer:
    """Say what is switched on."""
    response.headers["Cache-Control"] = "no-store"
    desk, scopes = desk_of(request), request.scope.get("state", {}).get("scopes")
    return FeaturesAnswer(
        feedback=desk.is_on,
        keys=scopes is not None,
        photo_retention=desk.is_on and desk.settings.keep_photos is not None,
        scopes=sorted(Scope if scopes is None else scopes),
    )
