"""How label files name photos: with backslashes, percent signs, another case, or in the wrong encoding."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from itertools import permutations
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

_GBK: Final = "gb18030"
_MIX_UPS: Final = tuple(permutations(("utf-8", _GBK, "cp437", "latin-1"), 2))
"""(encoding it was written in, encoding it was read in), in either direction; cp437 is what ZIP tools assume."""


def slashes(name: str) -> str:
    r"""A path with `/`, whatever system wrote it: `D:\a\b.jpg` becomes `D:/a/b.jpg`."""
    return name.replace("\\", "/")


def is_absolute(name: str) -> bool:
    r"""Whether a name starts at the root of a disk, on any system."""
    start = slashes(name)
    return start.startswith("/") or start[1:2] == ":"


def inside(name: str) -> str | None:
    """The name without `.` and `..`, or None where it leads out of the folder it starts in."""
    parts: list[str] = []
    for part in PurePosixPath(slashes(name)).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != "/":
            parts.append(part)
    return "/".join(parts) if parts else None


def folded(name: str) -> str:
    """The same for names that differ in case or Unicode form only."""
    return unicodedata.normalize("NFC", name).casefold()


def rewritten(name: str) -> Iterator[tuple[str, str]]:
    """(how, name) of other ways to spell a name, the likeliest first."""
    plain = unquote(name)
    if plain != name:
        yield "percent-decoded", plain
    for written, read in _MIX_UPS:
        try:
            yield f"read as {written}, not {read}", plain.encode(read).decode(written)
        except UnicodeError:
            continue
    try:
        yield "named in GBK bytes on disk", os.fsdecode(plain.encode(_GBK))
    except UnicodeError:
        return
