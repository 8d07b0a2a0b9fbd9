"""Writes the files of a frozen version."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.card import Known, render_card
from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.grouping import Groups, LargeGroup
from datasets.labels import LabelledPhoto
from datasets.photo_table import PARTS, PhotoTable
from datasets.rows import to_row
from datasets.settings import GroupSettings, SplitSettings
from datasets.store import LabelStore, SourceRecord, write_lines
from datasets.tally import Tally
from datasets.versions import (
    CARD,
    DESCRIPTION,
    JOINS,
    MANIFEST,
    PROTECTED,
    SCHEMA,
    Ancestor,
    Fingerprinter,
    FrozenSettings,
    FrozenSource,
    VersionRecord,
    canonical,
    file_sha256,
)
from inference.categories import Catalogue

_READ_ONLY: Final = 0o444


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that a version will say.

    Attributes:
        name: Of the version.
        papers: Of its sources, sorted by name.
        base: Where it was started from, or None.
        group_settings: What belongs together.
        split_settings: How groups were shared out.
        table: The photos, in the order they are written.
        faulty: Keys of photos in the store that are left out.
        digest: Of all rows in the store, as they were when the plan was made.
        groups: Which photos belong together, and why.
        group_of: Name of each photo's group.
        parts: (n,) code of each photo's part.
        protected: Content hash -> code of the part, of photos that were in test or val once and are gone.
        left_out: Sources and photos that are left out, with the reason.
        large: Groups of more than their share.
    """

    name: str
    papers: tuple[SourceRecord, ...]
    base: Ancestor | None
    group_settings: GroupSettings
    split_settings: SplitSettings
    table: PhotoTable
    faulty: frozenset[str]
    digest: str
    groups: Groups
    group_of: Sequence[str]
    parts: NDArray[np.int8]
    protected: Mapping[bytes, int]
    left_out: tuple[str, ...]
    large: tuple[LargeGroup, ...]

    @property
    def settings(self) -> FrozenSettings:
        """The settings that are part of the id."""
        keep = FrozenSource.model_fields
        sources = (FrozenSource(**{k: v for k, v in about.model_dump().items() if k in keep}) for about in self.papers)
        return FrozenSettings(groups=self.group_settings, split=self.split_settings, sources=tuple(sources))


@contextmanager
def new_version_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes `target` when the block ends without an error, its files read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield staging
        for path in staging.iterdir():
            path.chmod(_READ_ONLY)
        staging.chmod(0o755)
        staging.rename(target)  # fails where somebody else made a version of this name meanwhile
    finally:
        rmtree(staging, ignore_errors=True)


def write_version(folder: Path, store: LabelStore, plan: Plan, catalogue: Catalogue) -> VersionRecord:
    """Write every file of a version.

    Raises:
        LabelError: the store changed since the plan was made.
    """
    fingerprint, tally = Fingerprinter(plan.settings), Tally()
    write_lines(folder / MANIFEST, _manifest(store, plan, fingerprint, tally))
    write_lines(folder / JOINS, _joins(plan))
    write_lines(folder / PROTECTED, _protected(plan))
    record = VersionRecord(
        schema_version=SCHEMA,
        name=plan.name,
        id=fingerprint.id(),
        base=plan.base,
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        photos=len(plan.table),
        groups=len(set(plan.group_of)),
        settings=plan.settings,
        counts=tally.as_rows(),
        left_out=plan.left_out,
        large_groups=tuple(asdict(group) for group in plan.large),
        files={name: file_sha256(folder / name) for name in (MANIFEST, JOINS, PROTECTED)},
    )
    _write_text(folder / CARD, render_card(record, catalogue, _known(store, plan)))
    complete = record.model_copy(update={"files": {**record.files, CARD: file_sha256(folder / CARD)}})
    _write_text(folder / DESCRIPTION, complete.model_dump_json(indent=1) + "\n")
    return complete


def row_digest(photo: LabelledPhoto) -> bytes:
    """Digest of all that the store says about a photo."""
    return hashlib.sha256(canonical(to_row(photo))).digest()


def _manifest(store: LabelStore, plan: Plan, fingerprint: Fingerprinter, tally: Tally) -> Iterator[dict[str, Any]]:
    """The second reading; fills `fingerprint` and `tally` on the way."""
    digest, position = hashlib.sha256(), 0
    for about in plan.papers:
        for photo in store.photos(about.name):
            digest.update(row_digest(photo))
            if photo.key in plan.faulty or position >= len(plan.table):
                continue
            row = _row(photo, about, plan, position)
            fingerprint.add(row)
            tally.add(replace(photo, split=row["split"]), row["size"])
            yield row
            position += 1
    if digest.hexdigest() != plan.digest:
        raise LabelError(store.sources_folder, "", "labels were imported meanwhile; freeze again")


def _row(photo: LabelledPhoto, about: SourceRecord, plan: Plan, position: int) -> dict[str, Any]:
    split = PARTS[int(plan.parts[position])]
    return {
        **to_row(replace(photo, group=plan.group_of[position], split=split)),
        "source": about.name,
        "licence": about.licence,
        "sha256": plan.table.digest(position).hex(),
        "size": plan.table.size[position],
        "proposed": plan.split_settings.proposed and photo.split == split,
    }


def _joins(plan: Plan) -> Iterator[dict[str, Any]]:
    for join in plan.groups.joins():
        row = {"first": join.first + 1, "second": join.second + 1, "reason": join.reason}
        yield {**row, "measure": join.measure} if join.measure else row


def _protected(plan: Plan) -> Iterator[dict[str, Any]]:
    for digest, part in sorted(plan.protected.items()):
        yield {"sha256": digest.hex(), "split": PARTS[part]}


def _known(store: LabelStore, plan: Plan) -> Known:
    """What import found wrong, and where and when the photos were taken, as far as they say."""
    faults: Counter[tuple[str, str]] = Counter()
    for about in plan.papers:
        faults.update((about.name, fault.code) for fault in _import_faults(store, about.name))
    latitude, longitude = np.array(plan.table.latitude), np.array(plan.table.longitude)
    placed = np.isfinite(latitude)
    corners = None
    if placed.any():
        ends = (latitude[placed].min(), longitude[placed].min(), latitude[placed].max(), longitude[placed].max())
        corners = (round(ends[0]), round(ends[1]), round(ends[2]), round(ends[3]))
    dated = sum(moment >= 0 for moment in plan.table.captured)
    return Known(dict(faults), int(placed.sum()), corners, dated)


def _import_faults(store: LabelStore, source: str) -> Iterator[Fault]:
    """None where the file is missing: a store written by hand need not have one."""
    try:
        yield from store.faults(source)
    except FileNotFoundError:
        return


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
