from __future__ import annotations

import asyncio
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from inference.client import AsyncClient, Case, Client, ConnectionFailed, Retries, ServiceError, answers
from inference.service import answers as service_answers
from inference.service import categories as service_categories
from inference.service.openapi import CLASSIFY_ANSWER

ROOT = Path(__file__).resolve().parents[3]
BASE = "http://patrol:8000"
FAST = Retries(attempts=3, first_wait=0.0)
PROBLEM = {
    "type": "urn:street-patrol:problem:queue-full",
    "title": "The service is busy",
    "status": 429,
    "detail": "try again",
    "instance": "abc",
    "waiting": 7,
}


class Service:
    """Stands in for the service: answers in turn, the last for good, and remembers what it was asked."""

    def __init__(self, *turns: httpx.Response | Exception) -> None:
        self._turns = list(turns)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn.status_code, headers=turn.headers, content=turn.content)

    def client(self, retries: Retries = FAST, **options: Any) -> Client:
        return Client(BASE, retries=retries, transport=httpx.MockTransport(self), **options)


def answered() -> httpx.Response:
    return httpx.Response(200, json=CLASSIFY_ANSWER)


def busy(**headers: str) -> httpx.Response:
    return httpx.Response(429, json=PROBLEM, headers=headers)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr("inference.client.synchronous.time.sleep", found.append)
    return found


def test_it_needs_neither_a_framework_nor_a_model() -> None:
    program = (
        "import sys, inference.client; "
        "heavy = {'fastapi', 'torch', 'onnxruntime', 'cv2', 'numpy'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


class TestAnswers:
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            (answers.ClassifyAnswer, service_answers.ClassifyAnswer),
            (answers.PhotoAnswer, service_answers.PhotoAnswer),
            (answers.Suggestion, service_answers.SuggestionAnswer),
            (answers.Detection, service_answers.DetectionAnswer),
            (answers.Code, service_answers.CodeAnswer),
            (answers.Model, service_answers.ModelAnswer),
            (answers.PhotoProblem, service_answers.PhotoProblem),
            (answers.CategoriesAnswer, service_categories.CategoriesAnswer),
            (answers.Category, service_categories.CategoryAnswer),
            (answers.CategoryModel, service_categories.CategoryModelAnswer),
        ],
    )
    def test_they_have_every_member_that_the_service_sends(
        self, ours: type[BaseModel], theirs: type[BaseModel]
    ) -> None:
        assert list(ours.model_fields) == list(theirs.model_fields)

    def test_a_newer_service_may_say_more(self) -> None:
        answer = answers.ClassifyAnswer.model_validate({**CLASSIFY_ANSWER, "new": 1})
        assert [each.category for each in answer.prefills] == ["exposed_garbage"]
        with pytest.raises(ValueError, match="frozen"):
            answer.verdict = "issue"


class TestPhotos:
    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (lambda path: path, "街道.jpg"),
            (str, "街道.jpg"),
            (lambda path: path.read_bytes(), "photo"),
            (lambda path: io.BytesIO(path.read_bytes()), "photo"),
        ],
    )
    def test_however_they_are_given(self, tmp_path: Path, make: Callable[[Path], Any], name: str) -> None:
        path = tmp_path / "街道.jpg"
        path.write_bytes(b"\xff\xd8picture")
        service = Service(answered())
        with service.client(key="secret") as client:
            client.classify([make(path), b"second"], external_id="7", min_score=0.1, scheme=None)
        (request,) = service.requests
        body = request.content.decode("utf-8", "replace")
        assert f'filename="{name}"' in body
        assert body.count('name="photos"') == 2
        assert 'name="external_id"\r\n\r\n7' in body
        assert "scheme" not in body
        assert request.headers["authorization"] == "Bearer secret"

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        with Service(answered()).client() as client, pytest.raises(FileNotFoundError):
            client.classify(tmp_path / "none.jpg")


