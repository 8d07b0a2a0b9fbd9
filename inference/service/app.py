"""The application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI

from inference.service import (
    categories,
    classification,
    docs,
    features,
    feedback,
    health,
    label_studio,
    metrics,
    models,
    oip,
    open311,
    pages,
    problems,
    records,
    statistics,
)
from inference.service.description import complete
from inference.service.desk import Desk
from inference.service.fetching import Fetcher
from inference.service.guards import add_guards
from inference.service.head import HeadAsGet
from inference.service.lingering import LingeringClose
from inference.service.middleware import BodyGuard, RequestLog, SecurityHeaders
from inference.service.openapi import API_DESCRIPTION, TAGS
from inference.service.problem_list import problem_list
from inference.service.runtime import Startup
from inference.settings import ServiceSettings


class _Api(FastAPI):
    """FastAPI, whose description leaves out every null, so that an example of an answer would lack members."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        complete(schema)
        return schema


def create_app(settings: ServiceSettings) -> FastAPI:
    """The service as an ASGI application; it answers probes at once and photos when its model is loaded.

    Args:
        settings: The service's settings.
    """
    app = _Api(
        title="street-patrol",
        version=_version(),
        description=f"{API_DESCRIPTION}\n{problem_list()}",
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    startup = Startup(settings)
    app.state.startup = startup
    app.state.desk = desk = Desk(settings)
    startup.metrics.watch_records(desk)
    app.state.fetcher = Fetcher.of(settings)
    problems.install(app)
    own = (classification, categories, feedback, statistics, records, features, models, health, metrics)
    for module in (*own, open311, oip, label_studio):
        app.include_router(module.router)
    docs.mount(app)
    pages.mount(app)
    app.add_middleware(
        BodyGuard,
        max_bytes=settings.max_body_bytes,
        timeout=settings.body_timeout,
        total_timeout=settings.upload_timeout,
        budget=startup.bodies,
    )
    add_guards(app, settings)
    app.add_middleware(LingeringClose)  # around everything that may refuse a request before its body is read
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog, metrics=startup.metrics)
    app.add_middleware(SecurityHeaders)  # last added, outermost
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    startup: Startup = app.state.startup
    desk: Desk = app.state.desk
    loading = asyncio.gather(startup.load(), desk.open(startup.fail))
    watching = asyncio.create_task(startup.watch_golden())
    try:
        yield
    finally:
        watching.cancel()
        await loading
        await asyncio.to_thread(startup.close)
        await asyncio.to_thread(desk.close)


def _version() -> str:
    try:
        return version("street-patrol")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
