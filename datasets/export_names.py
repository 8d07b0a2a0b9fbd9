"""What photos and label classes are called in an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from datasets.errors import LabelError
from datasets.labels import LabelledPhoto
from datasets.photo_copy import copy_name
from datasets.photo_names import folded, inside, is_absolute
from inference.categories import Catalogue

Naming = Literal["id", "zh", "en"]


def class_names(catalogue: Catalogue, naming: Naming) -> Mapping[str, str]:
    """Category id -> what it is called in the export; a name that several share is followed by the id."""
    if naming == "id":
        return {category: category for category in catalogue}
    names = {category.id: category.name_zh if naming == "zh" else category.name_en for category in catalogue.values()}
    times = Counter(names.values())
    return {category: name if times[name] == 1 else f"{name} ({category})" for category, name in names.items()}


class PhotoNames:
    """Gives each photo a name of its own, so that label files of single photos never meet either.

    Args:
        by_source: Whether photos of several sources meet, each of which gets a folder.
        as_copies: Whether photos are written anew, in a format that may be another.
    """

    def __init__(self, *, by_source: bool, as_copies: bool) -> None:
        self._by_source = by_source
        self._as_copies = as_copies
        self._taken: set[str] = set()

    def name(self, photo: LabelledPhoto) -> str:
        """Where the photo goes, below the folder of photos.

        Raises:
            LabelError: Its name leads out of that folder.
        """
        stated = photo.name or photo.path.name
        if is_absolute(stated) or inside(stated) is None:
            raise LabelError(photo.path, stated, "名字指向文件夹之外 / the name of the photo leads out of its folder")
        wanted = f"{photo.source}/{inside(stated)}" if self._by_source else str(inside(stated))
        return self._free(copy_name(wanted)) if self._as_copies else wanted

    def _free(self, wanted: str) -> str:
        path, number = PurePosixPath(wanted), 1
        while (key := folded(str(path.with_suffix("")))) in self._taken:
            number += 1
            path = PurePosixPath(wanted).with_stem(f"{PurePosixPath(wanted).stem}-{number}")
        self._taken.add(key)
        return str(path)
