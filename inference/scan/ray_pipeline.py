"""list -> (read -> judge on a Ray cluster) -> write: the same records in the same order, from many machines.

The driver lists inputs and alone writes the journal, so that what a scan promises (one record each, going on after a
kill) holds as on one machine. Ray Data spreads reading and judging, restarts judges whose machine dies, and hands
back what they made in the order of the list. Files are read where they are judged; members of archives and frames of
videos, which come out of one stream, are read by the driver and sent.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from itertools import islice
from threading import Event
from typing import Any, Final

import numpy as np

from inference.errors import PatrolError
from inference.plugins import MissingExtraError
from inference.scan.inputs import Input, InputError, ScanFailureCode
from inference.scan.journal import Journal
from inference.scan.pipeline import Judge
from inference.scan.reading import content, read_input
from inference.scan.record import Record, copied, parse

_ITEM, _LINE = "item", "line"
_ROWS_PER_BLOCK: Final = 16
"""Inputs that travel together: what a killed driver loses at most, per judge."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines that judge, and how a scan uses them.

    Attributes:
        make_judge: Makes a judge where it is to work; travels there by pickle.
        address: `auto` for the cluster this machine belongs to, an address, or None for one on this machine alone.
        chunk: Inputs per Ray Data job; between two jobs judges are started anew.
        chunk_bytes: A job takes no more inputs once so many bytes of archive members wait in it.
        cpus: Cores that a judge holds.
        gpus: GPUs that a judge holds, or a share of one.
    """

    make_judge: Callable[[], Judge]
    address: str | None
    _: KW_ONLY
    chunk: int
    chunk_bytes: int
    cpus: float
    gpus: float


class RayPipeline:
    """Runs inputs through a Ray cluster to the journal.

    Args:
        journal: Where records go; inputs that it has already are passed over.
        cluster: What judges.
        on_record: Called with each record after it was written.
        on_known: Called for each input that has a record from an earlier run.
        stop: When set, nothing new is written or begun.
    """

    def __init__(
        self,
        journal: Journal,
        cluster: Cluster,
        *,
        on_record: Callable[[Record], None] = lambda _: None,
        on_known: Callable[[], None] = lambda: None,
        stop: Event | None = None,
    ) -> None:
        self._journal = journal
        self._cluster = cluster
        self._on_record = on_record
        self._on_known = on_known
        self._stop = stop or Event()

    def run(self, inputs: Iterable[Input]) -> bool:
        """Give every input its record.

        Returns:
            Whether all inputs were reached; otherwise `stop` was set.

        Raises:
            JournalError: The disk takes no more records.
            PatrolError: The cluster cannot be reached.
        """
        with _connected(self._cluster.address):
            waiting = self._new(inputs)
            while chunk := self._chunk(waiting):
                for item, record in zip(chunk, self._judged(chunk), strict=False):
                    if self._stop.is_set():
                        return False
                    self._write(item, record)
        return not self._stop.is_set()

    def _new(self, inputs: Iterable[Input]) -> Iterator[Input]:
        """The inputs without a record."""
        for item in inputs:
            if self._stop.is_set():
                return
            if self._journal.index.add_place(item.location):
                yield item
            else:
                self._on_known()

    def _chunk(self, waiting: Iterator[Input]) -> list[Input]:
        """The next inputs, with the bytes of those that come out of a stream."""
        chunk: list[Input] = []
        held = 0
        for item in islice(waiting, self._cluster.chunk):
            if item.is_sequential:
                sent, size = _sendable(item)
                held += size
                chunk.append(sent)
            else:
                chunk.append(item)
            if held >= self._cluster.chunk_bytes:
                break
        return chunk

    def _judged(self, chunk: list[Input]) -> Iterator[Record]:
        """The records of a chunk, in its order, as they become ready."""
        import ray

        rows = [{_ITEM: ray.cloudpickle.dumps(item)} for item in chunk]
        blocks = -(-len(rows) // _ROWS_PER_BLOCK)
        judged = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            _JudgeInputs,
            fn_constructor_args=(self._cluster.make_judge,),
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1),
            num_cpus=self._cluster.cpus,
            num_gpus=self._cluster.gpus or None,
        )
        for batch in judged.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0):
            yield from map(parse, batch[_LINE])

    def _write(self, item: Input, record: Record) -> None:
        """Write a record, as a copy where its content has one already."""
        first = None if record.sha256 is None else self._journal.first_of(record.sha256)
        if first is not None:
            record = copied(first, item.source, item.path, item.captured_at)
        self._journal.append(record)
        self._on_record(record)


class _JudgeInputs:
    """What an actor of the cluster does: bytes and records of the inputs in a block."""

    def __init__(self, make_judge: Callable[[], Judge]) -> None:
        self._judge = make_judge()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        lines = [self._record(pickle.loads(row)).line() for row in batch[_ITEM]]  # noqa: S301 - the driver's own
        return {_LINE: np.array(lines, dtype=object)}

    def _record(self, item: Input) -> Record:
        read = read_input(item)
        if read.failure is not None:
            return read.failure
        return self._judge.judge(item, read.data, read.sha256)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """A connection to the cluster, closed at the end.

    Raises:
        MissingExtraError: The extra `ray` is not installed.
        PatrolError: The cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError("ray", error) from error
    try:
        ray.init(
            address, include_dashboard=None if address else False, log_to_driver=False, logging_level=logging.WARNING
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise PatrolError(
            f"no Ray cluster at {address or 'this machine'} ({error}); start one with `ray start`"
        ) from error
    try:
        context = ray.data.DataContext.get_current()
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # this program shows its own progress
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        yield
    finally:
        ray.shutdown()


def _sendable(item: Input) -> tuple[Input, int]:
    """An input that carries its bytes, read now, or why it has none; and how many bytes it carries."""
    data = content(item)
    if isinstance(data, Record):
        failure = data.failure
        if failure is None:
            raise ValueError("an input without bytes must have a failure")
        return replace(item, read=partial(_refuse, failure.code, failure.detail), is_sequential=False), 0
    return replace(item, read=partial(bytes, data), is_sequential=False), len(data)


def _refuse(code: ScanFailureCode, detail: str) -> bytes:
    raise InputError(code, detail)
