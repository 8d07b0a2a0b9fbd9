"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, Literal, Self

import httpx

from inference.client import calls
from inference.client.answers import (
    CategoriesAnswer,
    ClassifyAnswer,
    FeedbackAnswer,
    ModelState,
    Record,
    Stats,
)
from inference.client.calls import A, Call, Case, Outcome, PhotoFeedback, PhotoLike
from inference.client.errors import ConnectionFailed, ServiceError
from inference.client.retries import Attempts, Retries

_CONNECT_TIMEOUT: Final = 5.0  # seconds


class AsyncClient:
    """A client of the service for asyncio; see `Client`.

    Args:
        base_url: The service's address, maybe with a reverse proxy's prefix.
        key: An API key; not needed by a service on this machine that has none.
        timeout: Seconds without a byte after which an attempt is given up.
        retries: How often a request is sent again, and when.
        transport: Of httpx, for tests and for special networks.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout: float = 120.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def classify(
        self, photos: PhotoLike | Sequence[PhotoLike], *, external_id: str | None = None, **options: Any
    ) -> ClassifyAnswer:
        """Say which problems the photos of one case show.

        Args:
            photos: One photo, or the up to 16 of one case.
            external_id: The case in the calling system; answers and records give it back.
            options: Further fields of POST /v1/classify: scheme, grid_id, point_type, captured_at, latitude,
                longitude, min_score.

        Raises:
            ServiceError: The service refused.
            ConnectionFailed: It cannot be reached.
            OSError: A photo cannot be read.
        """
        return await self._send(
            await asyncio.to_thread(calls.classify, photos, {"external_id": external_id, **options})
        )

    async def classify_many(
        self,
        cases: Iterable[Case],
        *,
        concurrency: int = 4,
        on_progress: Callable[[int], None] | None = None,
    ) -> AsyncIterator[Outcome]:
        """Classify many cases side by side, each a request of its own; one that fails costs the others nothing.

        Args:
            cases: Read only as fast as they are answered.
            concurrency: Requests at a time.
            on_progress: Called with the number of cases done.

        Yields:
            What came of each case, in the order in which they end.
        """
        waiting = iter(cases)
        running = {asyncio.create_task(self._outcome(case)) for case in islice(waiting, concurrency)}
        done = 0
        try:
            while running:
                ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running |= {asyncio.create_task(self._outcome(case)) for case in islice(waiting, len(ended))}
                for each in ended:
                    done += 1
                    if on_progress is not None:
                        on_progress(done)
                    yield each.result()
        finally:
            for task in running:
                task.cancel()

    async def _outcome(self, case: Case) -> Outcome:
        try:
            return Outcome(case, await self.classify(case.photos, **case.options), None)
        except (ServiceError, ConnectionFailed, OSError) as error:
            return Outcome(case, None, error)

    async def feedback(
        self,
        *,
        categories: Sequence[str],
        request_id: str | None = None,
        external_id: str | None = None,
        verdict: Literal["issue", "no_issue", "unrelated", "unusable"] | None = None,
        rejected: Sequence[str] | None = None,
        searched: Sequence[str] | None = None,
        photos: Sequence[PhotoFeedback] | None = None,
        reviewer: str | None = None,
        note: str | None = None,
        feedback_id: str | None = None,
    ) -> FeedbackAnswer:
        """Tell the service what a person confirmed; safe to repeat.

        Args:
            categories: What the case shows; empty with a verdict that it shows nothing.
            request_id: Of the answer that is confirmed; either this or external_id.
            external_id: As given to classify.
            verdict: Of the person; issue where there are categories, else no_issue.
            rejected: Suggestions that are wrong; all that are not confirmed unless given.
            searched: Categories that the person also looked for.
            photos: What was said about single photos.
            reviewer: Who confirmed.
            note: Free text.
            feedback_id: Names this confirmation, so that repeating it changes nothing.

        Raises:
            ServiceError: The service refused, such as `unknown-request`.
            ConnectionFailed: It cannot be reached.
        """
        members = {
            "request_id": request_id,
            "external_id": external_id,
            "categories": list(categories),
            "verdict": verdict,
            "rejected": rejected,
            "searched": searched,
            "photos": photos,
            "reviewer": reviewer,
            "note": note,
            "feedback_id": feedback_id,
        }
        return await self._send(calls.feedback(members))

    async def categories(self, scheme: str | None = None) -> CategoriesAnswer:
        """All categories, their codes in a scheme, and what the model can do with each."""
        return await self._send(calls.categories(scheme))

    async def stats(self, since: str | None = None, until: str | None = None) -> Stats:
        """How answers fared with the people who confirmed them, between two times in ISO 8601."""
        return await self._send(calls.stats(since, until))

    async def record(self, request_id: str) -> Record:
        """An answered request."""
        return await self._send(calls.record(request_id))

    async def records(self, **filters: Any) -> AsyncIterator[Record]:
        """Answered requests, page after page.

        Args:
            filters: state, category, decision, verdict, grid_id, since, until; limit is the size of a page.
        """
        cursor: str | None = None
        while True:
            page = await self._send(calls.records(filters, cursor))
            for record in page.records:
                yield record
            cursor = page.next_cursor
            if cursor is None:
                return

    async def models(self) -> tuple[ModelState, ...]:
        """The model packages that the service knows; needs a key of scope admin."""
        return (await self._send(calls.models())).models

    async def _send(self, call: Call[A]) -> A:
        attempts = Attempts(self._retries, f"{self._http.base_url}".rstrip("/") + call.path, call.request_id)
        while True:
            try:
                response = await self._http.request(call.method, call.path, headers=call.headers, **call.content)
            except httpx.TransportError as error:
                wait = attempts.after_error(error)
            else:
                again = attempts.after(response)
                if again is None:
                    return call.read(response)
                wait = again
            await asyncio.sleep(wait)