class TestRetries:
    @pytest.mark.parametrize(
        "failure", [busy(), *(httpx.Response(status) for status in (502, 503, 504)), httpx.ConnectError("refused")]
    )
    def test_what_may_pass_is_tried_again(self, waits: list[float], failure: Any) -> None:
        service = Service(failure, failure, answered())
        with service.client() as client:
            assert client.classify(b"x").verdict == "issue"
        ids = {request.headers["x-request-id"] for request in service.requests}
        assert (len(service.requests), len(ids), len(waits)) == (3, 1, 2)
        assert all(b'filename="photo"' in request.content for request in service.requests)

    @pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500])
    def test_what_will_not_pass_is_not(self, waits: list[float], status: int) -> None:
        service = Service(httpx.Response(status, json={**PROBLEM, "status": status}))
        with service.client() as client, pytest.raises(ServiceError):
            client.classify(b"x")
        assert (len(service.requests), waits) == (1, [])

    def test_retry_after_is_kept(self, waits: list[float]) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        service = Service(busy(**{"Retry-After": "7"}), busy(**{"Retry-After": date}), answered())
        with service.client(Retries(attempts=3, first_wait=0.5)) as client:
            client.classify(b"x")
        assert 7 <= waits[0] <= 7.5
        assert 20 <= waits[1] <= 31

    def test_who_asks_for_too_long_is_not_asked_again(self, waits: list[float]) -> None:
        service = Service(busy(**{"Retry-After": "3600"}))
        with service.client() as client, pytest.raises(ServiceError) as raised:
            client.classify(b"x")
        assert raised.value.status == 429
        assert (len(service.requests), waits) == (1, [])

    def test_waits_grow_and_differ(self) -> None:
        retries = Retries(attempts=9, first_wait=1, longest_wait=20)
        for attempt, longest in ((1, 1), (2, 2), (4, 8), (6, 20)):
            found = {retries.wait(attempt, None) for _ in range(20)}
            assert len(found) > 1
            assert all(wait is not None and longest / 2 <= wait <= longest for wait in found)
        assert retries.wait(9, None) is None

    def test_when_nobody_is_there(self, waits: list[float]) -> None:
        said = pytest.raises(ConnectionFailed, match="no answer after 3 attempts")
        with Service(httpx.ConnectError("refused")).client() as client, said as raised:
            client.categories()
        assert raised.value.url == f"{BASE}/v1/categories"
        assert len(waits) == 2

    def test_nonsense_is_refused(self) -> None:
        with pytest.raises(ValueError, match="attempts must be at least 1"):
            Retries(attempts=0)


class TestErrors:
    def test_a_problem_document(self) -> None:
        with Service(busy()).client(Retries(attempts=1)) as client, pytest.raises(ServiceError) as raised:
            client.classify(b"x")
        error = raised.value
        assert (error.status, error.slug, error.detail, error.request_id) == (429, "queue-full", "try again", "abc")
        assert error.extensions == {"waiting": 7}
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (again.slug, again.extensions, str(again)) == (error.slug, error.extensions, str(error))

    @pytest.mark.parametrize("content", [b"<html>Bad Gateway</html>", b"[]", b"", b"\xff"])
    def test_something_between_that_answers_otherwise(self, content: bytes) -> None:
        service = Service(httpx.Response(502, content=content))
        with service.client(Retries(attempts=1)) as client, pytest.raises(ServiceError) as raised:
            client.classify(b"x")
        assert (raised.value.type, raised.value.title) == ("", "Bad Gateway")

    def test_a_success_that_is_none(self) -> None:
        service = Service(httpx.Response(200, text="<html>Login</html>"))
        with service.client() as client, pytest.raises(ServiceError, match="did not answer as the service does"):
            client.categories()


class TestFeedback:
    def test_repeating_it_changes_nothing(self, waits: list[float]) -> None:
        kept = {
            "request_id": "r",
            "feedback_id": "f",
            "revision": 1,
            "recorded_at": "2026-05-06T07:08:09Z",
            "categories": ["garbage"],
            "rejected": [],
            "verdict": "issue",
        }
        service = Service(httpx.ReadError("reset"), httpx.Response(200, json=kept))
        with service.client() as client:
            answer = client.feedback(request_id="r", categories=["garbage"], photos=[{"index": 0}])
        assert answer.revision == 1
        first, second = (json.loads(request.content) for request in service.requests)
        assert first == second
        assert first.keys() == {"feedback_id", "request_id", "categories", "photos"}
        assert len(waits) == 1


