"""The label store: what was imported, one folder a source, one JSON line a photo.

    DATA/sources/<source>/source.json    licence, attribution, format, class map
    DATA/sources/<source>/photos.jsonl   one labelled photo a line, sorted by name
    DATA/sources/<source>/faults.jsonl   what was wrong with the labels when they were imported
    DATA/photos/<source>/<hash>/         photos that were imported from an archive
    DATA/versions/<name>/                frozen versions

Photos stay where they are. A source is replaced as a whole or not at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pydantic import BaseModel, ConfigDict

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.labels import LabelledPhoto
from datasets.rows import from_row, to_row

_ABOUT, _PHOTOS, _FAULTS = "source.json", "photos.jsonl", "faults.jsonl"
_ASIDE = "-replaced"


class SourceRecord(BaseModel):
    """The papers of an imported source.

    Attributes:
        name: Its id in the store.
        licence: As the source states it.
        attribution: Whom to name.
        origin: Folder, archive or URL that was imported.
        format: Label formats found there.
        class_map: Class name there -> category id; null: left out on purpose.
        held_out: The whole source is for the test part.
        stretched: The photos lost their aspect ratio.
        series_block: Photos whose file numbers fall in one block of this size belong together; 0: no series.
        imported_at: When, ISO 8601, UTC.
        photos: How many.
        notes: Anything a data card should say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    licence: str
    attribution: str
    origin: str
    format: tuple[str, ...] = ()
    class_map: dict[str, str | None] = {}
    held_out: bool = False
    stretched: bool = False
    series_block: int = 0
    imported_at: str = ""
    photos: int = 0
    notes: str = ""


class LabelStore:
    """The folder that imports go to and versions are frozen from.

    Args:
        root: DATA above; made when something is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources_folder = root / "sources"
        self.versions_folder = root / "versions"
        self.photos_folder = root / "photos"
        self.cache_folder = root / "cache"

    def sources(self) -> list[str]:
        """Names of the imported sources, sorted."""
        self._restore()
        folders = (path.parent.name for path in self.sources_folder.glob(f"*/{_ABOUT}"))
        return sorted(name for name in folders if not name.startswith("."))  # what a killed import left behind

    def about(self, source: str) -> SourceRecord:
        """The papers of a source.

        Raises:
            LabelError: there is no such source.
        """
        self._restore()
        path = self.sources_folder / source / _ABOUT
        if not path.is_file():
            known = ", ".join(self.sources()) or "none"
            raise LabelError(path, "", f"source {source!r} was never imported; imported are: {known}")
        return SourceRecord.model_validate_json(path.read_text(encoding="utf-8"))

    def _restore(self) -> None:
        for parent in (self.sources_folder, self.photos_folder):
            restore_folders(parent)

    def photos(self, source: str) -> Iterator[LabelledPhoto]:
        """The labelled photos of a source, sorted by name, one at a time."""
        for row in read_lines(self.sources_folder / source / _PHOTOS):
            yield from_row(row, source)

    def faults(self, source: str) -> Iterator[Fault]:
        """What was wrong with the labels of a source when they were imported."""
        for row in read_lines(self.sources_folder / source / _FAULTS):
            yield Fault.from_row(row)

    def write(
        self, about: SourceRecord, photos: Iterable[LabelledPhoto], faults: Iterable[Fault], *, is_sorted: bool = False
    ) -> SourceRecord:
        """Put a source in place of what was there under its name; all of it or, after an error, nothing.

        Args:
            about: Its papers.
            photos: Its photos.
            faults: What was wrong with their labels.
            is_sorted: Whether the photos come sorted by name, so that they need not be held in memory.

        Returns:
            The papers as written, with the number of photos.
        """
        with replaced_folder(self.sources_folder / about.name) as folder:
            ordered = photos if is_sorted else sorted(photos, key=lambda photo: photo.key)
            count = write_lines(folder / _PHOTOS, map(to_row, ordered))
            write_lines(folder / _FAULTS, (fault.to_row() for fault in faults))
            written = about.model_copy(update={"photos": count})
            (folder / _ABOUT).write_text(written.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return written


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON lines of a file.

    Raises:
        LabelError: naming file and line of one that is not JSON.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise LabelError(path, str(number), f"not a JSON line ({error}); import or freeze again") from error


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON lines, to disk before it returns; their number."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_line(row))
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def _line(row: Mapping[str, Any]) -> str:
    """Readable, but for names whose bytes are no UTF-8 on disk: those only escapes can hold."""
    line = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":")) + "\n"
    return line


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `target` when the block ends without an error.

    A process killed while it swaps the two leaves the old one aside: `restore_folders` puts it back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield staging
        aside = target.with_name(f".{target.name}{_ASIDE}")
        with _swapping(target.parent):
            _put_back(aside)
            if target.exists():
                target.rename(aside)
            staging.rename(target)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def restore_folders(parent: Path) -> None:
    """Put back every folder that a killed process had moved aside and not replaced."""
    if any(parent.glob(f".*{_ASIDE}")):
        with _swapping(parent):
            for aside in parent.glob(f".*{_ASIDE}"):
                _put_back(aside)


def _put_back(aside: Path) -> None:
    target = aside.with_name(aside.name.removeprefix(".").removesuffix(_ASIDE))
    if aside.exists() and not target.exists():
        aside.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _swapping(parent: Path) -> Iterator[None]:
    """One process at a time moves folders; the lock ends with it, however it ends."""
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
