"""The labelled photos of all sources, grouped, split and named by one version id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.errors import LabelError
from datasets.groups import given_groups, joined, near_duplicates, photo_hashes, series
from datasets.labels import LabelledPhoto, Source, Split
from datasets.settings import DataSettings, SourceSettings
from datasets.source import SourceOptions, read_source
from datasets.split import assign, proposed_split
from inference.categories import Catalogue


@dataclass(frozen=True, slots=True)
class Collection:
    """A data set ready for training.

    Attributes:
        photos: Every labelled photo, split, in the order of their keys.
        sources: Where they come from.
        version: First 12 hex digits of the hash over all photos, labels and parts.
        proposed_val: Keys of the photos that a source itself proposed for validation.
        stretched: Names of the sources whose photos lost their aspect ratio.
    """

    photos: tuple[LabelledPhoto, ...]
    sources: tuple[Source, ...]
    version: str
    proposed_val: frozenset[str]
    stretched: frozenset[str] = frozenset()

    @property
    def held_out(self) -> list[str]:
        """Names of the sources that are in the test part whole."""
        parts = {(photo.source, photo.split) for photo in self.photos}
        return sorted({s for s, _ in parts} - {s for s, part in parts if part != "test"})

    def part(self, split: Split) -> list[LabelledPhoto]:
        """The photos of one part."""
        return [photo for photo in self.photos if photo.split == split]


def collect(settings: DataSettings, catalogue: Catalogue, base: Path) -> Collection:
    """Read, group, split and version the sources of `settings`.

    Args:
        settings: The data part of train.yaml.
        catalogue: The categories labels may name.
        base: Folder that `negatives` files are relative to.

    Raises:
        LabelError: a source or a label file cannot be used.
    """
    sources = [_read(settings.root / name, s, catalogue, base) for name, s in settings.sources.items()]
    photos = [p for source in sources for p in _grouped(settings, source)]
    pairs = near_duplicates(photo_hashes(photos), settings.near_duplicate_bits)
    groups = joined([p.group for p in photos], pairs)
    photos = [replace(p, group=group) for p, group in zip(photos, groups, strict=True)]
    fixed = {
        f"{source.name}/{name}": part
        for source in sources
        for name, part in proposed_split(settings.root / source.name / "splits.json").items()
    }
    split = assign(
        photos,
        fixed=fixed,
        held_out=frozenset(name for name, s in settings.sources.items() if s.held_out),
        val_fraction=settings.val_fraction,
        seed=settings.split_seed,
    )
    split.sort(key=lambda p: p.key)
    proposed = frozenset(key for key, part in fixed.items() if part == "val")
    stretched = frozenset(name for name, s in settings.sources.items() if s.stretched)
    return Collection(tuple(split), tuple(sources), version_of(split), proposed, stretched)


def _read(folder: Path, settings: SourceSettings, catalogue: Catalogue, base: Path) -> Source:
    if not (folder / "SOURCE.json").is_file():
        raise LabelError(folder, "", "no SOURCE.json there; correct data.root or take the source out of train.yaml")
    negatives = base / settings.negatives if settings.negatives is not None else None
    return read_source(folder, catalogue, SourceOptions(settings.class_map, negatives))


def _grouped(settings: DataSettings, source: Source) -> list[LabelledPhoto]:
    given = given_groups(settings.root / source.name / "groups.json")
    block = settings.sources[source.name].series_block

    def group(photo: LabelledPhoto) -> str:
        name = photo.path.name
        return f"{source.name}/{given.get(name) or (series(name, block) if block else name)}"

    return [replace(photo, group=group(photo)) for photo in source.photos]


def version_of(photos: Sequence[LabelledPhoto]) -> str:
    """Hash over content, labels, exhaustive sets, parts and groups of all photos."""
    digest = hashlib.sha256()
    for photo in photos:
        content = hashlib.sha256(photo.path.read_bytes()).hexdigest()
        boxes = sorted([box.category, *(round(v, 6) for v in box.xyxy)] for box in photo.boxes)
        sets = [sorted(photo.exhaustive_for), sorted(photo.present)]
        row = [photo.key, content, boxes, *sets, photo.split, photo.group]
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()[:12]
