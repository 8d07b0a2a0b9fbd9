"""What can be exported: an imported source, or a frozen version of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import LabelError
from datasets.labels import LabelledPhoto
from datasets.rows import from_row
from datasets.store import LabelStore, read_lines

_MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Credit:
    """Whom the photos of a source come from.

    Attributes:
        source: Its name.
        licence: As the source states it.
        attribution: Whom to name.
        origin: Folder, archive or URL it was imported from.
    """

    source: str
    licence: str
    attribution: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo to export.

    Attributes:
        photo: It, with its labels.
        sha256: Digest its file must have; "" where nobody noted it.
        licence: As its row states it; "" where it does not.
    """

    photo: LabelledPhoto
    sha256: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Labelled photos under one name.

    Attributes:
        name: Of the source or version.
        is_version: Whether it is a frozen version.
        entries: Reads the photos, one at a time, from the start.
    """

    name: str
    is_version: bool
    entries: Callable[[], Iterator[Entry]]


def open_set(store: LabelStore, name: str) -> LabelledSet:
    """The source or version of this name.

    Raises:
        LabelError: There is none, or both are called so.
    """
    manifest = store.versions_folder / name / _MANIFEST
    is_version, is_source = manifest.is_file(), name in store.sources()
    if is_version and is_source:
        raise LabelError(store.root, name, "来源和版本同名 / names a source and a version; rename one of them")
    if is_version:
        return LabelledSet(name, True, lambda: _frozen(manifest))
    if not is_source:
        versions = sorted(path.parent.name for path in store.versions_folder.glob(f"*/{_MANIFEST}"))
        known = ", ".join([*store.sources(), *versions]) or "none"
        raise LabelError(store.root, name, f"没有这个来源或版本 / neither a source nor a version; there are: {known}")
    return LabelledSet(name, False, lambda: map(Entry, store.photos(name)))


def _frozen(manifest: Path) -> Iterator[Entry]:
    for row in read_lines(manifest):
        yield Entry(from_row(row, row["source"]), row.get("sha256", ""), row.get("licence", ""))


def credit_of(store: LabelStore, entry: Entry) -> Credit:
    """Whom to name for a photo; of a source that is no longer in the store, what its row says."""
    source = entry.photo.source
    if source not in store.sources():
        return Credit(source, entry.licence or "unknown")
    about = store.about(source)
    return Credit(source, entry.licence or about.licence, about.attribution, about.origin)