def record(number: int) -> dict[str, Any]:
    return {
        "request_id": str(number),
        "external_id": None,
        "grid_id": None,
        "point_type": None,
        "received_at": "2026-05-06T07:08:09Z",
        "verdict": "issue",
        "suggestions": [],
        "photos": [],
        "state": "awaiting",
        "feedback": None,
    }


class TestPages:
    def test_records_come_page_after_page(self) -> None:
        pages: Sequence[Any] = (
            {"records": [record(1), record(2)], "next_cursor": "c2"},
            {"records": [record(3)], "next_cursor": None},
        )
        service = Service(*(httpx.Response(200, json=page) for page in pages))
        with service.client() as client:
            assert [each.request_id for each in client.records(state="awaiting", limit=2)] == ["1", "2", "3"]
        assert [dict(request.url.params) for request in service.requests] == [
            {"state": "awaiting", "limit": "2"},
            {"state": "awaiting", "limit": "2", "cursor": "c2"},
        ]


class TestMany:
    CASES = (*(Case([b"x"], {"external_id": str(n)}) for n in range(20)), Case(["no-such-file.jpg"]))

    def test_failures_are_outcomes_too(self) -> None:
        done: list[int] = []
        with Service(answered()).client() as client:
            outcomes = list(client.classify_many(iter(self.CASES), concurrency=3, on_progress=done.append))
        assert done == list(range(1, 22))
        (failed,) = [each for each in outcomes if each.answer is None]
        assert isinstance(failed.error, FileNotFoundError)
        with pytest.raises(FileNotFoundError):
            failed.require()
        assert {each.case.options.get("external_id") for each in outcomes} == {None, *map(str, range(20))}

    def test_cases_are_not_read_ahead(self) -> None:
        read: list[int] = []

        def cases() -> Any:
            for number in range(100):
                read.append(number)
                yield Case([b"x"])

        with Service(answered()).client() as client:
            next(client.classify_many(cases(), concurrency=4))
        assert len(read) <= 8


class TestAsync:
    def test_the_same_without_threads(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(b"x")
        service = Service(busy(), answered())

        async def use() -> list[Any]:
            transport = httpx.MockTransport(service)
            async with AsyncClient(BASE, retries=FAST, transport=transport) as client:
                assert (await client.classify(path)).photos[0].width == 3024
                done: list[int] = []
                many = client.classify_many(TestMany.CASES, concurrency=4, on_progress=done.append)
                outcomes = [outcome async for outcome in many]
                assert done == list(range(1, 22))
                return outcomes

        outcomes = asyncio.run(use())
        assert sum(outcome.answer is None for outcome in outcomes) == 1

    def test_records(self) -> None:
        page = {"records": [record(1)], "next_cursor": None}

        async def use() -> list[str]:
            transport = httpx.MockTransport(Service(httpx.Response(200, json=page)))
            async with AsyncClient(BASE, transport=transport) as client:
                return [each.request_id async for each in client.records()]

        assert asyncio.run(use()) == ["1"]


def test_a_real_server(server_url: str, jpeg: bytes) -> None:
    with Client(server_url) as client:
        answer = client.classify([jpeg, b"%PDF"], external_id="7", captured_at="2026-05-06T07:08:09+08:00")
        assert answer.context == {"external_id": "7", "captured_at": "2026-05-06T07:08:09+08:00"}
        assert answer.photos[0].width == 320
        problem = answer.photos[1].error
        assert problem is not None
        assert problem.type.endswith("not-an-image")
        assert "exposed_garbage" in [each.id for each in client.categories("open311").categories]
        with pytest.raises(ServiceError) as raised:
            client.classify(b"%PDF")
        assert raised.value.slug == "no-readable-photo"
        assert len(raised.value.extensions["photos"]) == 1
