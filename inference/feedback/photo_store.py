"""Where photos are kept: a folder, or an object store by way of fsspec."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from inference.errors import PatrolError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class PhotoStoreError(PatrolError):
    """Photos cannot be kept in, fetched from or deleted from their place."""


class PhotoStore(Protocol):
    """Files by name."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a file, in place of one of the same name; raises PhotoStoreError."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file, or None; raises PhotoStoreError."""
        ...

    def delete(self, name: str) -> None:
        """Delete a file, if it is there; raises PhotoStoreError."""
        ...


def photo_store(place: str) -> PhotoStore:
    """The store of a place.

    Args:
        place: A folder, or an address such as s3://bucket/folder.

    Raises:
        PhotoStoreError: There is no such kind of place, or its package is not installed.
    """
    return RemoteStore(place) if "://" in place else FolderStore(Path(place))


def full_place(place: str) -> str:
    """A place as it is found again from whatever folder a program is started in."""
    return place.rstrip("/") if "://" in place else str(Path(place).resolve())


class FolderStore:
    """Files in folders named by the first letters of their names, readable by their owner only.

    Args:
        folder: Made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> None:
        """Keep a file; it is there whole, on disk, or not at all."""
        path = self._path(name)
        partial = path.with_name(f".{name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as file:  # noqa: PTH123
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            raise PhotoStoreError(f"{path}: cannot be written ({error.strerror})") from error

    def read(self, name: str) -> bytes | None:
        """A file, or None."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PhotoStoreError(f"{self._path(name)}: cannot be read ({error.strerror})") from error

    def delete(self, name: str) -> None:
        """Delete a file."""
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise PhotoStoreError(f"{path}: cannot be deleted ({error.strerror})") from error

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class RemoteStore:
    """Files of an object store that fsspec reaches.

    Args:
        address: Such as s3://bucket/folder.

    Raises:
        PhotoStoreError: No such kind of address is known, or its package is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            import fsspec  # optional: the extra `s3`

            self._fs: Any = fsspec.core.url_to_fs(address, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            hint = "pip install 'street-patrol[s3]' brings what s3:// needs"
            raise PhotoStoreError(f"{address}: {error}; {hint}") from error
        self._address = address.rstrip("/")

    def write(self, name: str, content: bytes) -> None:
        """Keep a file."""
        try:
            self._fs.pipe_file(self._path(name), content)
        except Exception as error:  # every kind of store has its own errors
            raise self._error(name, "written", error) from error

    def read(self, name: str) -> bytes | None:
        """A file, or None."""
        try:
            return bytes(self._fs.cat_file(self._path(name)))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._error(name, "read", error) from error

    def delete(self, name: str) -> None:
        """Delete a file; in a bucket that keeps versions, the store's own rules end those."""
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._error(name, "deleted", error) from error

    def _path(self, name: str) -> str:
        return f"{self._address}/{name[:2]}/{name}"

    def _error(self, name: str, verb: str, error: Exception) -> PhotoStoreError:
        return PhotoStoreError(f"{self._path(name)}: cannot be {verb} ({type(error).__name__}: {error})")
