"""Where the label files of single photos lie, and how they name their photo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.photo_names import inside, is_absolute, slashes
from datasets.raw import Report

MAX_BYTES: Final = 256 << 20
"""Size from which a label file of one photo is taken for something else: a photo inside it included."""

_IGNORED: Final = frozenset({"__MACOSX"})


def label_files(folder: Path, suffix: str) -> Iterator[Path]:
    """The files below a folder that end in `suffix` (lower case), in the order of their paths; hidden ones left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _IGNORED)
        for name in sorted(files):
            if name.lower().endswith(suffix) and not name.startswith("."):
                yield Path(place, name)


def below(folder: Path, report: Report) -> Report:
    """A report that names files by their path below the folder."""

    def shortened(fault: Fault) -> None:
        path = Path(fault.file)
        report(replace(fault, file=path.relative_to(folder).as_posix()) if path.is_relative_to(folder) else fault)

    return shortened


def is_small(path: Path, report: Report) -> bool:
    """Whether a file may be the labels of one photo; reported where it is too large for that."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        message = f"{size:,} 字节，不像一张照片的标注 / too large for the labels of one photo ({MAX_BYTES:,} allowed)"
        report(Fault("file-too-large", "error", message, file=str(path)))
    return size <= MAX_BYTES


def stated_name(text: str) -> str:
    """A photo's path as a label file states it, with `/`."""
    return slashes(text.strip()).removeprefix("./")


def beside(name: str, place: str) -> str:
    """A photo's name below the source, where its label file lies in the folder `place` of it.

    A full path, and a name that states the folder already, are left alone.
    """
    return name if not place or is_absolute(name) or name.startswith(f"{place}/") else f"{place}/{name}"


class LabelPaths:
    """Label files for photos that are written out, one each.

    Args:
        folder: Where to.
        suffix: Ending of the files.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        self._taken: set[str] = set()

    def path(self, name: str) -> Path:
        """<name without ending><suffix>, in an existing folder; <name><suffix> where that one is taken.

        Raises:
            LabelError: The name leads out of the folder.
        """
        photo = PurePosixPath(name)
        if is_absolute(name) or inside(name) is None:
            raise LabelError(self._folder, name, "the name of a photo must not lead out of its folder")
        wanted = photo.with_suffix(self._suffix)
        if str(wanted).casefold() in self._taken:
            wanted = photo.with_name(photo.name + self._suffix)
        self._taken.add(str(wanted).casefold())
        path = self._folder / wanted
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
