"""The records of a scan: append-only files of JSON lines that survive kill -9, with one writer at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from inference.errors import PatrolError
from inference.scan.index import Index
from inference.scan.inputs import location
from inference.scan.record import Record, parse

LOCK: Final = "scan.lock"
_PATTERN: Final = "records-*.jsonl"
_OFFSET_BITS: Final = 40  # of a position: number of the file above, byte in the file below
_BLOCK: Final = 1 << 16


class JournalError(PatrolError):
    """The folder of a scan cannot be used, with the reason."""


class BusyError(JournalError):
    """Another scan writes into the folder."""


def segments(folder: Path) -> list[Path]:
    """The files of records, in the order they were written."""
    return sorted(folder.glob(_PATTERN))


def records(folder: Path) -> Iterator[Record]:
    """All records in the order they were written; safe beside a running scan, whose torn last line is left out.

    Raises:
        JournalError: There are none, or one is damaged.
    """
    for path, number, line in _lines(_some_segments(folder)):
        try:
            yield parse(line)
        except ValueError as error:
            raise _damaged(path, number, str(error)) from error


def _some_segments(folder: Path) -> list[Path]:
    paths = segments(folder)
    if not paths:
        raise JournalError(f"{folder}: holds no scan (no {_PATTERN}); give the --out folder of `patrol scan`")
    return paths


def _lines(paths: list[Path]) -> Iterator[tuple[Path, int, bytes]]:
    """File, number and content of every line but a torn last one, which a running scan is writing."""
    for path in paths:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n") or path is not paths[-1]:
                    yield path, number, line


def _damaged(path: Path, number: int, problem: str) -> JournalError:
    return JournalError(
        f"{path}:{number}: is no record ({problem[:300]}). The file was changed or its disk is failing: put back a "
        "copy, or start again in another folder"
    )


@dataclass(frozen=True, slots=True)
class Check:
    """What `validate` found.

    Attributes:
        records: How many there are.
        mistakes: What is wrong, with file and line, the first 30; empty when all is well.
    """

    records: int
    mistakes: tuple[str, ...]


_MISTAKES_SHOWN: Final = 30


def validate(folder: Path) -> Check:
    """Check every record against the schema, and that no input has two.

    Raises:
        JournalError: The folder holds no scan.
    """
    mistakes: list[str] = []
    index, count = Index(), 0
    for path, number, line in _lines(_some_segments(folder)):
        count += 1
        mistake = _mistake(line, index)
        if mistake and len(mistakes) < _MISTAKES_SHOWN:
            mistakes.append(f"{path}:{number}: {mistake}")
    return Check(count, tuple(mistakes))


def _mistake(line: bytes, index: Index) -> str | None:
    """What is wrong with a line, or None; notes its input in the index."""
    try:
        found = parse(line)
    except ValueError as error:
        return str(error)
    return None if index.add_place(found.location) else f"a second record of {found.location}"


class Journal:
    """Appends records to a folder, and knows what is in there.

    A record that `append` was given is with the operating system when it returns, so that a killed process loses
    none; `sync_seconds` bounds what a power cut loses.

    Args:
        folder: Of the scan; made if need be.
        sync_seconds: The disk itself has the records at least this often.
        segment_bytes: A file that is as long is followed by a new one.

    Raises:
        BusyError: Another process writes into the folder.
        JournalError: What is in there is damaged, with file and line.
    """

    def __init__(self, folder: Path, *, sync_seconds: float, segment_bytes: int) -> None:
        self.folder = folder
        self._sync_seconds = sync_seconds
        self._segment_bytes = segment_bytes
        self._lock = _locked(folder)
        self.seconds = 0.0
        """Spent in here, all calls together."""
        try:
            self.index = Index()
            self._load()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.index)

    def _load(self) -> None:
        paths = segments(self.folder)
        self._number = len(paths)
        if paths:
            _cut_torn_line(paths[-1])
        self._index(paths)
        if not paths:
            self._begin_segment()
        else:
            self._open_last(paths[-1])

    def _open_last(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._size = path.stat().st_size
        self._synced = time.monotonic()

    def _index(self, paths: list[Path]) -> None:
        number, offset = 0, 0
        for path, line_number, line in _lines(paths):
            if line_number == 1:
                number, offset = paths.index(path) + 1, 0
            try:
                found = json.loads(line)
                self.index.add_place(location(found["source"], found["path"]))
                if _is_content(found["sha256"], found["failure"] and found["failure"]["code"]):
                    self.index.add_content(found["sha256"], _position(number, offset))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise _damaged(path, line_number, repr(error)) from error
            offset += len(line)

    def _begin_segment(self) -> None:
        self._number += 1
        path = self._segment(self._number)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        self._size = 0
        self._synced = time.monotonic()
        _sync_folder(self.folder)

    def _segment(self, number: int) -> Path:
        return self.folder / f"records-{number:05d}.jsonl"

    def append(self, record: Record) -> None:
        """Write a record.

        Raises:
            JournalError: The disk does not take it, for example because it is full; earlier records are safe.
        """
        started = time.perf_counter()
        if self._size >= self._segment_bytes:
            self._sync()
            os.close(self._file)
            self._begin_segment()
        line = record.line()
        self._write(line)
        self.index.add_place(record.location)
        failure = None if record.failure is None else record.failure.code
        if record.sha256 is not None and _is_content(record.sha256, failure):
            self.index.add_content(record.sha256, _position(self._number, self._size))
        self._size += len(line)
        if time.monotonic() - self._synced >= self._sync_seconds:
            self._sync()
        self.seconds += time.perf_counter() - started

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise JournalError(
                f"{self._segment(self._number)}: cannot be written ({error.strerror}). Make room, then run the same "
                "command again: it goes on here"
            ) from error

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced = time.monotonic()

    def first_of(self, sha256: str) -> Record | None:
        """The first record of a content, or None.

        Raises:
            JournalError: It was damaged since it was written.
        """
        position = self.index.position(sha256)
        if position is None:
            return None
        number, offset = position >> _OFFSET_BITS, position & ((1 << _OFFSET_BITS) - 1)
        path = self._segment(number)
        with path.open("rb") as file:
            file.seek(offset)
            line = file.readline()
        try:
            found = parse(line)
        except ValueError as error:
            raise JournalError(
                f"{path}: no record at byte {offset:,} ({error}); put back a copy of the file"
            ) from error
        return found if found.sha256 == sha256 else None

    def close(self) -> None:
        """Sync, and let others write."""
        self._sync()
        os.close(self._file)
        self._lock.close()


def _is_content(sha256: str | None, failure: str | None) -> bool:
    """Whether a record speaks for every input of this content: our own faults may pass."""
    return sha256 is not None and failure != "internal-error"


def _position(number: int, offset: int) -> int:
    return number << _OFFSET_BITS | offset


class _Lock:
    """Held by one process for a folder; ends with it, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


def _locked(folder: Path) -> _Lock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise JournalError(f"{folder}: cannot be written ({error.strerror}); give another --out folder") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise BusyError(
            f"{folder}: another scan writes there now. Wait for it, or give another --out folder"
        ) from error
    return _Lock(descriptor)


def _cut_torn_line(path: Path) -> None:
    """Cuts off what a killed process began to write; complete lines are never touched."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end != size:
            file.truncate(end)
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
