from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from inference.classify import Classifier, PhotoResult
from inference.service.admission import LEAST_HELD, LONGEST_RETRY, BodyBudget, PhotoQueue
from inference.service.metrics import Metrics
from inference.service.problems import Problem
from inference.service.record import RequestRecord
from tests.inference.service.conftest import Open, assert_problem

WORKERS, WAITING = 2, 3


class Gate:
    """A call that waits until the gate opens, and counts how often it was begun."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._begun = threading.Semaphore(0)
        self.begun = 0

    def __call__(self) -> str:
        self.begun += 1
        self._begun.release()
        assert self._open.wait(30)
        return "done"

    def wait_until_begun(self, times: int) -> None:
        for _ in range(times):
            assert self._begun.acquire(timeout=30)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def threads(gate: Gate) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(WORKERS)
    yield pool
    gate.open()
    pool.shutdown()


@pytest.fixture
def make_queue(threads: ThreadPoolExecutor) -> Callable[..., PhotoQueue]:
    def make(deadline: float = 30.0) -> PhotoQueue:
        return PhotoQueue(threads, workers=WORKERS, max_waiting=WAITING, deadline=deadline, metrics=Metrics())

    return make


def record() -> RequestRecord:
    return RequestRecord("id", "POST", "/v1/classify")


async def settled(queue: PhotoQueue) -> None:
    """Wait until nothing is pending."""
    for _ in range(600):
        if queue.waiting == queue.working == 0:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{queue.waiting} wait, {queue.working} at work")


class TestQueue:
    def test_results_come_in_order_with_the_time_waited(self, make_queue: Callable[..., PhotoQueue]) -> None:
        noted = record()
        calls = [lambda number=number: number for number in range(5)]
        assert asyncio.run(make_queue().run(calls, noted)) == [0, 1, 2, 3, 4]
        assert noted.seconds["queue"] >= 0

    def test_a_full_queue_refuses_and_takes_again_when_there_is_room(
        self, make_queue: Callable[..., PhotoQueue], gate: Gate
    ) -> None:
        async def scenario() -> None:
            queue = make_queue()
            first = asyncio.ensure_future(queue.run([gate] * 4, record()))
            await asyncio.to_thread(gate.wait_until_begun, WORKERS)
            assert (queue.working, queue.waiting) == (2, 2)
            queue.require_room(1)
            with pytest.raises(Problem, match="no room for 2 more photos: 2 photos wait, and at most 3 may") as refused:
                await queue.run([gate] * 2, record())  # all of them or none
            assert refused.value.kind.status == 429
            assert 1 <= int((refused.value.headers or {})["Retry-After"]) <= LONGEST_RETRY
            gate.open()
            assert await first == ["done"] * 4
            await settled(queue)
            assert await queue.run([gate] * 5, record()) == ["done"] * 5

        asyncio.run(scenario())

    def test_at_the_deadline_photos_not_begun_are_given_up(
        self, make_queue: Callable[..., PhotoQueue], gate: Gate
    ) -> None:
        async def scenario() -> None:
            queue = make_queue(deadline=0.2)
            with pytest.raises(Problem, match=r"within 0\.2 seconds") as late:
                await queue.run([gate] * 5, record())
            assert (late.value.kind.slug, late.value.kind.status) == ("deadline-exceeded", 503)
            assert "Retry-After" in (late.value.headers or {})
            assert queue.waiting == 0
            gate.open()
            await settled(queue)
            assert gate.begun <= WORKERS

        asyncio.run(scenario())

    def test_a_client_that_goes_away_frees_its_places(self, make_queue: Callable[..., PhotoQueue], gate: Gate) -> None:
        async def scenario() -> None:
            queue = make_queue()
            gone = asyncio.Event()

            async def receive() -> Message:
                await gone.wait()
                return {"type": "http.disconnect"}

            noted = RequestRecord.begin({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)
            request = asyncio.ensure_future(queue.run([gate] * 5, noted))
            await asyncio.to_thread(gate.wait_until_begun, WORKERS)
            gone.set()
            with pytest.raises(ClientDisconnect):
                await request
            assert (queue.working, queue.waiting) == (2, 0)
            queue.require_room(3)
            gate.open()
            await settled(queue)
            assert gate.begun == WORKERS

        asyncio.run(scenario())

    def test_a_failing_call_frees_the_others_places(self, make_queue: Callable[..., PhotoQueue], gate: Gate) -> None:
        def failing() -> str:
            raise ValueError("a bug")

        async def scenario() -> None:
            queue = make_queue()
            calls: list[Callable[[], str]] = [failing, gate, gate, gate]
            with pytest.raises(ValueError, match="a bug"):
                await queue.run(calls, record())
            gate.open()
            await settled(queue)
            assert gate.begun < 3

        asyncio.run(scenario())

    def test_a_wait_beyond_the_deadline_is_refused_at_once(
        self, make_queue: Callable[..., PhotoQueue], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = make_queue(deadline=5)
        monkeypatch.setattr(PhotoQueue, "wait_seconds", property(lambda _: 200.0))
        with pytest.raises(Problem, match="about 200 seconds, and at most 5 may pass") as refused:
            queue.require_room()
        assert (refused.value.headers or {})["Retry-After"] == str(LONGEST_RETRY)


class TestBodies:
    def test_room_is_counted_until_the_request_ends(self) -> None:
        budget = BodyBudget(10 * LEAST_HELD)
        with budget.hold(6 * LEAST_HELD):
            with pytest.raises(Problem, match="no room for 327,680 more bytes") as refused, budget.hold(5 * LEAST_HELD):
                pass
            assert (refused.value.kind.status, refused.value.headers) == (429, {"Retry-After": "1"})
            with budget.hold(4 * LEAST_HELD):
                assert budget.held == 10 * LEAST_HELD
        assert budget.held == 0

    def test_small_bodies_count_too(self) -> None:
        budget = BodyBudget(2 * LEAST_HELD)
        with budget.hold(1), budget.hold(1), pytest.raises(Problem), budget.hold(1):
            pass

    def test_a_body_of_unknown_length_gives_back_what_it_did_not_need(self) -> None:
        budget = BodyBudget(10 * LEAST_HELD)
        with budget.hold(10 * LEAST_HELD) as held:
            held.settle(3 * LEAST_HELD)
            with budget.hold(7 * LEAST_HELD):
                pass
        assert budget.held == 0

    def test_the_largest_body_allowed_always_fits_an_idle_service(self) -> None:
        with BodyBudget(1000).hold(2000):
            pass


class TestService:
    @pytest.fixture
    def blocked(self, monkeypatch: pytest.MonkeyPatch, gate: Gate) -> Gate:
        """Photos wait for the gate before they are judged."""
        judge = Classifier.classify

        def slow(self: Classifier, data: bytes, **options: Any) -> PhotoResult:
            gate()
            return judge(self, data, **options)

        monkeypatch.setattr(Classifier, "classify", slow)
        return gate

    def test_a_full_service_says_when_to_come_again_and_finishes_what_it_took(
        self, open_client: Open, jpeg: bytes, blocked: Gate
    ) -> None:
        with open_client(concurrency=1, max_queue=2, max_photos=2) as client:
            files = [("photos", ("a.jpg", jpeg))]
            taken = client.start("POST", "/v1/classify", files=files)
            blocked.wait_until_begun(1)
            more = client.start("POST", "/v1/classify", files=files * 2)
            while client.runtime.queue.waiting < 2:
                assert client.get("/livez").status_code == 200  # the event loop is not held up
            refused = client.classify(jpeg)
            assert "at most 2 may" in assert_problem(refused, 429, "overloaded")["detail"]
            assert int(refused.headers["retry-after"]) >= 1
            samples = client.get("/metrics").text
            assert "patrol_queue_photos 2.0" in samples
            assert "patrol_working_photos 1.0" in samples
            blocked.open()
            assert [taken.result(60).status_code, more.result(60).status_code] == [200, 200]

    def test_an_answer_that_would_come_too_late_is_given_up(
        self, open_client: Open, jpeg: bytes, blocked: Gate
    ) -> None:
        with open_client(concurrency=1, deadline=0.1) as client:
            late = client.classify(jpeg, jpeg)
            assert_problem(late, 503, "deadline-exceeded")
            assert "retry-after" in late.headers
            blocked.open()

    def test_bodies_there_is_no_memory_for_are_refused_unread(
        self, open_client: Open, jpeg: bytes, blocked: Gate
    ) -> None:
        with open_client(concurrency=1, max_body_bytes=100_000, max_pending_bytes=100_000) as client:
            taken = client.start("POST", "/v1/classify", files=[("photos", ("a.jpg", jpeg))])
            blocked.wait_until_begun(1)
            refused = client.post("/v1/classify", content=b"x" * 50_000, headers={"content-type": "application/json"})
            assert "bytes" in assert_problem(refused, 429, "overloaded")["detail"]
            blocked.open()
            assert taken.result(60).status_code == 200
            assert client.classify(jpeg).status_code == 200
