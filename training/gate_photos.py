"""Which photos two models are compared on: the frozen test part, and the newest labels that nobody trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from datasets.errors import LabelError
from datasets.labels import LabelledPhoto, Split
from datasets.load_version import labelled_photos, load_version
from datasets.settings import DataSettings
from datasets.store import LabelStore
from datasets.versions import Version, Versions
from inference.categories import Catalogue
from inference.errors import PatrolError

ComparedPart = Literal["val", "test", "held-out"]
"""`held-out`: both others; weights were fitted on neither, thresholds and calibration on `val`."""
_SPLITS: Final[dict[ComparedPart, tuple[Split, ...]]] = {
    "val": ("val",),
    "test": ("test",),
    "held-out": ("val", "test"),
}


class GatePhotosError(PatrolError):
    """The photos that were asked for cannot be used, with the reason."""


@dataclass(frozen=True, slots=True)
class GatePhotos:
    """Held-out photos.

    Attributes:
        photos: All of them.
        new: Keys of those that are newer than the champion's data version.
        version: Data version.
        part: Its part.
        stretched: Sources whose photos lost their aspect ratio.
        trained_on: Keys of photos left out because a version that the champion was trained on had them for training.
        champion_known: Whether the champion's data version is in the label store, so that new photos are known.
    """

    photos: tuple[LabelledPhoto, ...]
    new: frozenset[str]
    version: str
    part: str
    stretched: frozenset[str]
    trained_on: tuple[str, ...]
    champion_known: bool


def gate_photos(
    settings: DataSettings,
    base: Path,
    catalogue: Catalogue,
    *,
    champion_version: str,
    part: ComparedPart = "test",
    new: str | None = None,
) -> GatePhotos:
    """The photos to compare on.

    Args:
        settings: Where the photos are: sources, or a frozen version.
        base: Folder that files named in `settings` are relative to.
        catalogue: All categories.
        champion_version: Data version of the champion.
        part: The part that both models are compared on.
        new: VERSION/PART of the newest labels; None: those photos of `part` that the champion's version does not have.

    Raises:
        LabelError: a version or photo cannot be used.
        GatePhotosError: no photo is left.
    """
    collection = labelled_photos(settings, catalogue, base)
    known = _find(settings, champion_version) if settings.version is not None else None
    before = {} if known is None else {f.sha256: f.photo.split for f in known.photos()}
    digests = {} if known is None or settings.version is None else _digests(settings)
    photos = [photo for photo in collection.photos if photo.split in _SPLITS[part]]
    trained_on = {p.key for p in photos if before.get(digests.get(p.key, "")) == "train"}
    newer = {p.key for p in photos if digests and digests[p.key] not in before}
    chosen, stretched = [p for p in photos if p.key not in trained_on], collection.stretched
    if new is not None:
        added, more = _named(new, settings, catalogue, {p.key for p in chosen})
        chosen, stretched, newer = [*chosen, *added], stretched | more, {p.key for p in added}
    if not chosen:
        raise GatePhotosError(
            f"data version {collection.version} has no photos in part {part!r} to compare on; freeze a version with a "
            "test part, or choose another --part"
        )
    return GatePhotos(
        photos=tuple(chosen),
        new=frozenset(newer),
        version=collection.version,
        part=part,
        stretched=stretched,
        trained_on=tuple(sorted(trained_on)),
        champion_known=known is not None or champion_version == collection.version,
    )


def _find(settings: DataSettings, version: str) -> Version | None:
    """The champion's version, where the label store has it."""
    try:
        return Versions(LabelStore(settings.root).versions_folder).find(version)
    except LabelError:
        return None


def _digests(settings: DataSettings) -> dict[str, str]:
    """Key -> content hash of every photo of the data version."""
    version = Versions(LabelStore(settings.root).versions_folder).find(str(settings.version))
    return {frozen.photo.key: frozen.sha256 for frozen in version.photos()}


def _named(
    new: str, settings: DataSettings, catalogue: Catalogue, have: set[str]
) -> tuple[Sequence[LabelledPhoto], frozenset[str]]:
    """Photos of VERSION/PART that are not there already, and the sources that are stretched."""
    name, _, part = new.rpartition("/")
    if not name or part not in get_args(Split):
        raise GatePhotosError(f"--new {new}: write VERSION/PART, such as 2026-11/test")
    if settings.version is None:
        raise GatePhotosError("--new names a frozen version: give the frozen version to compare on with --data, too")
    store = LabelStore(settings.root)
    collection = load_version(Versions(store.versions_folder).find(name), store, catalogue)
    return [p for p in collection.photos if p.split == part and p.key not in have], collection.stretched
