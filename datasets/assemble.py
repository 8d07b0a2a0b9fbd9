"""Labels as files state them (`RawPhoto`) to labels as the project uses them (`LabelledPhoto`).

Class names are mapped, photos found, boxes cut to them, label sets of one photo merged. What is wrong is reported,
and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from datasets.boxes import BoxCutter, BoxFault
from datasets.class_map import ClassMap
from datasets.fault_log import FaultLog
from datasets.faults import Fault, Severity
from datasets.import_settings import DEFAULT_IMPORT, ImportSettings
from datasets.labels import Box, LabelledPhoto, Split
from datasets.photo_index import LookupFailure, PhotoFile, PhotoIndex
from datasets.photo_spool import PhotoSpool
from datasets.raw import RawPhoto
from datasets.rows import DIGITS
from datasets.stated_size import compare_sizes, photo_size
from inference.photo import PhotoError

_NOTHING: frozenset[str] = frozenset()


class Assembler:
    """Assembles the photos of one source.

    Args:
        source: Its name.
        index: Its photos.
        class_map: Its classes.
        log: Takes what is wrong.
        exhaustive_for: Categories searched for exhaustively where a label file does not say; None: not known.
        settings: What is tolerated.

    Attributes:
        photos: What is assembled so far.
        silent: Photos of which nothing says what was searched for.
    """

    def __init__(
        self,
        source: str,
        index: PhotoIndex,
        class_map: ClassMap,
        log: FaultLog,
        *,
        exhaustive_for: frozenset[str] | None = None,
        settings: ImportSettings = DEFAULT_IMPORT,
    ) -> None:
        self.photos = PhotoSpool(source)
        self.silent = 0
        self._source = source
        self._index = index
        self._class_map = class_map
        self._log = log
        self._exhaustive_for = exhaustive_for
        self._settings = settings

    def add(self, raw: RawPhoto) -> None:
        """Take what a label file states about one photo."""
        is_damaged = self._log.take_damage(raw.name)
        try:
            found = self._index.find(raw)
        except LookupFailure as failure:
            self._class_map.categories(box.label for box in raw.boxes)  # a name nobody mapped stops the import anyway
            self._fault(failure.code, "error", raw, str(failure), raw.name)
            return
        boxes, lost = self._boxes(raw)
        exhaustive = _NOTHING if is_damaged else self._exhaustive(raw) - lost
        if found.how:
            problem = f"文件名已修正 / {raw.name!r} was taken for {found.photo.name!r} ({found.how})"
            self._fault("name-mended", "warning", raw, problem, found.photo.name)
        if self._is_drawn_on(raw, found.photo):
            self._merge(self._labelled(raw, found.photo, boxes, exhaustive), raw)

    def add_negatives(self, listing: Path, names: Iterable[tuple[int, str]], everything: frozenset[str]) -> None:
        """Take photos that a person looked at and found to show none of the categories.

        Args:
            listing: The file that lists them.
            names: (line, photo).
            everything: The categories.
        """
        for line, name in names:
            raw = RawPhoto(name, file=listing.name, where=str(line))
            try:
                photo = self._index.find(raw).photo
            except LookupFailure as failure:
                self._fault(failure.code, "error", raw, str(failure), name)
                continue
            known = self.photos.get(photo.name)
            if known is not None and (known.boxes or known.present):
                problem = "列为无问题，但另有标注 / listed as showing nothing, but labelled: the labels stay"
                self._fault("label-contradiction", "error", raw, problem, photo.name)
            else:
                empty = LabelledPhoto(self._source, photo.path, name=photo.name, exhaustive_for=everything)
                self.photos.put(replace(empty, flags=frozenset({"unrelated"})))

    def finish(self, *, one_by_one: bool = True) -> None:
        """Report photos without labels, and how many are silent about what was searched for.

        Args:
            one_by_one: Whether each photo without labels is named; else only their number is.

        Raises:
            UnmappedClassesError: a class was met that nothing maps.
        """
        self._class_map.raise_if_unmapped()
        labelled = set(self.photos.names())
        bare = [name for name in self._index.by_name if name not in labelled]
        for name in bare if one_by_one else ():
            self._log(Fault("photo-unlabelled", "note", "照片没有标注 / no label file is about it", name=name))
        if bare and not one_by_one:
            problem = f"{len(bare)} 张照片没有标注 / no label file is about {len(bare)} of the photos"
            self._log(Fault("photo-unlabelled", "note", problem))
        for label, parent in self._class_map.parents().items():
            problem = (
                f"类别 {label!r} 归入上级 {parent!r} / class {label!r} goes to the roll-up {parent!r}, which "
                f"teaches less than a category: map it to one of {self._class_map.children(parent)} where it is meant"
            )
            self._log(Fault("class-is-parent", "warning", problem))
        if self.silent:
            problem = (
                f"{self.silent} 张照片没有说明查找过哪些类别，未标注处视为未知 / nothing says what {self.silent} "
                "photos were searched for: no box there counts as unknown, never as absent; give --exhaustive-for"
            )
            self._log(Fault("exhaustive-unknown", "warning", problem))

    def place(self, groups: Mapping[str, str], parts: Mapping[str, Split]) -> None:
        """Note groups and proposed parts that the source states, by photo name."""
        for name in list(self.photos.names()) if groups or parts else ():
            photo = self.photos.get(name)
            if photo is not None and (name in groups or name in parts):
                self.photos.put(replace(photo, group=groups.get(name, photo.group), split=parts.get(name)))

    def _fault(self, code: str, severity: Severity, raw: RawPhoto, message: str, name: str) -> None:
        self._log(Fault(code, severity, message, name=name, file=raw.file, where=raw.where))

    def _boxes(self, raw: RawPhoto) -> tuple[tuple[Box, ...], frozenset[str]]:
        """The usable boxes, and the categories that lost one."""

        def report(fault: BoxFault) -> None:
            where = fault.box.where or raw.where
            details = {"label": fault.box.label, "box": list(fault.box.xyxy)}
            severity: Severity = "error" if fault.is_lost else "warning"
            message = f"{fault.box.label}: {fault.message}"
            self._log(Fault(fault.code, severity, message, name=raw.name, file=raw.file, where=where, details=details))

        cutter = BoxCutter(self._class_map, self._settings.outside_tolerance, report)
        return tuple(cutter.cut(raw.boxes)), frozenset(cutter.lost)

    def _labelled(
        self, raw: RawPhoto, photo: PhotoFile, boxes: tuple[Box, ...], exhaustive: frozenset[str]
    ) -> LabelledPhoto:
        present = self._class_map.categories(raw.present)
        absent = self._class_map.categories(raw.absent)
        if both := sorted(present & absent):
            problem = f"同时标为有和无，按有处理 / both present and absent, taken as present: {', '.join(both)}"
            self._fault("label-contradiction", "warning", raw, problem, photo.name)
        return LabelledPhoto(
            source=self._source,
            path=photo.path,
            boxes=boxes,
            exhaustive_for=exhaustive | (absent - present),
            present=present,
            flags=raw.flags,
            group=raw.group,
            name=photo.name,
            unsure=self._class_map.categories(raw.unsure),
        )

    def _exhaustive(self, raw: RawPhoto) -> frozenset[str]:
        if raw.exhaustive is not None:
            return self._class_map.categories(raw.exhaustive)
        self.silent += self._exhaustive_for is None
        return self._exhaustive_for or _NOTHING

    def _is_drawn_on(self, raw: RawPhoto, photo: PhotoFile) -> bool:
        """Whether the labels can be about the photo as it is seen; says so where its size is another."""
        try:
            actual = photo_size(photo.path, self._settings.header_bytes) if raw.size_wh else None
        except (PhotoError, OSError) as error:
            self._fault("photo-unreadable", "warning", raw, f"照片无法读取 / cannot be read: {error}", photo.name)
            return True
        mismatch = compare_sizes(raw.size_wh, actual, self._settings.aspect_tolerance)
        if mismatch is None:
            return True
        self._fault("size-mismatch", "error" if mismatch.is_lost else "warning", raw, mismatch.message, photo.name)
        return not mismatch.is_lost

    def _merge(self, photo: LabelledPhoto, raw: RawPhoto) -> None:
        """Join a label set with what is known of the photo; a box that is there already is dropped."""
        known = self.photos.get(photo.name)
        seen = {_box_key(box) for box in known.boxes} if known else set()
        kept: list[Box] = []
        for box in photo.boxes:
            if _box_key(box) in seen:
                problem = f"{box.category}: 重复的框，保留一个 / the same box again: one is kept"
                self._fault("box-duplicated", "warning", raw, problem, photo.name)
            else:
                seen.add(_box_key(box))
                kept.append(box)
        photo = replace(photo, boxes=tuple(kept))
        joined = photo if known is None else replace(known.merged(photo), group=known.group or photo.group)
        self.photos.put(replace(joined, exhaustive_for=joined.exhaustive_for - joined.unsure))


def _box_key(box: Box) -> tuple[str, ...]:
    return box.category, *(f"{value:.{DIGITS}f}" for value in box.xyxy)
