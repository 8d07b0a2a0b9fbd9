"""A source folder (SOURCE.json, images/, label files) read into labelled photos, for training on it as it lies."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from datasets.assemble import Assembler
from datasets.class_map import ClassMap
from datasets.errors import LabelError
from datasets.fault_log import FaultLog
from datasets.formats import detect
from datasets.labels import Source
from datasets.papers import listed_names, read_papers
from datasets.photo_index import PhotoIndex, photo_folders
from inference.categories import Catalogue


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What train.yaml adds to a SOURCE.json.

    Attributes:
        class_map: Further source class -> category id entries.
        negatives: File listing photos that a person found to show none of the categories, or None.
    """

    class_map: Mapping[str, str | None] = field(default_factory=dict)
    negatives: Path | None = None


def read_source(folder: Path, catalogue: Catalogue, options: SourceOptions | None = None) -> Source:
    """All labelled photos of a folder, label sets of one photo merged.

    Raises:
        LabelError: anything of it would have to be left out; `patrol data import` goes on instead.
    """
    options = options or SourceOptions()
    papers, log = read_papers(folder), FaultLog(folder.name, folder)
    class_map = ClassMap({**papers.class_map, **options.class_map}, catalogue, folder)
    exhaustive = None if papers.exhaustive_for is None else frozenset(papers.exhaustive_for)
    index = PhotoIndex(photo_folders(folder), [folder], log)
    assembler = Assembler(folder.name, index, class_map, log, exhaustive_for=exhaustive)
    with closing(assembler.photos) as photos:
        for label_format in detect(folder):
            for raw in label_format.read(folder, log.reading):
                assembler.add(raw)
        if options.negatives is not None:
            assembler.add_negatives(options.negatives, listed_names(options.negatives), frozenset(catalogue))
        assembler.finish()
        _refuse_errors(folder, log)
        warnings = tuple(f"{fault.file}:{fault.where}: {fault.message}" for fault in log if fault.severity == "warning")
        return Source(folder.name, papers.licence, papers.attribution, tuple(photos), warnings)


def _refuse_errors(folder: Path, log: FaultLog) -> None:
    missing = [fault.name for fault in log if fault.code == "photo-missing"]
    if missing:
        raise LabelError(folder, "images", f"labelled photos are missing: {', '.join(missing[:5])} ({len(missing)})")
    errors = [fault for fault in log if fault.severity == "error"]
    if errors:
        first = errors[0]
        raise LabelError(folder / first.file, first.where, f"{first.message} ({len(errors)} errors in all)")
