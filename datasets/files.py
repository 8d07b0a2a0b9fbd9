"""Photo files wherever they lie: on a disk, or behind any URL that fsspec reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from upath import UPath

from datasets.errors import LabelError

_CHANGE_MARKS: Final = ("ETag", "etag", "content_md5", "LastModified", "mtime", "created")
"""What file systems call the value that changes with an object, the most telling first."""


class PhotoFileError(LabelError):
    """A photo's file that is not there or cannot be read.

    Args:
        path: The file, or the URL.
        problem: Why, and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        self.problem = problem
        super().__init__(path, "", problem)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells, without reading it, whether a file is still the same.

    Attributes:
        size: Bytes.
        mark: mtime in nanoseconds of a local file, ETag (or what the store has instead) of a remote one.
    """

    size: int
    mark: str

    @property
    def number(self) -> int:
        """The mark as a number: the mtime itself, or 63 bits that stand for an ETag."""
        if self.mark.isdecimal():
            return int(self.mark)
        return int.from_bytes(hashlib.blake2b(self.mark.encode(), digest_size=8).digest(), "big") >> 1


def is_remote(path: Path) -> bool:
    """Whether a photo lies behind a URL."""
    return not isinstance(path, Path)


def stamp_of(path: Path) -> Stamp:
    """Size and mark of a file, from its directory entry or a HEAD request.

    Raises:
        PhotoFileError: it is missing or cannot be looked up.
    """
    try:
        if is_remote(path):
            return _remote_stamp(cast(UPath, path))
        status = path.stat()
        return Stamp(status.st_size, str(status.st_mtime_ns))
    except Exception as error:
        raise _explained(path, error) from error


def read_file(path: Path) -> bytes:
    """The whole file.

    Raises:
        PhotoFileError: it is missing or cannot be read.
    """
    try:
        if is_remote(path):
            remote = cast(UPath, path)
            return bytes(remote.fs.cat_file(remote.path))  # one request; read_bytes would look the size up first
        return path.read_bytes()
    except Exception as error:
        raise _explained(path, error) from error


def _remote_stamp(path: UPath) -> Stamp:
    path.fs.invalidate_cache()  # a listing kept from earlier would hide that an object changed
    info: dict[str, Any] = path.fs.info(path.path)
    mark = next((str(info[key]) for key in _CHANGE_MARKS if info.get(key)), "")
    return Stamp(int(info["size"] or 0), mark)


def _explained(path: Path, error: Exception) -> PhotoFileError:
    """Stores raise whatever their client library does, so that every error is caught here, at the file's edge."""
    if isinstance(error, FileNotFoundError):
        problem = "the photo is missing; put it back, or import its source again"
    elif isinstance(error, ImportError):
        problem = f"{error}; for s3:// that is pip install 'street-patrol[s3]'"
    else:
        problem = f"the photo cannot be read ({type(error).__name__}: {error})"
    return PhotoFileError(path, problem)
