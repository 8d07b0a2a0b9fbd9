"""Makes a frozen version of what the label store holds.

The store is read twice, one photo at a time: first to learn content, time, place and look of each photo, from which
groups and parts follow; then to write the manifest. Only `PhotoTable`'s few numbers a photo stay in memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from datasets.check_settings import load_check_settings
from datasets.errors import LabelError
from datasets.facts_cache import FactsCache
from datasets.grouping import group_names, grouped, large_groups
from datasets.joins import Join
from datasets.labels import LabelledPhoto
from datasets.likeness import near_duplicates, scenes
from datasets.parts import assign_parts
from datasets.photo_table import PARTS, PhotoTable
from datasets.settings import GroupSettings, SplitSettings
from datasets.store import LabelStore, SourceRecord
from datasets.version_files import Plan, new_version_folder, row_digest, write_version
from datasets.versions import Ancestor, Version, Versions
from inference.categories import Catalogue

_NAME: Final = re.compile(r"\w[\w.-]*")
_NAMED: Final = 10
"""Faulty photos named in an error; the rest are counted."""


@dataclass(frozen=True, slots=True)
class FreezeOptions:
    """What a version is made of and how.

    Attributes:
        sources: Names of the sources to take; None: all.
        licences: Beginnings of the licences to take, in any case; None: all.
        base: The version whose parts are kept, or None.
        groups: What belongs together.
        split: How groups are shared out.
        leave_out_faulty: Leave out photos that are missing or cannot be read, instead of refusing.
    """

    sources: tuple[str, ...] | None = None
    licences: tuple[str, ...] | None = None
    base: Version | None = None
    groups: GroupSettings = field(default_factory=GroupSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    leave_out_faulty: bool = False


@dataclass(frozen=True, slots=True)
class Frozen:
    """What came of it.

    Attributes:
        version: The new version.
        same_as: Names of earlier versions with the same id.
        read: Photos whose files had to be read; the rest were known from before.
        faulty: Photos that were left out, with the reason.
    """

    version: Version
    same_as: tuple[str, ...]
    read: int
    faulty: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """What is known after the first reading.

    Attributes:
        table: The usable photos.
        faulty: Key of a photo that is not -> why.
        digest: Of all rows, to notice a store that changed meanwhile.
        read: Photos whose files were read.
    """

    table: PhotoTable = field(default_factory=PhotoTable)
    faulty: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    read: int = 0


def freeze(
    store: LabelStore,
    name: str,
    options: FreezeOptions,
    catalogue: Catalogue,
    advance: Callable[[], None] = lambda: None,
) -> Frozen:
    """Write the version `name`, all of it or, after an error, nothing.

    Args:
        store: What was imported.
        name: A new name: letters of any script, digits, `.`, `-` and `_`.
        options: What to take, and how to group and split it.
        catalogue: For the data card.
        advance: Called once for each photo of the first reading.

    Raises:
        LabelError: the name is taken or impossible, there is nothing to freeze, a photo is missing or cannot be read,
            or the store changed meanwhile.
    """
    target = _new_name(store, name)
    papers, left_out = _chosen(store, options)
    draft = _first_reading(store, papers, advance)
    _require_usable(store, draft, options)
    faulty = tuple(f"{key}: {why}" for key, why in draft.faulty.items())
    alike = _alike(store, papers, draft, options.groups)
    plan = _plan(name, options, papers, draft, alike, (*left_out, *faulty))
    with new_version_folder(target) as folder:
        record = write_version(folder, store, plan, catalogue)
    versions = Versions(store.versions_folder)
    same = tuple(n for n in versions.names() if n != name and versions.find(n).record.id == record.id)
    return Frozen(Version(target), same, draft.read, faulty)


def _new_name(store: LabelStore, name: str) -> Path:
    target = store.versions_folder / name
    if not _NAME.fullmatch(name):
        raise LabelError(target, "", f"{name!r} is no name for a version; use letters, digits, '.', '-' and '_'")
    if target.exists():
        raise LabelError(target, "", "this version is frozen already and never changes; choose another name")
    return target


def _chosen(store: LabelStore, options: FreezeOptions) -> tuple[list[SourceRecord], list[str]]:
    """The papers of the sources to take, and why each other one is left out."""
    known = store.sources()
    wanted = known if options.sources is None else sorted(set(options.sources))
    papers = [store.about(name) for name in wanted]
    left_out = [f"{name}: not asked for" for name in known if name not in wanted]
    if options.licences is not None:
        allowed = tuple(licence.casefold() for licence in options.licences)
        refused = [about for about in papers if not about.licence.casefold().startswith(allowed)]
        left_out += [f"{about.name}: licence not allowed: {about.licence}" for about in refused]
        papers = [about for about in papers if about not in refused]
    if not papers:
        raise LabelError(store.sources_folder, "", f"nothing to freeze: {'; '.join(left_out) or 'import first'}")
    return papers, left_out


def _first_reading(store: LabelStore, papers: Iterable[SourceRecord], advance: Callable[[], None]) -> _Draft:
    draft, digest = _Draft(), hashlib.sha256()
    with FactsCache(store.cache_folder / "photos.sqlite") as cache:
        for about in papers:
            photos, again = tee(store.photos(about.name))
            for photo, facts in zip(photos, cache.facts(_paths(again)), strict=True):
                digest.update(row_digest(photo))
                if facts.fault:
                    draft.faulty[photo.key] = facts.fault
                else:
                    draft.table.add(photo, facts, about)
                advance()
        draft.digest, draft.read = digest.hexdigest(), cache.read
    return draft


def _paths(photos: Iterable[LabelledPhoto]) -> Iterator[Path]:
    for photo in photos:
        if urlsplit(str(photo.path)).password:
            problem = "the URL holds a password, which a frozen version must not; see docs/data.md on credentials"
            raise LabelError(Path(photo.key), "path", problem)
        yield photo.path


def _require_usable(store: LabelStore, draft: _Draft, options: FreezeOptions) -> None:
    if draft.faulty and not options.leave_out_faulty:
        named = "\n".join(f"  {key}: {why}" for key, why in list(draft.faulty.items())[:_NAMED])
        more = f"\n  ... and {len(draft.faulty) - _NAMED} more" if len(draft.faulty) > _NAMED else ""
        problem = f"{len(draft.faulty)} photos cannot be frozen; mend them, or --leave-out-faulty:\n{named}{more}"
        raise LabelError(store.sources_folder, "", problem)
    if not len(draft.table):
        raise LabelError(store.sources_folder, "", "nothing to freeze: no photo can be read")


def _alike(store: LabelStore, papers: Iterable[SourceRecord], draft: _Draft, settings: GroupSettings) -> Iterator[Join]:
    """Look-alikes by hash and, where photos are not too many, by what they show."""
    yield from near_duplicates(draft.table.prints(), settings.near_duplicate_bits)
    if settings.scenes and len(draft.table) <= settings.scenes_limit:
        photos = (photo for about in papers for photo in store.photos(about.name) if photo.key not in draft.faulty)
        yield from scenes([photo.path for photo in photos], load_check_settings(), store.cache_folder)


def _plan(
    name: str,
    options: FreezeOptions,
    papers: list[SourceRecord],
    draft: _Draft,
    alike: Iterable[Join],
    left_out: tuple[str, ...],
) -> Plan:
    table, base = draft.table, options.base
    promises = _promises(base)
    groups = grouped(table, alike, options.groups)
    roots = groups.roots()
    names = group_names(table, roots)
    parts = assign_parts(table, roots, names, promises, options.split)
    here = set(table.all_digests())
    return Plan(
        name=name,
        papers=tuple(papers),
        base=None if base is None else Ancestor(name=base.record.name, id=base.record.id),
        group_settings=options.groups,
        split_settings=options.split,
        table=table,
        faulty=frozenset(draft.faulty),
        digest=draft.digest,
        groups=groups,
        group_of=[names[root] for root in roots.tolist()],
        parts=parts,
        protected={digest: part for digest, part in promises.items() if part > 0 and digest not in here},
        left_out=left_out,
        large=tuple(large_groups(groups, roots, names, options.groups)),
    )


def _promises(base: Version | None) -> dict[bytes, int]:
    """Content hash -> code of its part in the base version or, for photos that are gone, in one before it."""
    if base is None:
        return {}
    if wrong := base.tampering():
        raise LabelError(base.folder, "", f"cannot start from this version: {'; '.join(wrong)}")
    promises = {digest: PARTS.index(part) for digest, part in base.protected()}
    for frozen in base.photos():
        digest, part = bytes.fromhex(frozen.sha256), frozen.photo.split or "train"
        promises[digest] = max(PARTS.index(part), promises.get(digest, 0))
    return promises
