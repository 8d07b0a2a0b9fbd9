"""The members of zip and tar files, read one after the other without unpacking anything to disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final, Self, cast

from inference.codec import PhotoError
from inference.photo import PhotoLimits
from inference.photo_files import shown
from inference.scan.inputs import InputError, ScanFailureCode

ZIPS: Final = (".zip",)
TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_MAX_NAME_BYTES: Final = 1 << 20  # of a tar's extended header, which tarfile would read whole, however large
_LONG_HEADERS: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
DAMAGE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
    UnicodeError,
    ValueError,
    IndexError,
)
"""What the libraries raise for damaged archives."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        name: Its path in there as valid text, unique: a second member of the same name has `#2` behind it.
        read: Its bytes, to be asked for before the next member is drawn, or never.
    """

    name: str
    read: Callable[[], bytes]


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive that can be read."""
    return name.lower().endswith((*ZIPS, *TARS))


def members(name: str, file: BinaryIO, limits: PhotoLimits) -> Iterator[Member]:
    """The files in an archive, in its own order.

    Args:
        name: The archive's, whose ending says what it is.
        file: The archive, seekable.
        limits: What a member may ask of this machine.

    Raises:
        InputError: The archive is damaged; the members before the damage were given.
    """
    listed = _zip_members(file, limits) if name.lower().endswith(ZIPS) else _tar_members(name, file, limits)
    seen: Counter[int] = Counter()  # of hashes: names themselves would fill memory
    try:
        for member in listed:
            path = shown(Path(member.name))
            seen[hash(path)] += 1
            count = seen[hash(path)]
            yield Member(path if count == 1 else f"{path}#{count}", member.read)
    except DAMAGE as error:
        total = seen.total()
        detail = f"the archive is damaged after {total} of its files ({type(error).__name__}: {error}); get it again"
        raise InputError("bad-archive", detail) from error


def _zip_members(file: BinaryIO, limits: PhotoLimits) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield Member(_zip_name(info), _zip_reader(archive, info, limits))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as its author wrote it: Chinese Windows writes GBK without saying so, Python reads it as CP437."""
    if info.flag_bits & _UTF8_FLAG:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: PhotoLimits) -> Callable[[], bytes]:
    def read() -> bytes:
        if info.flag_bits & _ENCRYPTED_FLAG:
            raise InputError("encrypted", "the member is encrypted; unpack the archive with its password and scan that")
        _check_size(info.file_size, limits)
        try:
            with archive.open(info) as member:
                return _read_at_most(member, limits)
        except DAMAGE as error:
            raise _bad_member(error) from error

    return read


def _tar_members(name: str, file: BinaryIO, limits: PhotoLimits) -> Iterator[Member]:
    with tarfile.open(fileobj=_decompressed(name.lower(), file), mode="r|", tarinfo=_CheckedTarInfo) as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # it would hold every header of the archive
            if info.isfile():
                yield Member(info.name, _tar_reader(archive, info, limits))
            elif info.islnk():
                yield Member(info.name, _refusing_link(info))


class _Decompressed:
    """A compressed file that gives what can be read of it before it says that it is cut off."""

    def __init__(self, file: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Some of the next bytes, at most `size`."""
        return self._file.read1(size)


def _decompressed(name: str, file: BinaryIO) -> IO[bytes]:
    if name.endswith((".gz", ".tgz")):
        return cast("IO[bytes]", _Decompressed(gzip.GzipFile(fileobj=file)))
    if name.endswith((".bz2", ".tbz2")):
        return cast("IO[bytes]", _Decompressed(bz2.BZ2File(file)))
    if name.endswith((".xz", ".txz")):
        return cast("IO[bytes]", _Decompressed(lzma.LZMAFile(file)))
    return file


class _CheckedTarInfo(tarfile.TarInfo):
    """Headers that are refused where tarfile would end the archive in silence, or read a header of any size."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except (_InvalidHeader, _TruncatedHeader) as error:
            raise _ReadError(f"at byte {tarfile.offset:,}: {error}") from error

    def _proc_member(self, tarfile: tarfile.TarFile) -> Self:
        if self.type in _LONG_HEADERS and self.size > _MAX_NAME_BYTES:
            raise _ReadError(f"a header of {self.size:,} bytes")
        found: Self = super()._proc_member(tarfile)  # type: ignore[misc]
        return found


_ReadError = tarfile.ReadError
_InvalidHeader: type[Exception] = tarfile.InvalidHeaderError  # type: ignore[attr-defined]
_TruncatedHeader: type[Exception] = tarfile.TruncatedHeaderError  # type: ignore[attr-defined]


def _tar_reader(archive: tarfile.TarFile, info: tarfile.TarInfo, limits: PhotoLimits) -> Callable[[], bytes]:
    def read() -> bytes:
        _check_size(info.size, limits)
        member = archive.extractfile(info)
        if member is None:
            raise InputError("bad-member", "the archive's entry holds no file; get the archive again")
        data = _read_at_most(member, limits)
        if len(data) < info.size:
            raise InputError("bad-member", f"the archive ends within this file, {len(data):,} of {info.size:,} bytes")
        return data

    def read_checked() -> bytes:
        try:
            return read()
        except DAMAGE as error:
            raise _bad_member(error) from error

    return read_checked


def _refusing_link(info: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        code: ScanFailureCode = "bad-member"
        raise InputError(code, f"is only a link to {info.linkname!r} in the same archive, which has its own record")

    return read


def _check_size(size: int, limits: PhotoLimits) -> None:
    if size > limits.max_bytes:
        raise PhotoError(
            "too-many-bytes", f"the file has {size:,} bytes, over the {limits.max_bytes:,} allowed; give a smaller one"
        )


def _read_at_most(member: IO[bytes], limits: PhotoLimits) -> bytes:
    """The bytes of a member, whatever its header said about their number."""
    data = member.read(limits.max_bytes + 1)
    _check_size(len(data), limits)
    return data


def _bad_member(error: Exception) -> InputError:
    return InputError("bad-member", f"cannot be unpacked ({type(error).__name__}: {error}); get the archive again")
