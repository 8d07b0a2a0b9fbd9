"""Labelled photos out: to a labelling tool, to another trainer, to whoever asked for them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from datasets.attribution import attribution
from datasets.errors import LabelError
from datasets.export_names import PhotoNames
from datasets.formats import named
from datasets.import_settings import DEFAULT_IMPORT
from datasets.labelled_set import Credit, Entry, LabelledSet, credit_of
from datasets.labels import LabelledPhoto
from datasets.papers import ABOUT
from datasets.photo_copy import FULL_SIZE, write_copy
from datasets.raw import RawBox, RawPhoto
from datasets.stated_size import photo_size
from datasets.store import LabelStore
from inference.errors import PatrolError
from inference.faces import FaceBlur
from inference.photo import read_photo

PhotoMode = Literal["copy", "link", "none"]

NOTICE: Final = "ATTRIBUTION.md"
_SPLITS: Final = "splits.json"
_ALL: Final = frozenset({"boxes", "present", "absent", "exhaustive", "unsure", "flags", "group"})


@dataclass(frozen=True, slots=True)
class Layout:
    """What an export in a format is like.

    Attributes:
        photos: Folder of the photos; "" is beside the labels.
        carries: What the format can say of a photo.
        prefix: What the labels put before a photo's name.
    """

    photos: str
    carries: frozenset[str]
    prefix: str = ""


LAYOUTS: Final[Mapping[str, Layout]] = {
    "yolo": Layout("images", frozenset({"boxes"})),
    "coco": Layout("images", _ALL),
    "voc": Layout("JPEGImages", frozenset({"boxes"})),
    "cvat": Layout("images", frozenset({"boxes", "present"})),
    "labelme": Layout("", _ALL),
    "label-studio": Layout("images", _ALL, prefix="images/"),  # its local storage is the folder above
    "tags": Layout("images", frozenset({"present", "absent"})),
}
"""Format -> layout; docs/label-formats.md shows it as a table."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What an export is to be like.

    Attributes:
        format: One of `LAYOUTS`.
        photos: Whether photos are written anew, linked to, or left where they are.
        names: Category id -> class name in the labels.
        blur: Blurs faces of photos that are written anew; None: they stay.
    """

    format: str
    photos: PhotoMode
    names: Mapping[str, str]
    blur: FaceBlur | None = None


@dataclass(slots=True)
class Exported:
    """What came of an export.

    Attributes:
        photos: Photos in it.
        boxes: Boxes in it.
        faces: Patches that were blurred, because they may be faces.
        failures: (photo, why it is not in it).
        lost: What the format cannot say -> photos it was left out of.
        credits: Source -> its photos.
        parts: Part of the data set -> names of its photos.
        searched: The different sets of categories that photos were searched for.
    """

    photos: int = 0
    boxes: int = 0
    faces: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    credits: Counter[Credit] = field(default_factory=Counter)
    parts: dict[str, list[str]] = field(default_factory=dict)
    searched: set[frozenset[str]] = field(default_factory=set)

    @property
    def searched_alike(self) -> frozenset[str]:
        """What every photo was searched for, where that is the same for all; such a set fits into SOURCE.json."""
        return next(iter(self.searched)) if len(self.searched) == 1 else frozenset()


def export(
    labels: LabelledSet, store: LabelStore, folder: Path, options: ExportOptions, advance: Callable[[], None]
) -> Exported:
    """Write labels, photos and their papers into a folder; a photo that cannot be read is left out and listed.

    Raises:
        LabelError: No photo could be exported.
    """
    run = _Run(labels, store, folder, options)
    named(options.format).write(run.photos(advance), folder)
    done = run.done
    if not done.photos:
        first = f"{done.failures[0][0]}: {done.failures[0][1]}" if done.failures else "it has no photos"
        raise LabelError(store.root, labels.name, f"没有可导出的照片 / no photo could be exported; the first: {first}")
    if done.searched_alike:
        del done.lost["exhaustive"]
    _write_papers(folder, labels, options, done)
    return done


class _Run:
    """One export on its way."""

    def __init__(self, labels: LabelledSet, store: LabelStore, folder: Path, options: ExportOptions) -> None:
        self.done = Exported()
        self._labels = labels
        self._store = store
        self._options = options
        self._layout = LAYOUTS[options.format]
        self._place = folder / self._layout.photos
        self._names = PhotoNames(by_source=labels.is_version, as_copies=options.photos == "copy")
        self._credits: dict[tuple[str, str], Credit] = {}

    def photos(self, advance: Callable[[], None]) -> Iterator[RawPhoto]:
        """What goes into the labels, each photo written just before."""
        for entry in self._labels.entries():
            try:
                yield self._photo(entry)
            except (PatrolError, OSError) as error:
                self.done.failures.append((entry.photo.key, str(error)))
            advance()

    def _photo(self, entry: Entry) -> RawPhoto:
        name = self._names.name(entry.photo)
        size, digest = self._put(entry, self._place / name)
        raw = replace(self._raw(entry.photo, self._layout.prefix + name), size_wh=size, sha256=digest)
        self._count(entry, raw, name)
        return raw

    def _put(self, entry: Entry, target: Path) -> tuple[tuple[int, int], str]:
        """Photo to its place; its upright (width, height), and digest where it is known."""
        if self._options.photos != "copy":
            size = photo_size(entry.photo.path, DEFAULT_IMPORT.header_bytes)
            if self._options.photos == "link":
                _link(entry.photo.path, target)
            return size, entry.sha256
        data = entry.photo.path.read_bytes()
        if entry.sha256 and hashlib.sha256(data).hexdigest() != entry.sha256:
            raise LabelError(entry.photo.path, "", "照片在冻结后改变了 / changed since the version was frozen")
        photo = read_photo(data, target_side=FULL_SIZE)
        pixels, faces = (photo.rgb, 0) if self._options.blur is None else self._options.blur(photo.rgb)
        write_copy(pixels, target)
        self.done.faces += faces
        return (photo.width, photo.height), hashlib.sha256(target.read_bytes()).hexdigest()

    def _raw(self, photo: LabelledPhoto, name: str) -> RawPhoto:
        def called(categories: frozenset[str]) -> frozenset[str]:
            return frozenset(self._options.names[category] for category in categories)

        shown = photo.present | {box.category for box in photo.boxes}
        tags_only = "boxes" not in self._layout.carries
        return RawPhoto(
            name,
            tuple(RawBox(self._options.names[box.category], box.xyxy) for box in photo.boxes),
            exhaustive=called(photo.exhaustive_for),
            present=called(shown if tags_only else photo.present),
            absent=called(photo.exhaustive_for - shown) if tags_only else frozenset(),
            unsure=called(photo.unsure),
            flags=photo.flags,
            group=photo.group,
        )

    def _count(self, entry: Entry, raw: RawPhoto, name: str) -> None:
        done, photo = self.done, entry.photo
        done.photos += 1
        done.boxes += len(raw.boxes)
        said = {key for key in _ALL if getattr(raw, key)} - ({"exhaustive"} if raw.absent else set())
        done.lost.update(said - self._layout.carries)
        done.searched.add(photo.exhaustive_for)
        key = (photo.source, entry.licence)
        if key not in self._credits:
            self._credits[key] = credit_of(self._store, entry)
        done.credits[self._credits[key]] += 1
        if photo.split:
            done.parts.setdefault(photo.split, []).append(name)


def _link(photo: Path, target: Path) -> None:
    if not isinstance(photo, Path):
        raise LabelError(photo, "", "远程照片不能链接 / lies behind a URL and cannot be linked to; use --photos copy")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(photo.resolve())


def _write_papers(folder: Path, labels: LabelledSet, options: ExportOptions, done: Exported) -> None:
    """ATTRIBUTION.md, and what an import of the export needs to know."""
    (folder / NOTICE).write_text(attribution(labels.name, done.credits, _changes(options, done)), encoding="utf-8")
    about: dict[str, object] = {
        "licence": "; ".join(sorted({credit.licence for credit in done.credits})),
        "attribution": "; ".join(sorted({credit.attribution for credit in done.credits} - {""})),
        "class_map": {name: category for category, name in options.names.items() if name != category},
        "notes": f"exported from {labels.name}",
    }
    if done.searched_alike:
        about["exhaustive_for"] = sorted(done.searched_alike)
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if done.parts:
        (folder / _SPLITS).write_text(json.dumps(done.parts, ensure_ascii=False) + "\n", encoding="utf-8")


def _changes(options: ExportOptions, done: Exported) -> list[str]:
    if options.photos != "copy":
        return ["照片未改动，也不在本文件夹中 / photos are unchanged, and not part of this folder"]
    changes = ["照片已转正并重新编码，不含任何元数据 / turned upright and encoded anew, without any metadata"]
    if options.blur is None:
        return [*changes, "人脸与车牌未处理 / faces and number plates are as they were"]
    return [
        *changes,
        f"{done.faces:,} 处疑似人脸已不可逆模糊，可能有漏检 / {done.faces:,} patches that may be faces were "
        "blurred, for good; some faces may have been missed",
        "车牌未处理 / number plates are as they were",
    ]
