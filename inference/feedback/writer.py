"""Writes behind the answers' back: an answer never waits for a database or store, and never fails with it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from inference.errors import PatrolError
from inference.feedback.database import OUTAGES, reason

log = logging.getLogger(__name__)

_BATCH: Final = 200
_LINGER: Final = 0.2  # seconds that a batch may gather; each one costs a commit, however few are in it
_FIRST_WAIT: Final = 0.2  # seconds after a failed write, doubled each time
_LONGEST_WAIT: Final = 10.0
_WARN_EVERY: Final = 30.0  # seconds between two warnings about lost items

T = TypeVar("T")


class BackgroundWriter(Generic[T]):
    """A bounded buffer of items, and the thread that empties it.

    Args:
        what: What the items are, for the log.
        write: Writes a batch, all or none; a PatrolError or an outage of the database is tried again.
        capacity: Weight that waits at most; items beyond it are lost, and counted.
        weigh: Weight of an item.
        batch: Items written at once at most.
        linger: Seconds that the first item of a batch waits for others; `flush` and `close` wait for nothing.

    Attributes:
        lost: Items that were never written.
        error: Why the last write failed; None when it went well.
    """

    def __init__(
        self,
        what: str,
        write: Callable[[Sequence[T]], None],
        capacity: int,
        *,
        weigh: Callable[[T], int] = lambda _: 1,
        batch: int = _BATCH,
        linger: float = _LINGER,
    ) -> None:
        self._what = what
        self._write = write
        self._capacity = capacity
        self._weigh = weigh
        self._batch = batch
        self._linger = linger
        self._is_urgent = False
        self._weight = 0
        self._waiting: deque[T] = deque()
        self._taken = 0  # of all items ever offered, how many were accepted
        self._settled = 0  # of these, how many are written or lost
        self._changed = threading.Condition()
        self._is_closing = False
        self._warned_at = float("-inf")
        self.lost = 0
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items not yet written."""
        return self._taken - self._settled

    def offer(self, item: T) -> None:
        """Take an item; when the buffer is full, it is lost. Returns at once, in any case."""
        weight = self._weigh(item)
        with self._changed:
            if not self._is_closing and self._weight + weight <= self._capacity:
                self._waiting.append(item)
                self._weight += weight
                self._taken += 1
                if len(self._waiting) in (1, self._batch):  # the thread waits for nothing between
                    self._changed.notify_all()
                return
        self._lose(1, "the buffer is full")

    def flush(self, seconds: float) -> bool:
        """Wait until everything offered before is written or lost; whether it is.

        Args:
            seconds: How long to wait at most.
        """
        with self._changed:
            goal = self._taken
            self._is_urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled >= goal, seconds)

    def close(self, seconds: float) -> None:
        """Write what waits, as far as that goes.

        Args:
            seconds: How long to try.
        """
        self.flush(seconds)
        with self._changed:
            self._is_closing = True
            left = self.waiting
            self._changed.notify_all()
        self._thread.join(seconds)
        if left:
            self._lose(left, "the service stops")

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while (batch := self._next()) is not None:
            if self._try(batch):
                wait = _FIRST_WAIT
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _next(self) -> list[T] | None:
        """The oldest items, which stay in the buffer; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(self._is_time, self._linger)
            if self._is_closing:
                return None
            self._is_urgent = False
            return [self._waiting[index] for index in range(min(self._batch, len(self._waiting)))]

    def _is_time(self) -> bool:
        return self._is_urgent or self._is_closing or len(self._waiting) >= self._batch

    def _try(self, batch: Sequence[T]) -> bool:
        """Write a batch; whether it is off the buffer. What the database refuses is lost, what it misses waits."""
        try:
            self._write(batch)
        except (*OUTAGES, PatrolError) as error:
            self._note(reason(error))
            return False
        except Exception as error:  # one item must not hold up all that come after it
            if len(batch) > 1:
                return all(self._try([item]) for item in batch)
            self._note(reason(error) if isinstance(error, SQLAlchemyError) else repr(error))
            self._settle(batch)
            self._lose(1, "it is refused")
            return True
        self.error = None
        self._settle(batch)
        return True

    def _settle(self, batch: Sequence[T]) -> None:
        with self._changed:
            for _ in batch:
                self._weight -= self._weigh(self._waiting.popleft())
            self._settled += len(batch)
            self._changed.notify_all()

    def _note(self, error: str) -> None:
        if self.error is None:
            log.warning("%s wait: they cannot be written now", self._what, extra={"fields": {"error": error}})
        self.error = error

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        if time.monotonic() - self._warned_at >= _WARN_EVERY:
            self._warned_at = time.monotonic()
            fields = {"why": why, "lost": self.lost, "error": self.error}
            log.warning("%s are lost", self._what, extra={"fields": fields})
