"""Where YOLO keeps its label files, and which photo each is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from datasets.faults import Fault
from datasets.photo_names import slashes
from datasets.raw import Report
from datasets.text import open_text
from inference.photo_files import SUFFIXES

_PARTS: Final = ("train", "val", "test")
_NO_LABELS: Final = frozenset(("classes.txt", "readme.txt", "readme.dataset.txt", "readme.roboflow.txt"))


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file and its photo.

    Attributes:
        path: The label file.
        photo: The photo's path below the photo folder, without its ending where no photo is found.
    """

    path: Path
    photo: str


def label_folders(folder: Path) -> Iterator[Path]:
    """Folders that hold label sets: `labels`, `labels_<x>`, `<part>/labels`, or the folder itself."""
    found = [p for p in (folder / "labels", *sorted(folder.glob("labels_*"))) if p.is_dir()]
    found += sorted(p for p in folder.glob("*/labels") if p.is_dir())
    if not found and (folder / "classes.txt").is_file():
        found = [folder]
    yield from (p for p in found if next(_texts(p), None) is not None)


def _texts(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*.txt") if p.name.lower() not in _NO_LABELS and p.is_file())


def label_files(folder: Path, labels: Path, settings: Mapping[str, Any], report: Report) -> Iterator[LabelFile]:
    """The label files of one label set, sorted; only the listed ones where data.yaml names lists of photos."""
    listed = _listed(folder, labels, settings, report)
    finder = _PhotoFinder(folder, labels)
    unlisted = 0
    for path in sorted(_texts(labels)):
        if path in listed:
            yield LabelFile(path, listed[path])
        elif not listed:
            yield LabelFile(path, finder.photo_of(path))
        else:
            unlisted += labels != folder  # beside the photos, the lists themselves are text files
    if unlisted:
        message = (
            f"{unlisted} 个标注文件不在列表中，未导入 / {unlisted} label files are in no list of data.yaml: left out"
        )
        report(Fault("not-listed", "note", message, file=labels.relative_to(folder).as_posix()))


def _listed(folder: Path, labels: Path, settings: Mapping[str, Any], report: Report) -> dict[Path, str]:
    """Label file -> photo, from the lists of photos that data.yaml names."""
    found: dict[Path, str] = {}
    root = folder / str(settings.get("path") or ".")
    for part in _PARTS:
        entries = settings.get(part) or ()
        for entry in [entries] if isinstance(entries, str) else entries:
            listing = next((p for p in (root / str(entry), folder / str(entry)) if _is_list(p, folder)), None)
            if listing is not None:
                with open_text(listing, report) as file:
                    found |= dict(_pair(folder, labels, line.strip()) for line in file if line.strip())
    return found


def _is_list(path: Path, folder: Path) -> bool:
    return path.suffix == ".txt" and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _pair(folder: Path, labels: Path, line: str) -> tuple[Path, str]:
    """Label file and photo name of a line of a list, such as `./images/train/a.jpg`."""
    parts = [part for part in PurePosixPath(slashes(line)).parts if part != "."]
    if "images" in parts:
        is_full = parts[0] == "/" or parts[0].endswith(":")
        at = len(parts) - 1 - parts[::-1].index("images") if is_full else parts.index("images")
        parts = parts[at + 1 :]
    below = PurePosixPath(*parts)
    top = labels.parent.relative_to(folder) if labels != folder else Path()
    photo = PurePosixPath(top.as_posix(), "images", below) if top.parts else below
    return labels / below.with_suffix(".txt"), photo.as_posix()


class _PhotoFinder:
    """Finds the photos of the label files of one label set."""

    def __init__(self, folder: Path, labels: Path) -> None:
        self._folder = folder
        self._labels = labels
        self._seen: dict[Path, dict[str, str]] = {}

    def photo_of(self, path: Path) -> str:
        """The photo of a label file: in the mirrored `images` folder, else beside it."""
        below = path.relative_to(self._labels).with_suffix("")
        for images in (self._labels.parent / "images", self._labels, self._labels.parent):
            place = images / below.parent
            name = self._photos_in(place).get(path.stem)
            if name is not None:
                top = self._folder / "images"
                return (place / name).relative_to(top if place.is_relative_to(top) else self._folder).as_posix()
        return below.as_posix()

    def _photos_in(self, folder: Path) -> dict[str, str]:
        """Stem -> file name of the photos right in a folder."""
        if folder not in self._seen:
            files = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ()
            self._seen[folder] = {p.stem: p.name for p in files if p.suffix.lower() in SUFFIXES}
        return self._seen[folder]
