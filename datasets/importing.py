"""One source into the label store: whole, or not at all."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets.assemble import Assembler
from datasets.class_map import ClassMap, ClassNames
from datasets.errors import LabelError
from datasets.fault_log import FaultLog
from datasets.faults import Fault, Severity
from datasets.formats import detect, named
from datasets.groups import given_groups
from datasets.import_settings import DEFAULT_IMPORT, ImportSettings
from datasets.labels import LabelledPhoto
from datasets.opened_source import OpenedSource, opened
from datasets.papers import Papers, listed_names, read_papers
from datasets.photo_spool import PhotoSpool
from datasets.raw import Format
from datasets.split import proposed_split
from datasets.store import LabelStore, SourceRecord
from inference.categories import Catalogue

AUTO = "auto"
NO_LICENCE = "NO LICENCE STATED"

_NAME = re.compile(r"[^\s./\\][^/\\\x00-\x1f]{0,99}")

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the importer of one source is told beyond what its folder says.

    Attributes:
        name: The source's name in the store.
        format: Name of a label format, or `auto`.
        class_map: Class name -> category id, before those of SOURCE.json.
        photos: Folder of the photos where they do not lie with the labels.
        exhaustive_for: Categories searched for exhaustively, where neither label file nor SOURCE.json says.
        negatives: List of photos that show none of the categories.
        licence: Instead of SOURCE.json's.
        attribution: Instead of SOURCE.json's.
        held_out: The whole source is for the test part.
        stretched: The photos lost their aspect ratio.
        series_block: Photos in blocks of this many file numbers belong together.
    """

    name: str
    format: str = AUTO
    class_map: ClassNames = field(default_factory=dict)
    photos: Path | None = None
    exhaustive_for: frozenset[str] | None = None
    negatives: Path | None = None
    licence: str | None = None
    attribution: str | None = None
    held_out: bool = False
    stretched: bool = False
    series_block: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one source.

    Attributes:
        about: Its papers, as stored.
        boxes: Boxes by category.
        tags: Photo-level tags by category.
        searched: Photos by how many categories they were searched for.
        unknown: Photos of which nobody said what they show or do not show, other than their boxes.
        faults: By severity and code.
        seconds: How long it took.
    """

    about: SourceRecord
    boxes: Mapping[str, int]
    tags: Mapping[str, int]
    searched: Mapping[int, int]
    unknown: int
    faults: Mapping[tuple[Severity, str], int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.about.name,
            "format": list(self.about.format),
            "photos": self.about.photos,
            "boxes": dict(sorted(self.boxes.items())),
            "tags": dict(sorted(self.tags.items())),
            "photos_unknown": self.unknown,
            "photos_by_categories_searched": {str(n): count for n, count in sorted(self.searched.items())},
            "faults": [{"severity": s, "code": c, "count": n} for (s, c), n in sorted(self.faults.items())],
            "licence": self.about.licence,
            "seconds": round(self.seconds, 2),
        }


def import_source(
    path: Path,
    store: LabelStore,
    catalogue: Catalogue,
    options: ImportOptions,
    *,
    settings: ImportSettings = DEFAULT_IMPORT,
    start: Callable[[int], Progress] = lambda _: lambda: None,
) -> Imported:
    """Read a source and put it into the store, in place of what was there under its name.

    Args:
        path: A folder, an archive or a label file.
        store: Where to.
        catalogue: The categories there are.
        options: What else is known.
        settings: What is tolerated.
        start: Called with the number of photos there are; gives what is to be called for each that is read.

    Raises:
        LabelError: it cannot be imported; the store is as it was.
    """
    began = time.perf_counter()
    _check_name(options.name)
    log = FaultLog(options.name, path)
    with opened(path, options.name, options.photos, store, settings, log) as source:
        papers = read_papers(source.papers)
        class_map = ClassMap({**papers.class_map, **options.class_map}, catalogue, path)
        exhaustive = _exhaustive(source, papers, options, catalogue)
        assembler = Assembler(options.name, source.index, class_map, log, exhaustive_for=exhaustive, settings=settings)
        with closing(assembler.photos) as photos:
            formats = _formats(path, source.folder, options)
            _read(source, formats, assembler, log, start(len(source.index)))
            if options.negatives is not None:
                assembler.add_negatives(options.negatives, listed_names(options.negatives), frozenset(catalogue))
            assembler.finish(one_by_one=options.photos is None)  # a whole archive may lie beside a few labels
            groups = given_groups(source.papers / "groups.json")
            assembler.place(groups, proposed_split(source.papers / "splits.json"))
            if not len(photos):
                raise LabelError(path, "", _nothing_usable(log))
            about = _record(path, papers, options, formats, class_map)
            return _write(store, about, photos, log, began)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        problem = "a source's name must not be empty, begin with a dot or hold slashes; choose one with --name"
        raise LabelError(Path(name), "", problem)


def _exhaustive(
    source: OpenedSource, papers: Papers, options: ImportOptions, catalogue: Catalogue
) -> frozenset[str] | None:
    """What a photo counts as searched for where its label file does not say."""
    stated = papers.exhaustive_for if papers.exhaustive_for is not None else options.exhaustive_for
    if stated is None:
        return None
    place = source.papers / "SOURCE.json" if papers.exhaustive_for is not None else Path("--exhaustive-for")
    for category in stated:
        if category not in catalogue:
            near = ", ".join(catalogue.nearest(category)) or "see categories.yaml"
            raise LabelError(place, "exhaustive_for", f"{category!r} is no category; nearest ids: {near}")
    return frozenset(stated)


def _formats(path: Path, folder: Path, options: ImportOptions) -> Sequence[Format]:
    if options.format != AUTO:
        return [named(options.format)]
    formats = detect(folder)
    if not formats and options.negatives is None:
        problem = (
            "没有找到可识别的标注文件 / no label file of a known format is there; name it with --format, or, where "
            "people looked and found nothing, list the photos in a file and give --negatives"
        )
        raise LabelError(path, "", problem)
    return formats


def _read(
    source: OpenedSource, formats: Iterable[Format], assembler: Assembler, log: FaultLog, advance: Progress
) -> None:
    """A label format that fails as a whole is reported, and the others go on."""
    for label_format in formats:
        try:
            for raw in label_format.read(source.folder, log.reading):
                assembler.add(raw)
                advance()
        except LabelError as error:
            problem = f"{label_format.NAME}: {error.problem}"
            log(Fault("format-unreadable", "error", problem, file=str(error.path), where=error.where))


def _nothing_usable(log: FaultLog) -> str:
    errors = [fault for fault in log if fault.severity == "error"]
    first = [f"{fault.file}{':' + fault.where if fault.where else ''}: {fault.message}" for fault in errors[:3]]
    reasons = "\n  ".join(first) or "the label files name no photo"
    return f"没有可用的标注 / no photo with usable labels ({len(errors)} errors)\n  {reasons}"


def _record(
    path: Path, papers: Papers, options: ImportOptions, formats: Iterable[Format], class_map: ClassMap
) -> SourceRecord:
    return SourceRecord(
        name=options.name,
        licence=options.licence or papers.licence or NO_LICENCE,
        attribution=options.attribution or papers.attribution,
        origin=str(path.resolve()),
        format=tuple(label_format.NAME for label_format in formats) or ("negatives",),
        class_map=dict(sorted(class_map.used.items())),
        held_out=options.held_out,
        stretched=options.stretched,
        series_block=options.series_block,
        imported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=papers.notes,
    )


def _write(store: LabelStore, about: SourceRecord, photos: PhotoSpool, log: FaultLog, began: float) -> Imported:
    boxes: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    searched: Counter[int] = Counter()
    unknown = 0

    def counted() -> Iterator[LabelledPhoto]:
        nonlocal unknown
        for photo in photos:
            boxes.update(box.category for box in photo.boxes)
            tags.update(photo.present)
            searched[len(photo.exhaustive_for)] += 1
            unknown += not photo.exhaustive_for and not photo.present
            yield photo

    written = store.write(about, counted(), log, is_sorted=True)
    return Imported(written, boxes, tags, searched, unknown, log.codes, time.perf_counter() - began)
