from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from inference.service.app import create_app
from inference.service.runtime import Runtime, Startup
from inference.settings import ServiceSettings
from tests import photos

Open = Callable[..., AbstractContextManager["Client"]]


class Client:
    """The service in this process, spoken to as over HTTP but without a socket."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.app = app
        self._portal = portal
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def start(self, method: str, path: str, **options: Any) -> Future[httpx.Response]:
        """Send a request without waiting for its answer."""
        return self._portal.start_task_soon(partial(self._http.request, method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.start("GET", path, **options).result(60)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.start("POST", path, **options).result(60)

    def classify(self, *files: bytes, **fields: str) -> httpx.Response:
        """Send files as multipart, named photo-0.jpg and so on."""
        parts = [("photos", (f"photo-{index}.jpg", data, "image/jpeg")) for index, data in enumerate(files)]
        return self.post("/v1/classify", files=parts, data=fields)

    def classify_json(self, body: object) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return self.post("/v1/classify", content=json.dumps(body), headers=headers)

    @property
    def startup(self) -> Startup:
        startup = self.app.state.startup
        assert isinstance(startup, Startup)
        return startup

    @property
    def runtime(self) -> Runtime:
        return self.startup.require()

    def wait(self) -> None:
        """Wait until loading has come to an end."""
        for _ in range(600):
            if self.startup.error is not None or self.get("/readyz").status_code == 200:
                return
            self._portal.call(_pause)
        raise TimeoutError("the service was not ready within 30 seconds")

    def close(self) -> None:
        self._portal.call(self._http.aclose)


async def _pause() -> None:
    await anyio.sleep(0.05)


@contextmanager
def _open(*, wait: bool = True, **settings: Any) -> Iterator[Client]:
    app = create_app(ServiceSettings(**{"feedback_database": None, **settings}))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        client = Client(app, portal)
        if wait:
            client.wait()
        yield client
        client.close()


@pytest.fixture(scope="session", autouse=True)
def _no_variables() -> Iterator[None]:
    """What PATROL_* variables the machine has must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().startswith("PATROL_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def open_client() -> Open:
    """Opens a service with settings of its own."""
    return _open


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A service with default settings."""
    with _open() as opened:
        yield opened


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return photos.encode(photos.scene(), "jpeg")


def assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that a response is a problem document of this kind, and return it."""
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:street-patrol:problem:{slug}"
    assert response.status_code == document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    return document


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server in a process of its own, with default settings, ready to answer."""
    from tests.inference.service.test_server import ready_after, serving

    folder = tmp_path_factory.mktemp("server")
    variables = {"PATROL_FEEDBACK_DATABASE": f"sqlite:///{folder / 'feedback.sqlite'}"}
    with serving(folder / "log", **variables) as (server, http):
        ready_after(server, http)
        yield str(http.base_url).rstrip("/")
