"""One input of a scan: something that is to get exactly one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from inference.answer import FailureCode

ScanFailureCode = (
    FailureCode
    | Literal[
        "vanished",
        "encrypted",
        "bad-archive",
        "bad-member",
        "nested-archive",
        "video-unreadable",
        "video-cut-off",
        "video-not-on-disk",
    ]
)
"""Why an input has no answer; stable, for programs. See docs/scan-format.md."""

MEMBER: Final = "!/"
"""Stands between an archive's path and its member's."""


class InputError(Exception):
    """An input that cannot be read.

    Args:
        code: What kind of fault it is.
        detail: What is wrong and what to do about it.
    """

    def __init__(self, code: ScanFailureCode, detail: str) -> None:
        super().__init__(code, detail)
        self.code: ScanFailureCode = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Input:
    """A photo, a frame of a video, or something that could not even be opened.

    Attributes:
        source: What the path is relative to: a folder, a URL or a list file.
        path: Where it lies in there, with `/`; of an archive's member `archive.zip!/member.jpg`, of a video's
            frame `video.mp4#t=12.0`.
        read: Its bytes; raises InputError, PhotoError or OSError.
        is_sequential: Whether `read` must be called before the next input is drawn, or never.
        is_frame: Whether the bytes are a picture made here, to which limits of file size do not apply.
        captured_at: When it was taken, where its container says so.
    """

    source: str
    path: str
    read: Callable[[], bytes]
    is_sequential: bool = False
    is_frame: bool = False
    captured_at: datetime | None = None

    @property
    def location(self) -> str:
        """The whole place, which tells inputs apart."""
        return location(self.source, self.path)


def location(source: str, path: str) -> str:
    """The whole place of an input, which tells inputs apart."""
    return path if "://" in path or path.startswith("/") else f"{source.rstrip('/')}/{path}"


def unreadable(source: str, path: str, code: ScanFailureCode, detail: str) -> Input:
    """An input of which it is known already that it cannot be read."""

    def read() -> bytes:
        raise InputError(code, detail)

    return Input(source, path, read)
