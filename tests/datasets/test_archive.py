"""Archives: whole ones in every usual form, and those that are meant to harm."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from datasets.archive import bare_name, content_folder, is_archive, unpack
from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.import_settings import ImportSettings
from tests.datasets.labels_in import Store, box, image, photo_bytes, put_coco, tree

SMALL = ImportSettings(max_entries=20, max_bytes=100_000, ratio_from=1_000)
LIMITS = {"max_entries": 20, "max_bytes": 100_000}


def unpacked(path: Path, folder: Path, settings: ImportSettings = SMALL) -> tuple[dict[str, bytes], list[Fault]]:
    faults: list[Fault] = []
    folder.mkdir()
    unpack(path, folder, settings, faults.append)
    return dict(tree(folder)), faults


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zip_with_raw_names(path: Path, files: dict[bytes, bytes]) -> Path:
    """A zip whose names are bytes of some encoding, as Chinese systems write them: without the UTF-8 flag."""
    stand_ins = {name: chr(ord("a") + number) * len(name) for number, name in enumerate(files)}
    archive = zipped(path, {stand_ins[name]: data for name, data in files.items()}).read_bytes()
    for name, stand_in in stand_ins.items():
        archive = archive.replace(stand_in.encode(), name)
    path.write_bytes(archive)
    return path


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "X.ZIP"])
def test_names_of_archives(name: str) -> None:
    assert is_archive(Path(name))
    assert bare_name(Path(name)).lower() == "x"
    assert not is_archive(Path("x.json"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz"])
def test_whole_archives(tmp_path: Path, kind: str) -> None:
    files = {"a/照片.jpg": b"1", "a/b/c.json": b"22"}
    path = tmp_path / f"x.{kind}"
    if kind == "zip":
        zipped(path, files)
    else:
        tarred(path, files, "w" if kind == "tar" else "w:gz")
    assert unpacked(path, tmp_path / "out") == (files, [])
    assert content_folder(tmp_path / "out") == tmp_path / "out" / "a"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_names_without_the_utf8_flag(tmp_path: Path, encoding: str) -> None:
    path = zip_with_raw_names(tmp_path / "x.zip", {"街道/垃圾满溢.jpg".encode(encoding): b"x"})
    files, faults = unpacked(path, tmp_path / "out")
    assert list(files) == ["街道/垃圾满溢.jpg"]
    assert not faults


@pytest.mark.parametrize("name", ["../evil.txt", "/x/evil.txt", "a/../../evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_no_file_lands_outside(tmp_path: Path, name: str) -> None:
    files = {name: b"evil", "good.txt": b"good"}
    for path in (zipped(tmp_path / "x.zip", files), tarred(tmp_path / "x.tar.gz", files)):
        found, (fault,) = unpacked(path, tmp_path / f"out-{path.suffix}")
        assert found == {"good.txt": b"good"}
        assert (fault.code, fault.severity) == ("path-escape", "error")
        assert fault.where.endswith("evil.txt")
    assert not list(tmp_path.rglob("evil.txt"))


def test_links_are_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("a.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("a.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    for name, count in (("x.zip", 1), ("x.tar", 2)):
        files, faults = unpacked(tmp_path / name, tmp_path / f"out-{name}")
        assert not files
        assert [(fault.code, fault.where) for fault in faults] == [("path-escape", "a.jpg")] * count


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({f"{number}.txt": b"" for number in range(21)}, "21 .* files, over the 20 allowed"),
        ({"a.txt": bytes(range(256)) * 500}, r"128,000 .* bytes unpacked, over the 100,000 allowed"),
        ({"a.txt": bytes(90_000)}, r"'a\.txt' .*unpacks [\d,]+ bytes to .*over 200 times: a bomb"),
    ],
)
def test_bombs_are_refused_before_they_unfold(tmp_path: Path, files: dict[str, bytes], problem: str) -> None:
    for path in (zipped(tmp_path / "x.zip", files), tarred(tmp_path / "x.tar.gz", files)):
        with pytest.raises(LabelError, match=problem):
            unpacked(path, tmp_path / f"out-{path.suffix}")
        assert sum(map(len, tree(tmp_path / f"out-{path.suffix}").values())) <= LIMITS["max_bytes"]


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    """The directory declares 100 bytes for a megabyte: what comes out is cut off, and reported."""
    path = zipped(tmp_path / "x.zip", {"bomb.txt": bytes(1 << 20), "good.txt": b"good"})
    data = path.read_bytes()
    path.write_bytes(data.replace((1 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    files, (fault,) = unpacked(path, tmp_path / "out")
    assert files == {"good.txt": b"good"}
    assert (fault.code, fault.where) == ("archive-entry", "bomb.txt")


def test_a_damaged_file_costs_itself_and_a_damaged_archive_everything(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.bin": bytes(range(256)) * 8, "b.txt": b"whole"})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    files, (fault,) = unpacked(path, tmp_path / "out")
    assert files == {"b.txt": b"whole"}
    assert (fault.code, fault.where) == ("archive-entry", "a.bin")
    for name, broken in (("y.zip", bytes(data[: len(data) // 2])), ("y.tar.gz", b"no archive")):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(LabelError, match="the archive is damaged"):
            unpacked(tmp_path / name, tmp_path / f"out-{name}")


def test_a_zip_with_gbk_names_is_imported_and_its_photos_stay_with_the_store(tmp_path: Path) -> None:
    put_coco(tmp_path / "x.json", [image(1, "照片.jpg", exhaustive_for=["bin"])], [box(1)], ["bin"])
    files = {"一月/照片.jpg": photo_bytes(), "一月/x.json": (tmp_path / "x.json").read_bytes()}
    path = zip_with_raw_names(tmp_path / "一月.zip", {name.encode("gbk"): data for name, data in files.items()})
    store = Store(tmp_path / "data")
    done = store.take(path, name="一月", class_map={"bin": "waste_bin"})
    assert done.boxes == {"waste_bin": 1}
    assert not store.faults
    (photo,) = store.photos.values()
    assert photo.name == "照片.jpg"
    assert photo.path.is_relative_to(tmp_path / "data" / "photos" / "一月")
    assert photo.path.read_bytes() == photo_bytes()


def test_a_refused_archive_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    path = zipped(tmp_path / "x.zip", {"zeros.json": bytes(64 << 20)})
    with pytest.raises(LabelError, match="a bomb; nothing of it is kept"):
        store.take(path)
    assert not tree(tmp_path / "data")
