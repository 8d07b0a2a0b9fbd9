"""The photo of a Label Studio task: in the task itself, in a folder, or fetched where that is allowed."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

from inference.service.failure import Failure
from inference.service.options import shortened

_LOCAL_FILES: Final = "/data/local-files/"


class UnreachablePhoto(Exception):  # noqa: N818 - what came of the task
    """Why the photo of a task cannot be had, for people."""


class Fetcher(Protocol):
    """Fetches from the hosts that an operator allows."""

    async def fetch(self, url: str, budget: Any) -> tuple[str, bytes | Failure]:
        """The (name, content) of the file at an address, or why there is none; within what a request may fetch."""


@dataclass(frozen=True, slots=True)
class PhotoSource:
    """Where photos of tasks may come from.

    Attributes:
        folder: Below it lie the files of Label Studio's local storage; None: there are none.
        max_bytes: Of a photo.
        fetcher: For web addresses; None: nothing is fetched.
        budget: What of the fetcher's the request may use.
    """

    folder: Path | None
    max_bytes: int
    fetcher: Fetcher | None = None
    budget: Any = None

    async def read(self, address: object) -> bytes | Failure:
        """The file that a task names, or why it could not be fetched.

        Raises:
            UnreachablePhoto: It cannot be had.
        """
        if not isinstance(address, str) or not address:
            raise UnreachablePhoto(f"the task's photo must be an address, but is {shortened(repr(address))}")
        if address.startswith("data:"):
            return await asyncio.to_thread(_embedded, address)
        parts = _split(address)
        if not parts.scheme and parts.path.rstrip("/") == _LOCAL_FILES.rstrip("/"):
            return await asyncio.to_thread(self._local, parse_qs(parts.query).get("d", [""])[-1])
        return await self._fetched(address, parts.scheme)

    def _local(self, name: str) -> bytes:
        if self.folder is None:
            raise UnreachablePhoto(
                "the photo lies in Label Studio's local storage; set label_studio_files to the folder that its "
                "LOCAL_FILES_DOCUMENT_ROOT names"
            )
        try:
            root = self.folder.resolve(strict=True)
            path = (root / name.lstrip("/")).resolve(strict=True)
            if not path.is_relative_to(root) or not path.is_file():
                raise UnreachablePhoto(f"there is no file {shortened(name)!r} below label_studio_files")
            with path.open("rb") as file:
                return file.read(self.max_bytes + 1)  # one more is refused as too large
        except (OSError, ValueError) as error:
            raise UnreachablePhoto(f"there is no file {shortened(name)!r} below label_studio_files") from error

    async def _fetched(self, address: str, scheme: str) -> bytes | Failure:
        if scheme not in ("http", "https"):
            raise UnreachablePhoto(
                f"{shortened(address)!r} is only known to Label Studio; use its local storage with "
                "label_studio_files, or tasks with data: or http(s): addresses"
            )
        if self.fetcher is None:
            raise UnreachablePhoto(
                f"{shortened(address)!r} would have to be fetched, which is off; an operator can allow its host"
            )
        return (await self.fetcher.fetch(address, self.budget))[1]


def _split(address: str) -> _Parts:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UnreachablePhoto(f"{shortened(address)!r} is no address") from error
    return _Parts(parts.scheme if parts.netloc or parts.scheme else "", parts.path, parts.query)


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    path: str
    query: str


def _embedded(address: str) -> bytes:
    """The content of a data: address."""
    head, separator, content = address.partition(",")
    if not separator:
        raise UnreachablePhoto("the data: address has no comma, so no content")
    data = unquote_to_bytes(content)
    if not head.endswith(";base64"):
        return data
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreachablePhoto(f"the content of the data: address is not base64 ({error})") from error
