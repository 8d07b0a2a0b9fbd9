"""list -> read -> judge (decode, infer, decide) -> write: three stages side by side, records in the order of the list.

One thread lists and writes. Reading and judging have a pool each, because a slow network needs many reads at a time
and a processor only as many photos as it has cores. Both queues are bounded, and so is memory, whatever the archive.
Contents are compared between reading and judging: what was judged before, or is being judged, is not judged again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Final, Protocol

from inference.scan.inputs import Input
from inference.scan.journal import Journal
from inference.scan.reading import Reading, content, hashed, read_input
from inference.scan.record import Record, copied

_JUDGED_PER_WORKER: Final = 2
"""Photos in the judging queue per worker: one in work and one waiting, so that none idles and kill -9 loses little."""


class Judge(Protocol):
    """Makes the record of an input from its bytes; called from many threads, and never raises."""

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        """The record."""
        ...


@dataclass(frozen=True, slots=True)
class _Pending:
    """An input whose turn to be written will come; without `judged` it has the content of an earlier one."""

    read: Reading
    judged: Future[Record] | None = None


class Pipeline:
    """Runs inputs through to the journal.

    Args:
        journal: Where records go; inputs that it has already are passed over.
        judge: Makes records.
        workers: Photos judged at the same time.
        readers: Files read at the same time, ahead of the judging.
        on_record: Called with each record after it was written.
        on_known: Called for each input that has a record from an earlier run.
        stop: When set, nothing new is begun; what is in flight is finished and written.
    """

    def __init__(
        self,
        journal: Journal,
        judge: Judge,
        *,
        workers: int,
        readers: int,
        on_record: Callable[[Record], None] = lambda _: None,
        on_known: Callable[[], None] = lambda: None,
        stop: Event | None = None,
    ) -> None:
        self._journal = journal
        self._judge = judge
        self._workers = workers
        self._ahead = readers + workers
        self._on_record = on_record
        self._on_known = on_known
        self._stop = stop or Event()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="read")
        self._judges = ThreadPoolExecutor(workers, thread_name_prefix="judge")
        self._reading: deque[Future[Reading]] = deque()
        self._judging: deque[_Pending] = deque()
        self._in_work: set[str] = set()  # contents

    def run(self, inputs: Iterable[Input]) -> bool:
        """Give every input its record.

        Returns:
            Whether all inputs were reached; otherwise `stop` was set.

        Raises:
            JournalError: The disk takes no more records.
        """
        try:
            is_complete = self._feed(inputs)
            while self._reading:
                self._dispatch()
            while self._judging:
                self._write_oldest()
            return is_complete
        finally:
            self._readers.shutdown(cancel_futures=True)
            self._judges.shutdown(cancel_futures=True)

    def _feed(self, inputs: Iterable[Input]) -> bool:
        for item in inputs:
            if self._stop.is_set():
                return False
            if not self._journal.index.add_place(item.location):
                self._on_known()
                continue
            self._reading.append(self._begin(item))
            while len(self._reading) > self._ahead:
                self._dispatch()
        return not self._stop.is_set()

    def _begin(self, item: Input) -> Future[Reading]:
        """Reads it in the pool; what comes out of a stream is read here and only hashed there."""
        if not item.is_sequential:
            return self._readers.submit(read_input, item)
        data = content(item)
        return self._readers.submit(hashed, item, data)

    def _dispatch(self) -> None:
        """Sends the input that was read first on to judging."""
        self._write_finished()
        read = self._reading.popleft().result()
        self._judging.append(self._pending(read))
        while len(self._judging) > _JUDGED_PER_WORKER * self._workers:
            self._write_oldest()

    def _pending(self, read: Reading) -> _Pending:
        if read.failure is not None:
            return _Pending(read)
        if read.sha256 in self._in_work or self._journal.index.position(read.sha256) is not None:
            return _Pending(read)
        self._in_work.add(read.sha256)
        return _Pending(read, self._judges.submit(self._judge.judge, read.item, read.data, read.sha256))

    def _write_finished(self) -> None:
        while self._judging and (self._judging[0].judged is None or self._judging[0].judged.done()):
            self._write_oldest()

    def _write_oldest(self) -> None:
        pending = self._judging.popleft()
        record = self._record(pending)
        self._in_work.discard(pending.read.sha256)
        self._journal.append(record)
        self._on_record(record)

    def _record(self, pending: _Pending) -> Record:
        read = pending.read
        if read.failure is not None:
            return read.failure
        if pending.judged is not None:
            return pending.judged.result()
        first = self._journal.first_of(read.sha256)
        if first is None:  # the earlier one met a fault of ours, which may pass
            return self._judge.judge(read.item, read.data, read.sha256)
        return copied(first, read.item.source, read.item.path, read.item.captured_at)
