"""The photos of train.yaml's data part: collected from source folders, or those of a frozen version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from datasets.collection import Collection, collect
from datasets.errors import LabelError
from datasets.facts_cache import FactsCache
from datasets.labels import LabelledPhoto, Source
from datasets.settings import DataSettings
from datasets.store import LabelStore
from datasets.versions import FrozenPhoto, Version, Versions
from inference.categories import Catalogue

_NAMED: Final = 5


def labelled_photos(settings: DataSettings, catalogue: Catalogue, base: Path) -> Collection:
    """What train.yaml asks for.

    Args:
        settings: The data part of train.yaml.
        catalogue: The categories labels may name.
        base: Folder that `negatives` files are relative to.

    Raises:
        LabelError: a source, a label file, the version or a photo of it cannot be used.
    """
    if settings.version is None:
        return collect(settings, catalogue, base)
    store = LabelStore(settings.root)
    return load_version(Versions(store.versions_folder).find(settings.version), store, catalogue)


def load_version(version: Version, store: LabelStore, catalogue: Catalogue) -> Collection:
    """A frozen version as training reads it, once it is certain to be what was frozen.

    Files whose size and mtime or ETag are those of the freeze count as unchanged; others are read and compared.

    Raises:
        LabelError: the version was tampered with, or a photo is missing, changed or of a category nobody knows.
    """
    if wrong := version.tampering():
        raise LabelError(version.folder, "", f"not as it was frozen: {'; '.join(wrong)}")
    frozen = list(version.photos())
    _require_unchanged(version, frozen, store)
    _require_known(version, frozen, catalogue)
    photos = tuple(sorted((f.photo for f in frozen), key=lambda photo: photo.key))
    return Collection(
        photos=photos,
        sources=_sources(version, photos),
        version=version.record.short,
        proposed_val=frozenset(f.photo.key for f in frozen if f.proposed and f.photo.split == "val"),
        stretched=frozenset(source.name for source in version.record.settings.sources if source.stretched),
    )


def _sources(version: Version, photos: Sequence[LabelledPhoto]) -> tuple[Source, ...]:
    return tuple(
        Source(s.name, s.licence, s.attribution, tuple(photo for photo in photos if photo.source == s.name))
        for s in version.record.settings.sources
    )


def _require_unchanged(version: Version, frozen: Sequence[FrozenPhoto], store: LabelStore) -> None:
    with FactsCache(store.cache_folder / "photos.sqlite") as cache:
        facts = cache.facts(f.photo.path for f in frozen)
        wrong = [
            f"{f.photo.key} ({found.fault or 'changed'})"
            for f, found in zip(frozen, facts, strict=True)
            if found.sha256 != f.sha256
        ]
    if wrong:
        named = ", ".join(wrong[:_NAMED])
        problem = f"{len(wrong)} photos are missing or changed: {named}; see `patrol data verify {version.record.name}`"
        raise LabelError(version.folder, "", problem)


def _require_known(version: Version, frozen: Sequence[FrozenPhoto], catalogue: Catalogue) -> None:
    unknown = {c for f in frozen for c in (*f.photo.exhaustive_for, *f.photo.present) if c not in catalogue}
    unknown |= {box.category for f in frozen for box in f.photo.boxes if box.category not in catalogue}
    if unknown:
        problem = f"categories.yaml does not know {', '.join(sorted(unknown))}, which this version labels"
        raise LabelError(version.folder, "", problem)
