"""Where the files of a model store lie: in a folder, or in an object store by way of fsspec.

Nothing is ever written over: a file or package is there whole, or it is not there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, Protocol

from inference.errors import PatrolError

_LOCK: Final = "_lock"
_STAGING: Final = ".adding-"
_READ_ONLY: Final = 0o444


class StoreError(PatrolError):
    """A model store that cannot do what is asked of it, with what to do about it."""


class ModelFiles(Protocol):
    """The files of a store; paths are relative, with `/`."""

    def names(self, folder: str) -> list[str]:
        """What lies right in a folder, sorted; nothing where there is no such folder."""
        ...

    def read(self, path: str) -> bytes:
        """A file; raises FileNotFoundError."""
        ...

    def create(self, path: str, data: bytes) -> None:
        """A new file, at once and whole; raises FileExistsError."""
        ...

    def add(self, folder: Path, names: Sequence[str], target: str) -> None:
        """Files of a local folder as the new folder `target`; raises FileExistsError where other content is there.

        The last of `names` is the one by which the folder counts as there.
        """
        ...

    def on_disk(self, folder: str) -> Path | None:
        """The folder itself, where programs can open it."""
        ...

    def download(self, path: str, target: Path) -> None:
        """A copy of a file on this machine's disk."""
        ...

    def locked(self) -> AbstractContextManager[object]:
        """One writer at a time, where the place knows locks; elsewhere `create` alone decides who was first."""
        ...

    def shown(self, path: str) -> str:
        """A path or address that a person can open."""
        ...


def model_files(place: str) -> ModelFiles:
    """The files at a folder or URL.

    Raises:
        StoreError: no such kind of address is known, or its package is not installed.
    """
    return RemoteFiles(place) if "://" in place else DiskFiles(Path(place))


class DiskFiles:
    """Files in a folder; what is written is on the disk before anything refers to it.

    Args:
        root: The folder, made when something is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: str) -> list[str]:
        """What lies right in a folder."""
        path = self._root / folder
        return sorted(p.name for p in path.iterdir() if not p.name.startswith(".")) if path.is_dir() else []

    def read(self, path: str) -> bytes:
        """A file."""
        return (self._root / path).read_bytes()

    def create(self, path: str, data: bytes) -> None:
        """A new file: written aside, then renamed; to be called while `locked`."""
        target = self._root / path
        aside = target.with_name(f".{target.name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError(path)
        _write(aside, data)
        aside.rename(target)
        _sync(target.parent)

    def add(self, folder: Path, names: Sequence[str], target: str) -> None:
        """Copied aside, then renamed."""
        place = self._root / target
        with self.locked():
            for left_behind in self._root.glob(f"{_STAGING}*"):  # by a process that was killed: the lock was its own
                shutil.rmtree(left_behind, ignore_errors=True)
            if place.exists():
                raise FileExistsError(target)
            staging = Path(mkdtemp(dir=self._root, prefix=_STAGING))
            try:
                for name in names:
                    _copy(folder / name, staging / name)
                staging.chmod(0o755)
                _sync(staging)
                place.parent.mkdir(parents=True, exist_ok=True)
                staging.rename(place)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            _sync(place.parent)

    def on_disk(self, folder: str) -> Path | None:
        """The folder."""
        return self._root / folder

    def download(self, path: str, target: Path) -> None:
        """A copy."""
        shutil.copyfile(self._root / path, target)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A file lock, which ends with the process, however that ends."""
        self._root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def shown(self, path: str) -> str:
        """The path."""
        return str(self._root / path)


class RemoteFiles:
    """Files of an object store that fsspec reaches.

    New objects are written on the condition that there is none of the name. S3 and its like check that condition
    themselves, so that of two writers one is refused; other kinds of fsspec look first and then write.

    Args:
        url: Its address, such as s3://bucket/models.

    Raises:
        StoreError: no such kind of address is known, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import fsspec  # optional: the extra `s3`
        except ModuleNotFoundError as error:
            raise StoreError(f"{url}: URLs need the extra `s3`: pip install 'street-patrol[s3]'") from error
        try:
            self._fs: Any = fsspec.core.url_to_fs(url, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            raise StoreError(f"{url}: {error}; the extra `s3` brings what s3:// needs") from error
        self._url = url.rstrip("/")

    def names(self, folder: str) -> list[str]:
        """What lies right in a folder."""
        place = self._fs._strip_protocol(self.shown(folder)).rstrip("/")
        with _reaching(self.shown(folder)):
            try:
                found = self._fs.ls(place, detail=False)
            except FileNotFoundError:
                return []
        paths = (str(path).rstrip("/") for path in found)
        return sorted({path.rpartition("/")[2] for path in paths if path != place})

    def read(self, path: str) -> bytes:
        """An object."""
        with _reaching(self.shown(path)):
            return bytes(self._fs.cat_file(self.shown(path)))

    def create(self, path: str, data: bytes) -> None:
        """A new object."""
        with _reaching(self.shown(path)):
            self._fs.pipe_file(self.shown(path), data, mode="create")

    def add(self, folder: Path, names: Sequence[str], target: str) -> None:
        """Object by object; one that is there already with the same content is left by an add that was cut off."""
        for name in names:
            data = (folder / name).read_bytes()
            path = f"{target}/{name}"
            try:
                self.create(path, data)
            except FileExistsError:
                if sha256(self.read(path)).digest() != sha256(data).digest():
                    raise

    def on_disk(self, folder: str) -> Path | None:  # noqa: ARG002
        """No folder: it has to be downloaded."""
        return None

    def download(self, path: str, target: Path) -> None:
        """A copy."""
        with _reaching(self.shown(path)):
            self._fs.get_file(self.shown(path), str(target))

    def locked(self) -> AbstractContextManager[object]:
        """No lock."""
        return nullcontext()

    def shown(self, path: str) -> str:
        """The URL."""
        return f"{self._url}/{path}" if path else self._url


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    """Whatever a store's own library raises, but for what is expected, as one clear error."""
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except Exception as error:  # every kind of store has its own errors
        raise StoreError(
            f"{address}: cannot be reached or written ({type(error).__name__}: {error}); look at address and keys"
        ) from error


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())
    target.chmod(_READ_ONLY)


def _sync(folder: Path) -> None:
    """What was renamed in a folder survives a power cut from here on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
