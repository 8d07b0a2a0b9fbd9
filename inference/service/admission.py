"""How much the service takes on: photos that wait for a thread, and bytes of bodies in memory."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from starlette.requests import ClientDisconnect

from inference.service.metrics import Metrics
from inference.service.problems import DEADLINE_EXCEEDED, OVERLOADED, Problem
from inference.service.record import RequestRecord

T = TypeVar("T")

LONGEST_RETRY: Final = 60
"""Seconds; the most that a client is asked to wait."""
LEAST_HELD: Final = 64 * 1024
"""Bytes that a request is counted with at least: what it costs beside its body."""
_NEWEST: Final = 0.1  # weight of the newest photo in the running mean of seconds per photo


class PhotoQueue:
    """Threads that judge photos, and a bounded queue before them; its numbers may be read from any thread.

    Args:
        threads: Where photos are judged.
        workers: How many threads those are.
        max_waiting: Photos that may wait for one of them.
        deadline: Seconds after which a request gives up.
        metrics: Where waiting is counted.
    """

    def __init__(
        self, threads: ThreadPoolExecutor, *, workers: int, max_waiting: int, deadline: float, metrics: Metrics
    ) -> None:
        self._threads = threads
        self._workers = workers
        self._max_waiting = max_waiting
        self._deadline = deadline
        self._metrics = metrics
        self._lock = threading.Lock()
        self._pending = 0
        self._working = 0
        self._photo_seconds = 0.0
        metrics.watch_queue(self, max_waiting)

    @property
    def waiting(self) -> int:
        """Photos taken on and not begun."""
        return max(0, self._pending - self._working)

    @property
    def working(self) -> int:
        """Photos being judged."""
        return self._working

    @property
    def wait_seconds(self) -> float:
        """How long a photo that is taken on now will about wait, by what photos took lately."""
        return self.waiting * self._photo_seconds / self._workers

    def require_room(self, photos: int = 1) -> None:
        """Refuse photos that there is no room for; asked before a body is read, to spare reading it.

        Raises:
            Problem: There is none.
        """
        with self._lock:
            self._require_room(photos)

    async def run(self, calls: Sequence[Callable[[], T]], record: RequestRecord) -> list[T]:
        """Run calls, one per photo, in the threads, and return what they return, in their order.

        Those not begun are cancelled when the client goes away, at the deadline, and when one call fails.

        Args:
            calls: Safe to run in any thread.
            record: Of the request; waiting is added to it.

        Raises:
            Problem: There is no room, or the deadline passed.
            ClientDisconnect: Nobody waits for the answer.
        """
        futures = self._submit(calls)
        try:
            finished = await self._all_of(futures, record)
        finally:
            for future in futures:
                future.cancel()
        for each in finished:
            record.add("queue", each.waited)
            self._metrics.observe_stage("queue", each.waited)
        return [each.result for each in finished]

    async def _all_of(self, futures: Sequence[Future[_Finished[T]]], record: RequestRecord) -> list[_Finished[T]]:
        jobs = asyncio.gather(*map(asyncio.wrap_future, futures))
        gone = asyncio.ensure_future(record.until_gone())
        try:
            done, _ = await asyncio.wait((jobs, gone), timeout=self._deadline, return_when=asyncio.FIRST_COMPLETED)
            if jobs in done:
                return await jobs
            raise ClientDisconnect if done else self._too_late()
        finally:
            jobs.cancel()
            gone.cancel()
            await asyncio.gather(jobs, gone, return_exceptions=True)  # or their cancellation would be logged

    def _submit(self, calls: Sequence[Callable[[], T]]) -> list[Future[_Finished[T]]]:
        """Take on all of the calls or none."""
        with self._lock:
            self._require_room(len(calls))
            self._pending += len(calls)
        futures = [self._threads.submit(self._work, call, time.perf_counter()) for call in calls]
        for future in futures:
            future.add_done_callback(self._leave)
        return futures

    def _require_room(self, photos: int) -> None:
        if self._pending + photos > self._workers + self._max_waiting:
            waiting = f"{self.waiting} photos wait, and at most {self._max_waiting} may"
        elif self.wait_seconds > self._deadline:
            waiting = (
                f"the wait would be about {self.wait_seconds:.0f} seconds, and at most {self._deadline:g} may pass"
            )
        else:
            return
        raise overloaded(f"There is no room for {photos} more photos: {waiting}", self._retry_after())

    def _retry_after(self) -> int:
        """Seconds after which about half of the queue is free."""
        return min(LONGEST_RETRY, max(1, math.ceil(self.wait_seconds / 2)))

    def _work(self, call: Callable[[], T], submitted: float) -> _Finished[T]:
        started = time.perf_counter()
        with self._lock:
            self._working += 1
        try:
            return _Finished(call(), started - submitted)
        finally:
            with self._lock:
                self._working -= 1
                self._count(time.perf_counter() - started)

    def _count(self, seconds: float) -> None:
        weight = _NEWEST if self._photo_seconds else 1.0
        self._photo_seconds += weight * (seconds - self._photo_seconds)

    def _leave(self, _: object) -> None:
        with self._lock:
            self._pending -= 1

    def _too_late(self) -> Problem:
        detail = f"The photos were not judged within {self._deadline:g} seconds; send the request again."
        return Problem(DEADLINE_EXCEEDED, detail, headers={"Retry-After": str(self._retry_after())})


@dataclass(frozen=True, slots=True)
class _Finished(Generic[T]):
    """What a call returned, and the seconds it waited for a thread."""

    result: T
    waited: float


class BodyBudget:
    """Bytes of request bodies in memory; for the event loop alone.

    Args:
        max_bytes: Of all bodies together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held = 0

    @contextmanager
    def hold(self, size: int) -> Iterator[Held]:
        """Count a body before it is read, until its request is answered.

        Args:
            size: Bytes it has, or may have at most.

        Raises:
            Problem: There is no room for it.
        """
        held = Held(self, max(size, LEAST_HELD))
        self.require_room(held.size, self.held)
        self.held += held.size
        try:
            yield held
        finally:
            self.held -= held.size

    def require_room(self, size: int, others: int) -> None:
        """Refuse a request that there is no room for.

        Args:
            size: Bytes it would add.
            others: Bytes that other requests hold; alone, any request that settings allow fits.

        Raises:
            Problem: There is none.
        """
        if others and self.held + size > self._max_bytes:
            detail = f"There is no room for {size:,} more bytes: requests of {self.held:,} bytes are being answered"
            raise overloaded(detail, 1)


@dataclass(slots=True)
class Held:
    """The room that a body takes.

    Attributes:
        budget: Of all bodies.
        size: Bytes.
    """

    budget: BodyBudget
    size: int

    def grow(self, size: int) -> None:
        """Count what a request may take in beside its body.

        Raises:
            Problem: There is no room for it.
        """
        self.budget.require_room(size, self.budget.held - self.size)
        self.size += size
        self.budget.held += size

    def settle(self, size: int) -> None:
        """Give back what was held for more than there came: the body's unknown length, or photos from elsewhere."""
        freed = self.size - max(size, LEAST_HELD)
        self.size -= freed
        self.budget.held -= freed


def overloaded(why: str, retry_after: int) -> Problem:
    """A refusal that asks to come again.

    Args:
        why: What there is no room for.
        retry_after: Seconds.
    """
    detail = f"{why}. Send the request again in {retry_after} seconds, or to another instance."
    return Problem(OVERLOADED, detail, headers={"Retry-After": str(retry_after)})
