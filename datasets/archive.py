"""Unpacking .zip and .tar(.gz, .bz2, .xz) of photos and labels: nothing outside the folder, nothing too large."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.import_settings import ImportSettings
from datasets.photo_names import inside, is_absolute
from datasets.raw import Report

SUFFIXES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_CHUNK: Final = 1 << 20
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_IGNORED: Final = frozenset(("__MACOSX", ".DS_Store", "Thumbs.db"))
_DAMAGE: Final = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of an archive.

    Attributes:
        name: As stated, decoded.
        size: Bytes it declares to be unpacked.
        is_link: Whether it is a link to somewhere.
        problem: Why it is not unpacked, or "".
    """

    name: str
    size: int
    is_link: bool
    problem: str


def is_archive(path: Path) -> bool:
    """Whether a file is named like an archive that can be unpacked."""
    return path.name.lower().endswith(SUFFIXES)


def bare_name(path: Path) -> str:
    """The name without the ending of an archive."""
    ending = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def unpack(path: Path, folder: Path, settings: ImportSettings, report: Report) -> None:
    """Unpack an archive into an existing folder.

    Files that lead out of it, links and damaged files are reported and skipped.

    Raises:
        LabelError: it is no archive, or more than the settings allow; `folder` then holds a part.
    """
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                _Unpacker(path, folder, settings, report).unpack_zip(archive)
        else:
            with tarfile.open(path) as archive:
                _Unpacker(path, folder, settings, report).unpack_tar(archive)
    except _DAMAGE as error:
        raise LabelError(path, "", f"压缩包损坏 / the archive is damaged ({error}); send it again") from error


class _Unpacker:
    """Unpacks one archive, keeping count."""

    def __init__(self, path: Path, folder: Path, settings: ImportSettings, report: Report) -> None:
        self._path = path
        self._folder = folder
        self._settings = settings
        self._report = report
        self._entries = 0
        self._bytes = 0

    def unpack_zip(self, archive: zipfile.ZipFile) -> None:
        """Refuse by what the directory declares before a byte is unpacked, then by what comes out."""
        entries = [(info, _zip_entry(info)) for info in archive.infolist() if not info.is_dir()]
        self._check_declared(len(entries), sum(entry.size for _, entry in entries))
        for info, entry in entries:
            self._check_ratio(entry.name, entry.size, info.compress_size)
        for info, entry in entries:
            target = self._target(entry)
            if target is not None:
                self._write(entry, target, partial(archive.open, info))

    def unpack_tar(self, archive: tarfile.TarFile) -> None:
        """A tar has no directory: it is judged while it is read."""
        for member in archive:
            if member.isdir():
                continue
            entry = _tar_entry(member)
            self._check_declared(self._entries + 1, self._bytes + entry.size)
            self._check_ratio(entry.name, self._bytes + entry.size, self._path.stat().st_size)
            target = self._target(entry)
            if target is not None:
                self._write(entry, target, partial(archive.extractfile, member))

    def _check_declared(self, entries: int, size: int) -> None:
        limits = self._settings
        if entries > limits.max_entries:
            self._refuse(f"{entries:,} 个文件超过上限 / files, over the {limits.max_entries:,} allowed")
        if size > limits.max_bytes:
            self._refuse(f"解压后 {size:,} 字节，超过上限 / bytes unpacked, over the {limits.max_bytes:,} allowed")
        free = shutil.disk_usage(self._folder).free
        if size - self._bytes > free:
            self._refuse(f"解压后 {size:,} 字节，磁盘只剩 / bytes unpacked, but the disk has {free:,} left")

    def _check_ratio(self, name: str, size: int, packed: int) -> None:
        if size > self._settings.ratio_from and size > packed * self._settings.max_ratio:
            self._refuse(
                f"{name!r} 压缩比异常，疑似解压炸弹 / unpacks {packed:,} bytes to {size:,}, over "
                f"{self._settings.max_ratio:g} times: a bomb"
            )

    def _refuse(self, problem: str) -> None:
        raise LabelError(self._path, "", f"{problem}; nothing of it is kept")

    def _target(self, entry: _Entry) -> Path | None:
        """Where a file goes; None, with a fault, where it must not go anywhere."""
        self._entries += 1
        name = None if is_absolute(entry.name) else inside(entry.name)
        if entry.problem or name is None:
            code = "archive-entry" if name is not None and not entry.is_link else "path-escape"
            problem = entry.problem or "路径指向文件夹之外 / leads out of the folder"
            self._fault(code, entry, f"{problem}: left out")
            return None
        target = self._folder / name
        if _IGNORED & {*target.parts} or target.exists():
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _fault(self, code: str, entry: _Entry, problem: str) -> None:
        self._report(Fault(code, "error", problem, name=entry.name, file=self._path.name, where=entry.name))

    def _write(self, entry: _Entry, target: Path, opened: Callable[[], IO[bytes] | None]) -> None:
        try:
            source = opened()
            if source is not None:
                with source, target.open("xb") as file:
                    self._copy(entry, source, file)
        except (*_DAMAGE, RuntimeError) as error:
            target.unlink(missing_ok=True)
            self._fault("archive-entry", entry, f"文件损坏 / damaged ({error}): left out")

    def _copy(self, entry: _Entry, source: IO[bytes], file: IO[bytes]) -> None:
        written = 0
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            self._bytes += len(chunk)
            if written > entry.size:
                self._refuse(f"{entry.name!r} 比声明的大 / unpacks to more than the {entry.size:,} bytes it declares")
            if self._bytes > self._settings.max_bytes:
                self._refuse(f"解压超过上限 / unpacks to more than the {self._settings.max_bytes:,} bytes allowed")
            file.write(chunk)


def _zip_entry(info: zipfile.ZipInfo) -> _Entry:
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    is_locked = info.flag_bits & _ENCRYPTED_FLAG
    problem = "链接 / a link" if is_link else "加密 / needs a password" if is_locked else ""
    return _Entry(_zip_name(info), info.file_size, is_link, problem)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Without the flag for UTF-8 a name is in whatever the packing system speaks: UTF-8 where it reads as that."""
    if info.flag_bits & _UTF8_FLAG:
        return info.filename
    return _decoded(info.filename.encode("cp437"))


def _tar_entry(member: tarfile.TarInfo) -> _Entry:
    is_link = member.issym() or member.islnk()
    problem = "链接 / a link" if is_link else "" if member.isreg() else "设备 / a device"
    return _Entry(_decoded(os.fsencode(member.name)), member.size, is_link, problem)


def _decoded(name: bytes) -> str:
    for codec in ("utf-8", "gb18030"):
        try:
            return name.decode(codec)
        except UnicodeDecodeError:
            continue
    return name.decode("utf-8", "replace")


def content_folder(folder: Path) -> Path:
    """The folder itself, or the only one in it, where an archive holds one folder with everything."""
    found = [p for p in folder.iterdir() if p.name not in _IGNORED]
    return content_folder(found[0]) if len(found) == 1 and found[0].is_dir() and not _is_part(found[0]) else folder


def _is_part(folder: Path) -> bool:
    """Whether a folder is one that sources consist of, so that the one above it is the source."""
    return folder.name.lower() in ("images", "labels", "annotations", "jpegimages")
