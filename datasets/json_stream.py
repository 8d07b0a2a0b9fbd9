"""Elements of a JSON file one at a time, however large it is; of a broken one those before the break."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import ijson

from datasets.faults import Fault
from datasets.raw import Report
from datasets.text import open_utf8

_CHUNK: Final = 1 << 16


class JsonFile:
    """A JSON file that is read in passes.

    Args:
        path: The file, in any encoding that `datasets.text` knows.
        shown: How faults name it.
        report: Gets the place of a break, once.

    Attributes:
        is_broken: Whether a pass met a break; what comes after it was not seen.
    """

    def __init__(self, path: Path, shown: str, report: Report) -> None:
        self.path = path
        self.is_broken = False
        self._shown = shown
        self._report = report
        self._noted: set[str] = set()

    def items(self, prefix: str) -> Iterator[Any]:
        """The elements at an ijson prefix, such as `images.item`; up to the break of a broken file."""
        done = 0
        with open_utf8(self.path, self._once) as file:
            meter = _Meter(file)
            try:
                for item in ijson.items(meter, prefix, use_float=True, buf_size=_CHUNK):
                    yield item
                    done += 1
            except (ijson.JSONError, UnicodeError):
                yield from self._up_to_the_break(prefix, done, max(meter.read_bytes - _CHUNK, 0))

    def _up_to_the_break(self, prefix: str, done: int, last_chunk: int) -> Iterator[Any]:
        """What a second, byte-wise pass over the last chunk finds: a parser loses the chunk that it breaks in."""
        with open_utf8(self.path, self._once) as file:
            meter = _Meter(file, single_from=last_chunk)
            try:
                yield from islice(ijson.items(meter, prefix, use_float=True, buf_size=_CHUNK), done, None)
            except (ijson.JSONError, UnicodeError) as error:
                self._report_break(meter.read_bytes, str(error))

    def _report_break(self, offset: int, reason: str) -> None:
        if self.is_broken:
            return
        self.is_broken = True
        what = reason.removeprefix("b'").replace("\\n", "\n").partition("\n")[0]
        message = (
            f"JSON 在第 {offset:,} 字节处中断，此前的内容已导入 / JSON breaks at byte {offset:,} ({what}): what stands "
            "before it is imported; export the file again"
        )
        self._report(Fault("json-broken", "error", message, file=self._shown, where=f"byte {offset}"))

    def _once(self, fault: Fault) -> None:
        if fault.code not in self._noted:
            self._noted.add(fault.code)
            self._report(Fault(fault.code, fault.severity, fault.message, file=self._shown))


class _Meter:
    """A file that counts what was read, and from some byte on gives single bytes."""

    def __init__(self, file: IO[bytes], single_from: int | None = None) -> None:
        self.read_bytes = 0
        self._file = file
        self._single_from = single_from

    def read(self, size: int) -> bytes:
        if self._single_from is not None and size > 0:  # a read of nothing only asks whether bytes come
            left = self._single_from - self.read_bytes
            size = 1 if left <= 0 else min(size, left)
        data = self._file.read(size)
        self.read_bytes += len(data)
        return data
