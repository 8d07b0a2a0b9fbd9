"""Text files of unknown encoding: UTF-8, UTF-16 with its mark, else GBK, which is normal in China."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import IO, Final

from datasets.faults import Fault
from datasets.raw import Report

_CHUNK: Final = 1 << 20
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_GBK: Final = "gb18030"  # every GBK and GB 2312 text is GB 18030


def encoding_of(path: Path) -> str:
    """Codec that reads the whole file: `utf-8`, `utf-8-sig`, `utf-16` or, where it is no UTF-8, `gb18030`.

    A file that is none of them is `utf-8`, so that reading it fails at the broken byte.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return codec
    return next((codec for codec in ("utf-8", _GBK) if _reads_as(path, codec)), "utf-8")


def _reads_as(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True  # a character cut off at the end is the reader's business: everything before it counts


def open_text(path: Path, report: Report) -> IO[str]:
    """The file as text; bytes that no encoding explains become U+FFFD, newlines stay as they are.

    A file in another encoding than UTF-8 is reported as a note.
    """
    return path.open(encoding=_reported(path, report), errors="replace", newline="")


def open_utf8(path: Path, report: Report) -> IO[bytes]:
    """The file as UTF-8 bytes without a mark, recoded while it is read where it is something else.

    For parsers that take bytes. A file in another encoding than UTF-8 is reported as a note.
    """
    codec = _reported(path, report)
    if codec == "utf-8":
        return path.open("rb")
    file = path.open("rb")
    return io.BufferedReader(_Recoded(file, codec))


class _Recoded(io.RawIOBase):
    """Bytes of a text file, as UTF-8."""

    def __init__(self, file: IO[bytes], codec: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(codec)(errors="replace")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # io passes a writable buffer, which Python 3.11 cannot type
        while not self._left and (chunk := self._file.read(_CHUNK)):
            self._left = self._decoder.decode(chunk).encode()
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def _reported(path: Path, report: Report) -> str:
    codec = encoding_of(path)
    if codec not in ("utf-8", "utf-8-sig"):
        name = "GBK" if codec == _GBK else codec.upper()
        message = f"文件不是 UTF-8，按 {name} 读取 / not UTF-8: read as {name}; check some Chinese names"
        report(Fault("not-utf8", "note", message, file=str(path)))
    return codec
