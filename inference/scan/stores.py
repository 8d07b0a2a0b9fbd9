"""Where files lie: on disks, or in object stores by way of fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

from inference.codec import PhotoError
from inference.errors import PatrolError
from inference.photo import PhotoLimits
from inference.photo_files import read_file, shown
from inference.scan.inputs import InputError

Kind = Literal["file", "folder", "link", "special"]
"""`link`: a symbolic link to a folder; `special`: a pipe, socket or device."""


class NoSourceError(PatrolError):
    """What is to be scanned is not there."""


class Entry(NamedTuple):
    """Something in a folder."""

    name: str
    kind: Kind
    size: int | None = None


class Store(Protocol):
    """A place that holds files; paths are its own, joined by `join`."""

    def kind(self, path: str) -> Kind | None:
        """What is there, or None."""
        ...

    def entries(self, path: str) -> Iterator[Entry]:
        """What a folder holds, sorted by name; raises OSError."""
        ...

    def join(self, folder: str, name: str) -> str:
        """The path of something in a folder."""
        ...

    def read(self, path: str, limits: PhotoLimits, size: int | None = None) -> bytes:
        """The bytes of a file; raises InputError, PhotoError or OSError."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A file, seekable; raises OSError."""
        ...

    def on_disk(self, path: str) -> Path | None:
        """The file for programs that read disks only."""
        ...

    def shown(self, path: str) -> str:
        """The path as valid text."""
        ...


class Disk:
    """Files on this machine's disks; a folder is listed once, however many links lead to it."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def __reduce__(self) -> tuple[type[Disk], tuple[()]]:
        """What was listed stays here when an input travels to another machine."""
        return Disk, ()

    def kind(self, path: str) -> Kind | None:
        """What is there, or None."""
        place = Path(path)
        if place.is_dir():
            return "folder"
        if place.is_file():
            return "file"
        return "special" if place.exists() else None

    def entries(self, path: str) -> Iterator[Entry]:
        """What a folder holds, sorted by name; nothing when it was listed before."""
        if not self.pass_over(path):
            return
        kinds: dict[str, Kind] = {}  # of what is no plain file, so that a folder of a million files costs its names
        names = []
        with os.scandir(path) as found:
            for entry in found:
                names.append(entry.name)
                kind = self._kind_of(entry)
                if kind != "file":
                    kinds[entry.name] = kind
        for name in sorted(names):
            yield Entry(name, kinds.get(name, "file"))

    def pass_over(self, path: str) -> bool:
        """List a folder no more, by whatever path; whether it could have been listed until now."""
        status = Path(path).stat()
        identity = (status.st_dev, status.st_ino)
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    @staticmethod
    def _kind_of(entry: os.DirEntry[str]) -> Kind:
        """What an entry is; a link that leads nowhere counts as a file, which then has vanished."""
        try:
            if entry.is_dir():
                return "link" if entry.is_symlink() else "folder"
            is_special = not entry.is_file() and not (entry.is_symlink() and not Path(entry.path).exists())
        except OSError:  # a link to itself, or one that must not be followed: reading it says why
            return "file"
        return "special" if is_special else "file"

    def join(self, folder: str, name: str) -> str:
        """The path of something in a folder."""
        return os.path.join(folder, name)  # noqa: PTH118 - a million times

    def read(self, path: str, limits: PhotoLimits, size: int | None = None) -> bytes:  # noqa: ARG002
        """The bytes of a file."""
        try:
            return read_file(Path(path), limits)
        except FileNotFoundError as error:
            raise InputError("vanished", "the file is not there any more; put it back and scan it again") from error

    def open(self, path: str) -> BinaryIO:
        """A file."""
        return Path(path).open("rb")

    def on_disk(self, path: str) -> Path | None:
        """The file itself."""
        return Path(path)

    def shown(self, path: str) -> str:
        """The path as valid text."""
        return shown(Path(path))


class Remote:
    """Files of an object store or server that fsspec reaches; paths are full URLs.

    Args:
        url: Any address in it.

    Raises:
        NoSourceError: No such kind of address is known, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import fsspec  # optional: the extra `s3`
        except ModuleNotFoundError as error:
            raise NoSourceError(f"{url}: URLs need the extra `s3`: pip install 'street-patrol[s3]'") from error
        try:
            self._fs: Any = fsspec.core.url_to_fs(url, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            raise NoSourceError(f"{url}: {error}; the extra `s3` brings what s3:// needs") from error

    def kind(self, path: str) -> Kind | None:
        """What is there, or None."""
        try:
            found = self._fs.info(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # every kind of store has its own errors
            raise NoSourceError(f"{path}: cannot be reached ({type(error).__name__}: {error})") from error
        return "folder" if found["type"] == "directory" else "file"

    def entries(self, path: str) -> Iterator[Entry]:
        """What a folder holds, sorted by name."""
        with _as_os_errors():
            found = self._fs.ls(path, detail=True)
        here = self._fs._strip_protocol(path)
        entries: set[Entry] = set()  # a store may have a file and a folder of one name
        for item in found:
            full = str(item["name"]).rstrip("/")
            name = full.rpartition("/")[2]
            if full != here and name:
                entries.add(Entry(name, "folder" if item["type"] == "directory" else "file", item.get("size")))
        yield from sorted(entries, key=lambda entry: entry[:2])

    def join(self, folder: str, name: str) -> str:
        """The URL of something in a folder."""
        return f"{folder.rstrip('/')}/{name}"

    def read(self, path: str, limits: PhotoLimits, size: int | None = None) -> bytes:
        """The bytes of a file, never more than the limit and one."""
        with _as_os_errors():
            known = int(self._fs.info(path).get("size") or 0) if size is None else size
            _check_size(known, limits)
            # A range keeps stores from being asked for the size once more, and answers from being longer than that.
            data = bytes(self._fs.cat_file(path, start=0, end=limits.max_bytes + 1)) if known else b""
            _check_size(len(data), limits)
            return data

    def open(self, path: str) -> BinaryIO:
        """A file, fetched in blocks as it is read."""
        with _as_os_errors():
            file: BinaryIO = self._fs.open(path, "rb")
        return file

    def on_disk(self, path: str) -> Path | None:  # noqa: ARG002
        """No file: it would have to be fetched whole."""
        return None

    def shown(self, path: str) -> str:
        """The URL."""
        return path


def _check_size(size: int, limits: PhotoLimits) -> None:
    if size > limits.max_bytes:
        raise PhotoError("too-many-bytes", f"the file has {size:,} bytes, over the {limits.max_bytes:,} allowed")


class _as_os_errors:  # noqa: N801 - reads as a statement
    """Turns the errors of a store's own library into InputError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None or isinstance(error, InputError | PhotoError) or not isinstance(error, Exception):
            return
        if isinstance(error, FileNotFoundError):
            raise InputError("vanished", "the file is not there any more; put it back and scan it again") from error
        raise InputError("unreadable", f"the store says: {type(error).__name__}: {error}") from error
