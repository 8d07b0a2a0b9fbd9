"""The photos of a source, found by the names that label files give them, never outside its folders."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from datasets.faults import Fault
from datasets.photo_names import folded, inside, is_absolute, rewritten, slashes
from datasets.raw import RawPhoto, Report
from inference.photo_files import SUFFIXES

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo of a source.

    Attributes:
        name: Its path below the photo folder, with `/`; unique in the source.
        path: The file, to read it now.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Found:
    """Which photo a label file means.

    Attributes:
        photo: The photo.
        how: How the name had to be mended; "" when it was right.
    """

    photo: PhotoFile
    how: str = ""


class LookupFailure(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """No photo for a name; `code` is the fault's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PhotoIndex:
    """Every photo below the photo folders of a source.

    Args:
        folders: Where photos lie; names are below the first one that holds the photo.
        roots: Folders that no link may lead out of.
        report: Gets links that do.
    """

    def __init__(self, folders: Sequence[Path], roots: Sequence[Path], report: Report) -> None:
        resolved = [root.resolve() for root in roots]
        self.by_name: dict[str, PhotoFile] = {}
        self._names: dict[str, str] = {}
        for number, folder in enumerate(folders):
            for path in _photos_below(folder, resolved, report):
                self._add(path, path.relative_to(folder).as_posix(), folders[:number])

    def _add(self, path: Path, name: str, earlier: Sequence[Path]) -> None:
        inner = next((folder for folder in earlier if path.is_relative_to(folder)), None)
        if inner is not None:  # images/a.jpg is called a.jpg, and may be called either
            self._names[name] = path.relative_to(inner).as_posix()
        elif name not in self.by_name:
            self.by_name[name] = PhotoFile(name, path)

    def __len__(self) -> int:
        return len(self.by_name)

    def find(self, raw: RawPhoto) -> Found:
        """The photo that a label file means.

        Raises:
            LookupFailure: there is none, there are several, or the name leads out of the source.
        """
        found = self._find(raw)
        if raw.sha256 and _digest(found.photo.path) != raw.sha256:
            same = self.by_digest.get(raw.sha256)
            if same is None:
                raise LookupFailure(
                    "photo-changed", f"内容与标注时不同 / {raw.name!r} is another file than was labelled"
                )
            return Found(same, "found by its sha256")
        return found

    def _find(self, raw: RawPhoto) -> Found:
        try:
            return self._find_by_name(raw)
        except LookupFailure:
            if raw.sha256 and raw.sha256 in self.by_digest:
                return Found(self.by_digest[raw.sha256], "found by its sha256")
            raise

    def _find_by_name(self, raw: RawPhoto) -> Found:
        name = slashes(raw.name)
        beside = PurePosixPath(raw.file).parent / name  # beside the label file, or from there
        for candidate in (name, beside.as_posix()):
            exact = None if is_absolute(candidate) else inside(candidate)
            if exact is not None and (photo := self._exact(exact)):
                return Found(photo, "" if name == raw.name else "backslashes")
        is_full = is_absolute(name)
        if not is_full and inside(name) is None and inside(beside.as_posix()) is None:
            raise LookupFailure("path-escape", f"路径指向来源之外 / {raw.name!r} leads out of the source: left out")
        mended = self._by_tail(name) if is_full else self._mended(name)
        if mended is not None:
            return mended
        if is_full:
            problem = (
                f"绝对路径，来源中没有该照片 / {raw.name!r} is outside the source, and no photo in it has that name"
            )
            raise LookupFailure("path-escape", problem)
        problem = f"照片不存在 / there is no photo {raw.name!r}; put it there, or give its folder with --photos"
        raise LookupFailure("photo-missing", problem)

    def _exact(self, name: str) -> PhotoFile | None:
        return self.by_name.get(self._names.get(name, name))

    def _mended(self, name: str) -> Found | None:
        """By every other way to read the name, in the order of how much each assumes."""
        spellings = [("", name), *rewritten(name)]
        for how, spelling in spellings[1:]:
            if (photo := self._exact(spelling)) is not None:
                return Found(photo, how)
        for key, table, what in self._loose_tables():
            for how, spelling in spellings:
                if photo := self._only(table.get(key(spelling), []), name):
                    return Found(photo, f"{how}; {what}" if how else what)
        return None

    def _by_tail(self, name: str) -> Found | None:
        """By the longest end of a full path that one photo has."""
        parts = PurePosixPath(name).parts[1:]
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            if (photo := self._exact(tail)) is not None:
                return Found(photo, "full path, matched by its end")
        return self._mended(parts[-1]) if parts else None

    def _loose_tables(self) -> Iterator[tuple[Callable[[str], str], dict[str, list[PhotoFile]], str]]:
        yield folded, self._by_folded, "other case"
        yield _stem, self._by_stem, "other ending"
        yield _base, self._by_base, "in another folder"

    @staticmethod
    def _only(photos: list[PhotoFile], name: str) -> PhotoFile | None:
        if len(photos) > 1:
            several = ", ".join(photo.name for photo in photos[:3])
            problem = f"{name!r} 可能是几张照片 / may be any of {len(photos)} photos ({several}): left out"
            raise LookupFailure("photo-ambiguous", problem)
        return photos[0] if photos else None

    @cached_property
    def _by_folded(self) -> dict[str, list[PhotoFile]]:
        return self._table(folded)

    @cached_property
    def _by_stem(self) -> dict[str, list[PhotoFile]]:
        return self._table(_stem)

    @cached_property
    def _by_base(self) -> dict[str, list[PhotoFile]]:
        return self._table(_base)

    @cached_property
    def by_digest(self) -> dict[str, PhotoFile]:
        """sha256 -> photo; reads every photo once."""
        return {_digest(photo.path): photo for photo in self.by_name.values()}

    def _table(self, key: Callable[[str], str]) -> dict[str, list[PhotoFile]]:
        table: dict[str, list[PhotoFile]] = defaultdict(list)
        for photo in self.by_name.values():
            table[key(photo.name)].append(photo)
        return dict(table)


def photo_folders(folder: Path) -> list[Path]:
    """Where the photos of a source folder lie: in `images`, then anywhere in it."""
    images = folder / "images"
    is_inside = images.is_dir() and images.resolve().is_relative_to(folder.resolve())
    return [images, folder] if is_inside else [folder]


def _stem(name: str) -> str:
    """The path without the ending, where that is a photo's; folded."""
    path = PurePosixPath(name)
    return folded(str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name)


def _base(name: str) -> str:
    return folded(PurePosixPath(name).name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _photos_below(folder: Path, roots: Sequence[Path], report: Report) -> Iterator[Path]:
    """Photos of a folder and its folders, sorted; links that lead out are reported and skipped."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*files, *folders]):
            path = Path(place, name)
            if path.is_symlink() and not any(path.resolve().is_relative_to(root) for root in roots):
                if path.suffix.lower() in SUFFIXES or name in folders:
                    _report_link(path, folder, report)
            elif name not in folders and path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield path


def _report_link(path: Path, folder: Path, report: Report) -> None:
    problem = (
        f"链接指向来源之外，已跳过 / a link to {path.readlink()}, which is outside the source: left out; "
        "copy the photos, or give their folder with --photos"
    )
    report(Fault("path-escape", "error", problem, name=path.relative_to(folder).as_posix()))
