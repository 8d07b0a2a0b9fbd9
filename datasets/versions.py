"""Frozen versions of a data set: their files, their id, reading them back.

    DATA/versions/<name>/manifest.jsonl    one photo a line: labels, hash, size, source, licence, part, group
    DATA/versions/<name>/joins.jsonl       why photos are in one group, by line of the manifest
    DATA/versions/<name>/protected.jsonl   hashes that were once in test or val, and are not in this version
    DATA/versions/<name>/version.json      name, id, base, settings, counts, hashes of the other files
    DATA/versions/<name>/card.md           the data card

Nothing of it changes once it is written. The id says what is in a version: the hash of settings and of every line of
the manifest, paths left out, so that it is the same on every machine and in every order of import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.errors import LabelError
from datasets.labels import LabelledPhoto, Split
from datasets.rows import from_row
from datasets.settings import GroupSettings, SplitSettings
from datasets.store import read_lines
from datasets.tally import Tally

SCHEMA: Final = 1
MANIFEST, JOINS, PROTECTED = "manifest.jsonl", "joins.jsonl", "protected.jsonl"
DESCRIPTION, CARD = "version.json", "card.md"
SHORT: Final = 12
"""Digits of an id that people and model packages see."""
_LEAST_DIGITS: Final = 4  # of an id, that a version is found by
_BLOCK: Final = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrozenSource(_Strict):
    """Papers of a source, as they were.

    Attributes:
        name: Its id.
        licence: As the source states it.
        attribution: Whom to name.
        held_out: The whole source is in the test part.
        stretched: The photos lost their aspect ratio.
        series_block: Consecutive file numbers that belong together; 0: no series.
        notes: Anything a data card should say.
    """

    name: str
    licence: str
    attribution: str
    held_out: bool
    stretched: bool
    series_block: int
    notes: str


class Ancestor(_Strict):
    """The version that a version was started from."""

    name: str
    id: str


class FrozenSettings(_Strict):
    """What a version was made with; part of its id."""

    groups: GroupSettings
    split: SplitSettings
    sources: tuple[FrozenSource, ...]


class VersionRecord(_Strict):
    """version.json.

    Attributes:
        schema_version: Of these files.
        name: Folder name.
        id: Hash of settings and manifest, 64 hexadecimal digits.
        base: The version whose parts were kept, or None.
        created: When, ISO 8601, UTC.
        photos: How many.
        groups: How many groups they make.
        settings: What it was made with.
        counts: A `Tally` in rows.
        left_out: Sources and photos that were left out, each with the reason.
        large_groups: Groups of more than their share, with what made them.
        files: Name -> SHA-256 of the other files.
    """

    schema_version: int
    name: str
    id: str
    base: Ancestor | None
    created: str
    photos: int
    groups: int
    settings: FrozenSettings
    counts: dict[str, Any]
    left_out: tuple[str, ...]
    large_groups: tuple[dict[str, Any], ...]
    files: dict[str, str]

    @property
    def short(self) -> str:
        """The id as people see it."""
        return self.id[:SHORT]


@dataclass(frozen=True, slots=True)
class FrozenPhoto:
    """A line of a manifest.

    Attributes:
        photo: The labels, with group and part.
        sha256: Of the file.
        size: Of the file in bytes.
        proposed: Whether the source itself proposed its part.
    """

    photo: LabelledPhoto
    sha256: str
    size: int
    proposed: bool


class Fingerprinter:
    """Computes a version's id while its rows go by."""

    def __init__(self, settings: FrozenSettings) -> None:
        self._digest = hashlib.sha256(canonical(settings.model_dump(mode="json")))

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in one line of the manifest."""
        self._digest.update(canonical({key: value for key, value in row.items() if key != "path"}))

    def id(self) -> str:
        """The id so far."""
        return self._digest.hexdigest()


def canonical(value: object) -> bytes:
    """The one JSON text of a value, as a line."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class Version:
    """A frozen version on disk.

    Args:
        folder: Its folder.

    Raises:
        LabelError: there is none, or version.json is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / DESCRIPTION
        if not path.is_file():
            raise LabelError(path, "", "no frozen version there; `patrol data show` lists them")
        try:
            self.record = VersionRecord.model_validate_json(path.read_bytes())
        except ValidationError as error:
            problem = f"not a version of schema {SCHEMA} ({error.error_count()} mistakes); restore it from a copy"
            raise LabelError(path, "", problem) from error

    @property
    def tally(self) -> Tally:
        """What it holds."""
        return Tally.from_rows(self.record.counts)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The lines of the manifest."""
        return read_lines(self.folder / MANIFEST)

    def photos(self) -> Iterator[FrozenPhoto]:
        """The photos in the order of the manifest, one at a time."""
        for row in self.rows():
            photo = from_row(row, row["source"])
            yield FrozenPhoto(photo, row["sha256"], row["size"], row["proposed"])

    def joins(self) -> Iterator[dict[str, Any]]:
        """Why photos are together: `first` and `second` are lines of the manifest, counted from 1."""
        return read_lines(self.folder / JOINS)

    def protected(self) -> Iterator[tuple[bytes, Split]]:
        """(content hash, part) of photos that were in test or val of a version before this one, and are gone."""
        for row in read_lines(self.folder / PROTECTED):
            yield bytes.fromhex(row["sha256"]), row["split"]

    def tampering(self) -> list[str]:
        """What of the version's own files is not as it was frozen; empty when all is."""
        wrong = [name for name, sha256 in self.record.files.items() if file_sha256(self.folder / name) != sha256]
        return [f"{self.folder / name}: changed or missing since it was frozen" for name in wrong] + self._wrong_id()

    def _wrong_id(self) -> list[str]:
        fingerprint = Fingerprinter(self.record.settings)
        try:
            for row in self.rows():
                fingerprint.add(row)
        except (LabelError, OSError) as error:
            return [f"{self.folder / MANIFEST}: cannot be read ({error})"]
        if fingerprint.id() == self.record.id:
            return []
        found = fingerprint.id()[:SHORT]
        return [f"{self.folder}: settings and manifest have the id {found}, but version.json says {self.record.short}"]


def file_sha256(path: Path) -> str:
    """Digest of a file, or "" when there is none."""
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Versions:
    """The frozen versions of a label store.

    Args:
        folder: DATA/versions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Names, the oldest first."""
        found = [Version(path.parent).record for path in self.folder.glob(f"[!.]*/{DESCRIPTION}")]
        return [record.name for record in sorted(found, key=lambda record: (record.created, record.name))]

    def base(self, name: str | None) -> Version | None:
        """The version that a new one starts from: `name`, or the newest; None for "none", or where there is none."""
        if name == "none":
            return None
        names = self.names()
        return self.find(name) if name is not None else (self.find(names[-1]) if names else None)

    def find(self, name: str) -> Version:
        """A version by name, by the first digits of its id, or by its folder.

        Raises:
            LabelError: there is none, or several begin so.
        """
        for folder in (self.folder / name, Path(name)):
            if (folder / DESCRIPTION).is_file():
                return Version(folder)
        versions = [Version(self.folder / known) for known in self.names()]
        by_id = [v for v in versions if len(name) >= _LEAST_DIGITS and v.record.id.startswith(name)]
        if by_id and len({v.record.id for v in by_id}) == 1:
            return by_id[0]
        known = ", ".join(f"{v.record.name} ({v.record.short})" for v in versions) or "none"
        raise LabelError(self.folder / name, "", f"no frozen version of this name or id; there are: {known}")
