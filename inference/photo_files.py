"""Photo files on this machine's disk: finding them, naming them, reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from inference.codec import PhotoError
from inference.errors import PatrolError
from inference.photo import PhotoLimits

SUFFIXES: Final = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".hif",
    )
)
"""What a photo's name ends with, in lower case; only a folder's files are judged by it."""


class NoPhotosError(PatrolError):
    """What was named as photos is none."""


def photo_files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and of each folder named the files that look like photos, sorted by name.

    Args:
        paths: Files, which may be of any name, and folders, whose own folders and hidden files are left out.

    Raises:
        NoPhotosError: Something is missing, no file or folder, or holds no photos; all of it is listed.
    """
    found: list[Path] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.extend(_files_of(path))
        except NoPhotosError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{shown(path)}: cannot be read ({error.strerror})")
    if problems:
        raise NoPhotosError("\n".join(problems))
    return found


def _files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        problem = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise NoPhotosError(f"{shown(path)}: {problem}")
    files = sorted(_photos_in(path))
    if not files:
        endings = ", ".join(sorted(SUFFIXES))
        raise NoPhotosError(f"{shown(path)}: this folder itself holds no file that ends in {endings}")
    return files


def _photos_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


def shown(path: Path) -> str:
    r"""A path as valid text: bytes of its name that are not UTF-8 become \xNN, control characters too."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def read_file(path: Path, limits: PhotoLimits) -> bytes:
    """The bytes of a file, unless they are too many to be looked at.

    Raises:
        PhotoError: They are.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise PhotoError(
            "too-many-bytes",
            f"the file has {size:,} bytes, over the {limits.max_bytes:,} allowed; give a smaller one",
        )
    return path.read_bytes()
