"""What is to be scanned, listed lazily and always in the same order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from inference.photo import PhotoLimits
from inference.scan.archives import Member, is_archive, members
from inference.scan.inputs import MEMBER, Input, InputError, unreadable
from inference.scan.stores import Disk, Entry, NoSourceError, Remote, Store
from inference.scan.videos import frames, recorded_at

_LISTS: Final = (".txt", ".lst")
_APPLE_FOLDER: Final = "__MACOSX"


@dataclass(frozen=True, slots=True)
class ListingRules:
    """What of the sources is an input.

    Attributes:
        photo_suffixes: Endings of photos, in lower case.
        video_suffixes: Endings of videos, in lower case.
        every: Seconds between the frames of a video.
        all_files: Whether files with other endings are inputs too.
        limits: What a file may ask of this machine.
    """

    photo_suffixes: tuple[str, ...]
    video_suffixes: tuple[str, ...]
    every: float
    all_files: bool
    limits: PhotoLimits


class Lister:
    """Lists inputs, and counts what it leaves out.

    Args:
        sources: Folders, archives, videos, photos, list files (.txt, .lst: a path or URL per line), and URLs.
        rules: What of them is an input.
        opens_files: Whether archives and videos are opened. Without, `is_complete` says whether there were any.

    Raises:
        NoSourceError: A source is not there; all that are missing are named.
    """

    def __init__(self, sources: Sequence[str], rules: ListingRules, *, opens_files: bool = True) -> None:
        self._rules = rules
        self._disk = Disk()
        self._remotes: dict[str, Remote] = {}
        self._opens_files = opens_files
        self.skipped: Counter[str] = Counter()
        self.is_complete = True
        self._sources = [self._placed(source) for source in sources]
        missing = [source for source, store in self._sources if store.kind(source) in (None, "special")]
        if missing:
            raise NoSourceError("\n".join(f"{source}: there is no such file or folder" for source in missing))

    @property
    def places(self) -> tuple[str, ...]:
        """The sources as absolute paths and URLs."""
        return tuple(store.shown(source) for source, store in self._sources)

    def leave_out(self, folder: Path) -> None:
        """List nothing of a folder that exists, such as that of the records."""
        self._disk.pass_over(str(folder))

    def _placed(self, source: str) -> tuple[str, Store]:
        """A source as an absolute path or URL, and what reads it."""
        if "://" in source and not source.startswith("file://"):
            return source, self._remote(source)
        return str(Path(source.removeprefix("file://")).absolute()), self._disk

    def _remote(self, url: str) -> Remote:
        scheme = url.partition("://")[0]
        if scheme not in self._remotes:
            self._remotes[scheme] = Remote(url)
        return self._remotes[scheme]

    def inputs(self) -> Iterator[Input]:
        """All inputs; the same ones in the same order each time, as long as nothing is moved."""
        for source, store in self._sources:
            if store.kind(source) == "folder":
                yield from self._folder(store, source)
            elif store is self._disk and source.lower().endswith(_LISTS):
                yield from self._listed(source)
            else:
                folder, _, name = source.rpartition("/")
                yield from self._file(store, folder or "/", "", Entry(name, "file"), is_named=True)

    def _folder(self, store: Store, root: str) -> Iterator[Input]:
        """A folder and those below it; links to folders come last, so that real paths win over them."""
        links: deque[str] = deque()
        yield from self._below(store, root, "", links)
        while links:
            yield from self._below(store, root, links.popleft(), links)

    def _below(self, store: Store, root: str, folder: str, links: deque[str]) -> Iterator[Input]:
        """What lies in a folder, given relative to the root with `/` behind it or empty."""
        try:
            for entry in store.entries(store.join(root, folder) if folder else root):
                if entry.name.startswith(".") or entry.name == _APPLE_FOLDER:
                    self.skipped["hidden"] += 1
                elif entry.kind == "folder":
                    yield from self._below(store, root, f"{folder}{entry.name}/", links)
                elif entry.kind == "link":
                    links.append(f"{folder}{entry.name}/")
                elif entry.kind == "special":
                    self.skipped["special"] += 1
                else:
                    yield from self._file(store, root, folder, entry)
        except (OSError, InputError) as error:
            detail = f"this folder cannot be listed ({error}); see that this user may read it"
            yield unreadable(store.shown(root), self._name(store, folder) or ".", "unreadable", detail)

    def _listed(self, path: str) -> Iterator[Input]:
        """The files that a list names, one per line; relative ones as seen from the list."""
        folder = str(Path(path).parent)
        try:
            with Path(path).open(encoding="utf-8-sig", errors="surrogateescape") as lines:
                for line in map(str.strip, lines):
                    if line and not line.startswith("#"):
                        yield from self._line(folder, line)
        except OSError as error:
            yield unreadable(folder, Path(path).name, "unreadable", f"this list cannot be read ({error})")

    def _line(self, folder: str, line: str) -> Iterator[Input]:
        root, _, name = line.rpartition("/") if "://" in line or line.startswith("/") else (folder, "", line)
        root = root or "/"
        try:
            store = self._remote(line) if "://" in line else self._disk
        except NoSourceError as error:
            yield unreadable(root, name, "unreadable", str(error))
            return
        kind = store.kind(store.join(root, name)) if store is self._disk else "file"
        if kind == "folder":
            yield from self._folder(store, store.join(root, name))
        elif kind == "special":
            yield unreadable(store.shown(root), store.shown(name), "unreadable", "is no regular file")
        else:
            yield from self._file(store, root, "", Entry(name, "file"), is_named=True)

    def _file(self, store: Store, root: str, folder: str, entry: Entry, *, is_named: bool = False) -> Iterator[Input]:
        """A photo, or what an archive or a video holds; other files only where they were named or all are wanted."""
        name = entry.name.lower()
        place = store.join(root, f"{folder}{entry.name}")
        source, path = store.shown(root), self._name(store, f"{folder}{entry.name}")
        if is_archive(name):
            yield from self._archive(store, place, source, path)
        elif name.endswith(self._rules.video_suffixes):
            yield from self._video(store, place, source, path)
        elif is_named or self._is_wanted(name):
            yield Input(source, path, partial(store.read, place, self._rules.limits, entry.size))

    def _is_wanted(self, name: str) -> bool:
        if self._rules.all_files or name.endswith(self._rules.photo_suffixes):
            return True
        self.skipped[Path(name).suffix or "no ending"] += 1
        return False

    def _archive(self, store: Store, place: str, source: str, path: str) -> Iterator[Input]:
        if not self._opens_files:
            self.is_complete = False
            return
        try:
            with store.open(place) as file:
                for member in members(path, file, self._rules.limits):
                    yield from self._member(source, path, member)
        except FileNotFoundError:
            yield unreadable(source, path, "vanished", "the archive is not there any more; put it back")
        except InputError as error:
            yield unreadable(source, path, error.code, error.detail)
        except OSError as error:
            yield unreadable(source, path, "bad-archive", f"the archive cannot be read ({error}); get it again")

    def _member(self, source: str, path: str, member: Member) -> Iterator[Input]:
        name = member.name.lower()
        base = name.rpartition("/")[2]
        inside = f"{path}{MEMBER}{member.name}"
        if base.startswith(".") or _APPLE_FOLDER.lower() in name.split("/"):
            self.skipped["hidden"] += 1
        elif is_archive(base):
            detail = "is an archive in an archive, which is not opened; unpack the outer one and scan that"
            yield unreadable(source, inside, "nested-archive", detail)
        elif base.endswith(self._rules.video_suffixes):
            yield unreadable(source, inside, "video-not-on-disk", "is a video in an archive; unpack it and scan that")
        elif self._is_wanted(base.partition("#")[0]):
            yield Input(source, inside, member.read, is_sequential=True)

    def _video(self, store: Store, place: str, source: str, path: str) -> Iterator[Input]:
        if not self._opens_files:
            self.is_complete = False
            return
        file = store.on_disk(place)
        if file is None:
            yield unreadable(
                source, path, "video-not-on-disk", "is a video in a store; copy it to a disk and scan that"
            )
            return
        begun = recorded_at(file)
        try:
            for frame in frames(file, self._rules.every):
                moment = None if begun is None else begun + timedelta(seconds=frame.seconds)
                where = f"{path}#t={frame.seconds}"
                yield Input(source, where, frame.read, is_sequential=True, is_frame=True, captured_at=moment)
        except InputError as error:
            yield unreadable(source, path, error.code, error.detail)

    @staticmethod
    def _name(store: Store, path: str) -> str:
        """A relative path as valid text."""
        return store.shown(path) if path else ""
