"""The size of a photo: what its labels need where they are in pixels, from the label file or the photo's own header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from datasets.errors import LabelError
from datasets.import_settings import DEFAULT_IMPORT
from datasets.photo_names import inside, is_absolute
from datasets.raw import RawPhoto
from datasets.stated_size import photo_size
from inference.photo import PhotoError

_PHOTO_FOLDERS: Final = ("", "images", "JPEGImages", "Images")


def known_size(photo: RawPhoto) -> tuple[int, int]:
    """(width, height) of a photo whose labels are written in pixels.

    Raises:
        LabelError: It is not known.
    """
    if photo.size_wh is None:
        raise LabelError(
            Path(photo.name), "", "cannot be written in pixels, because the size of the photo is not known"
        )
    return photo.size_wh


def size_beside(label_file: Path, folder: Path, name: str) -> tuple[int, int] | None:
    """(width, height) of the upright photo that a label file is about; None where it is not found or not readable.

    Args:
        label_file: The label file; the photo may lie beside it, or beside its folder.
        folder: The source.
        name: The photo's name there.
    """
    for path in _candidates(label_file, folder, name):
        if path.is_file():
            return _upright_size(path)
    return None


def _candidates(label_file: Path, folder: Path, name: str) -> Iterator[Path]:
    if is_absolute(name) or inside(name) is None:
        return
    for place in _PHOTO_FOLDERS:
        yield folder / place / name
        yield label_file.parent / place / PurePosixPath(name).name
        if label_file.parent != folder:
            yield label_file.parent.parent / place / PurePosixPath(name).name


def _upright_size(path: Path) -> tuple[int, int] | None:
    try:
        return photo_size(path, DEFAULT_IMPORT.header_bytes)
    except (PhotoError, OSError):
        return None
