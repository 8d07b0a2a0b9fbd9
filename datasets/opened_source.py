"""What SRC is: a folder, an archive to unpack, or a label file with its photos beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets.archive import bare_name, content_folder, is_archive, unpack
from datasets.errors import LabelError
from datasets.fault_log import FaultLog
from datasets.import_settings import ImportSettings
from datasets.photo_index import PhotoIndex, photo_folders
from datasets.store import LabelStore, replaced_folder

_DIGEST_DIGITS = 12
_BESIDE_THE_LABELS = frozenset(("data.yaml", "dataset.yaml", "classes.txt"))  # they describe the folder they lie in


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source that label formats can read.

    Attributes:
        folder: Where its label files lie.
        papers: Where its SOURCE.json may lie.
        index: Its photos.
    """

    folder: Path
    papers: Path
    index: PhotoIndex


def source_name(path: Path) -> str:
    """The name a source gets from its path."""
    resolved = path.resolve()
    if resolved.is_dir():
        return resolved.name
    if resolved.name in _BESIDE_THE_LABELS:
        return resolved.parent.name
    return bare_name(resolved) if is_archive(resolved) else resolved.stem


@contextmanager
def opened(
    path: Path, name: str, photos: Path | None, store: LabelStore, settings: ImportSettings, log: FaultLog
) -> Iterator[OpenedSource]:
    """A source, unpacked where it has to be.

    Raises:
        LabelError: there is no such thing, or it is an archive that is refused.
    """
    path = path.resolve()
    if photos is not None and not photos.is_dir():
        raise LabelError(photos, "", "--photos: there is no such folder")
    if path.is_dir():
        yield _opened(path, path, photo_folders(path), photos, log)
    elif not path.is_file():
        raise LabelError(path, "", "没有这个文件或文件夹 / there is no such file or folder")
    elif is_archive(path):
        folder = _unpacked(path, name, store, settings, log)
        yield _opened(folder, folder, photo_folders(folder), photos, log)
    elif path.name in _BESIDE_THE_LABELS:
        yield _opened(path.parent, path.parent, photo_folders(path.parent), photos, log)
    else:
        with TemporaryDirectory(prefix="patrol-import-") as alone:
            (Path(alone) / path.name).symlink_to(path)  # readers take folders: this one holds nothing else
            yield _opened(Path(alone), path.parent, photo_folders(path.parent), photos, log)


def _opened(folder: Path, papers: Path, beside: list[Path], photos: Path | None, log: FaultLog) -> OpenedSource:
    log.folder = folder
    folders = [photos.resolve()] if photos is not None else beside
    return OpenedSource(folder, papers, PhotoIndex(folders, [*folders, papers], log))


def _unpacked(path: Path, name: str, store: LabelStore, settings: ImportSettings, log: FaultLog) -> Path:
    """The unpacked content, in a folder named by the archive's hash: versions frozen before keep their photos."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_DIGITS]
    target = store.photos_folder / name / digest
    with replaced_folder(target) as staging:
        unpack(path, staging, settings, log)
    return content_folder(target)
