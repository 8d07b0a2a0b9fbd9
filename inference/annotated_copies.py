"""A folder of annotated copies of photos, under names that never hit an original."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.annotate import annotate
from inference.answer import PhotoAnswer
from inference.categories import Catalogue
from inference.letterbox import resize
from inference.photo import Photo, PhotoLimits, read_photo
from inference.photo_files import shown
from inference.wording import Lang

MAX_SIDE: Final = 1600
_MARK: Final = ".annotated"
_STEM_BYTES: Final = 180  # with mark, number and suffix below the 255 that file systems allow
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_JPEG_QUALITY: Final = 90


class AnnotatedCopies:
    """Writes copies with boxes and labels, at most `MAX_SIDE` pixels large, without EXIF; from many threads.

    Args:
        folder: Where to; made when it is missing.
        files: The originals.
        catalogue: Names of the categories.
        lang: Language of the labels.
        limits: What an original may ask of this machine.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        files: Sequence[Path],
        *,
        catalogue: Catalogue,
        lang: Lang,
        limits: PhotoLimits,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = copy_paths(folder, files)
        self._catalogue = catalogue
        self._lang = lang
        self._limits = limits

    def write(self, data: bytes, photo: Photo, answer: PhotoAnswer) -> Path:
        """Write the copy of a photo.

        Args:
            data: Its file.
            photo: It, as it was decoded for the answer.
            answer: Its answer, whose index is its position in `files`.

        Raises:
            OSError: The copy cannot be written.
        """
        picture = annotate(self._picture(data, photo), answer, self._catalogue, self._lang)
        path = self._paths[answer["index"]]
        # Renamed into place, so that a link of this name is replaced and what it points to left alone.
        part = path.with_name(f".{os.getpid()}-{answer['index']}.part")
        try:
            _save(picture, part, path.suffix)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def _picture(self, data: bytes, photo: Photo) -> NDArray[np.uint8]:
        """The photo at the copy's size; decoded again where the model was content with fewer pixels."""
        scale = min(1.0, MAX_SIDE / max(photo.width, photo.height))
        width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
        rgb = photo.rgb
        if max(rgb.shape[:2]) < max(width, height):
            rgb = read_photo(data, target_side=MAX_SIDE, limits=self._limits, allow_degraded=True).rgb
        return resize(rgb, width, height)


def _save(picture: NDArray[np.uint8], path: Path, suffix: str) -> None:
    image = Image.fromarray(picture)
    if suffix == ".png":
        image.save(path, "PNG")
    else:
        image.save(path, "JPEG", quality=_JPEG_QUALITY)


def copy_paths(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Where the copies go: <name>.annotated.png for PNG, <name>.annotated.jpg for all else, each path once.

    Args:
        folder: Where the copies go.
        files: The originals; their names may repeat, as may the files themselves.
    """
    taken = set(_originals(files))
    place = folder.resolve()
    return [_free_path(folder, place, file, taken) for file in files]


def _originals(files: Iterable[Path]) -> Iterable[str]:
    for file in files:
        yield _identity(file.parent.resolve() / file.name)
        yield _identity(file.resolve())


def _free_path(folder: Path, place: Path, file: Path, taken: set[str]) -> Path:
    suffix = ".png" if file.suffix.lower() == ".png" else ".jpg"
    stem = _safe(shown(Path(file.stem)))
    for number in count(1):
        name = f"{stem}{_MARK}{suffix}" if number == 1 else f"{stem}{_MARK}-{number}{suffix}"
        if (identity := _identity(place / name)) not in taken:
            taken.add(identity)
            return folder / name
    raise AssertionError("count() does not end")


def _safe(stem: str) -> str:
    """The stem as every common file system takes it; Chinese stays."""
    cleaned = _UNSAFE.sub("_", stem)
    return cleaned.encode()[:_STEM_BYTES].decode("utf-8", "ignore")


def _identity(path: Path) -> str:
    """Equal for paths that some file system takes for one: letter case and composed characters aside."""
    return unicodedata.normalize("NFC", shown(path)).casefold()
