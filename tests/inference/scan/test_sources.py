"""Listing: folders, links, archives, lists; what is left out is counted, what cannot be read is an input too."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from inference.codec import PhotoError
from inference.photo import PhotoLimits
from inference.scan.inputs import Input, InputError
from inference.scan.sources import Lister
from inference.scan.stores import NoSourceError
from tests.inference.scan.stub import RULES

CONTENT = b"photo"


def lister(*sources: object, all_files: bool = False, max_bytes: int = 1000) -> Lister:
    rules = replace(RULES, all_files=all_files, limits=PhotoLimits(max_bytes=max_bytes))
    return Lister([str(source) for source in sources], rules)


def said(item: Input) -> bytes | str:
    """The content, or the code of the failure."""
    try:
        return item.read()
    except (InputError, PhotoError) as error:
        return error.code
    except OSError as error:
        return type(error).__name__


def listed(*sources: object, **options: bool | int) -> dict[str, bytes | str]:
    items = lister(*sources, **options).inputs()  # type: ignore[arg-type]
    return {item.path: said(item) for item in items}


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    return folder


# ------------------------------------------------------------------------------------------ folders


def test_a_folder_is_listed_with_those_below_it_in_the_order_of_names(tmp_path: Path) -> None:
    make(tmp_path, "b.JPG", "a/z.jpg", "a/b/c.png", "c.heic", "路口/照 片.jpg")
    found = [item.path for item in lister(tmp_path).inputs()]
    assert found == ["a/b/c.png", "a/z.jpg", "b.JPG", "c.heic", "路口/照 片.jpg"]
    assert {item.source for item in lister(tmp_path).inputs()} == {str(tmp_path)}


def test_what_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", ".hidden.jpg", "._a.jpg", "__MACOSX/a.jpg", "notes.txt", "b.TXT", "Thumbs.db", "README")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = lister(tmp_path)
    assert [item.path for item in found.inputs()] == ["a.jpg"]
    assert found.skipped == {"hidden": 3, ".txt": 2, ".db": 1, "no ending": 1, "special": 1}


def test_all_files_are_inputs_where_that_is_asked(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "notes.txt", "wechat-cache", ".hidden")
    assert [*listed(tmp_path, all_files=True)] == ["a.jpg", "notes.txt", "wechat-cache"]


def test_a_loop_of_links_ends_and_real_paths_win(tmp_path: Path) -> None:
    make(tmp_path, "real/a.jpg", "real/deep/b.jpg")
    (tmp_path / "real" / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "a-link").symlink_to(tmp_path / "real")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "itself.jpg").symlink_to(tmp_path / "itself.jpg")
    assert listed(tmp_path) == {"itself.jpg": "OSError", "real/a.jpg": CONTENT, "real/deep/b.jpg": CONTENT}


def test_a_link_to_elsewhere_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "disk/a.jpg", "scan/b.jpg")
    (tmp_path / "scan" / "archive").symlink_to(tmp_path / "disk")
    (tmp_path / "scan" / "c.jpg").symlink_to(tmp_path / "disk" / "a.jpg")
    assert [*listed(tmp_path / "scan")] == ["b.jpg", "c.jpg", "archive/a.jpg"]


def test_a_link_to_nothing_is_an_input_that_vanished(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "nowhere")
    assert listed(tmp_path) == {"a.jpg": "vanished"}


def test_overlapping_sources_list_a_folder_once(tmp_path: Path) -> None:
    make(tmp_path, "a/b.jpg", "c.jpg")
    places = [item.location for item in lister(tmp_path, tmp_path / "a", tmp_path / "c.jpg").inputs()]
    assert sorted(set(places)) == [f"{tmp_path}/a/b.jpg", f"{tmp_path}/c.jpg"]


def test_a_folder_that_cannot_be_listed_is_an_input_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/b.jpg", "c.jpg")
    scandir = os.scandir

    def denied(path: str) -> object:
        if path.endswith("/a/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert listed(tmp_path) == {"a": "unreadable", "c.jpg": CONTENT}


def test_names_that_are_not_utf8_become_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode("照.jpg".encode("gbk"))).write_bytes(CONTENT)
    assert listed(tmp_path) == {r"\xd5\xd5.jpg": CONTENT}


def test_a_file_that_is_named_is_read_whatever_its_ending(tmp_path: Path) -> None:
    make(tmp_path, "photo.dat")
    assert listed(tmp_path / "photo.dat") == {"photo.dat": CONTENT}


def test_missing_sources_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(NoSourceError, match=r"one: there is no such file or folder\n.*two: there"):
        lister(tmp_path / "one", tmp_path, tmp_path / "two")


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x" * 1001)
    assert listed(tmp_path) == {"a.jpg": "too-many-bytes"}


# -------------------------------------------------------------------------------------------- lists


def test_a_list_names_files_folders_and_what_is_not_there(tmp_path: Path) -> None:
    make(tmp_path, "photos/a.jpg", "more/b.jpg", "more/c.jpg", "photos/notes.txt")
    os.mkfifo(tmp_path / "pipe.jpg")
    text = f"\ufeff# today\nphotos/a.jpg\r\n\n{tmp_path}/more\nphotos/路口.jpg\npipe.jpg\nphotos/notes.txt\n"
    (tmp_path / "list.txt").write_text(text, "utf-8")
    assert listed(tmp_path / "list.txt") == {
        "photos/a.jpg": CONTENT,
        "b.jpg": CONTENT,
        "c.jpg": CONTENT,
        "photos/路口.jpg": "vanished",
        "pipe.jpg": "unreadable",
        "photos/notes.txt": CONTENT,
    }


def test_a_line_that_no_store_knows_costs_the_others_nothing(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    (tmp_path / "list.txt").write_text("gopher://somewhere/b.jpg\na.jpg\n/nowhere.jpg\n", "utf-8")
    items = list(lister(tmp_path / "list.txt").inputs())
    assert [(item.location, said(item)) for item in items] == [
        ("gopher://somewhere/b.jpg", "unreadable"),
        (f"{tmp_path}/a.jpg", CONTENT),
        ("/nowhere.jpg", "vanished"),
    ]


# ------------------------------------------------------------------------------------------- zip


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_members_of_a_zip_are_inputs(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("b/", "b/1.jpg", "2.jpg", "路口.png", "._2.jpg", "__MACOSX/2.jpg", "notes.txt"):
            archive.writestr(name, CONTENT if not name.endswith("/") else b"")
        archive.writestr("inner.zip", b"")
        archive.writestr("v.mp4", b"")
    found = lister(tmp_path)
    assert {item.path: said(item) for item in found.inputs()} == {
        "a.zip!/b/1.jpg": CONTENT,
        "a.zip!/2.jpg": CONTENT,
        "a.zip!/路口.png": CONTENT,
        "a.zip!/inner.zip": "nested-archive",
        "a.zip!/v.mp4": "video-not-on-disk",
    }
    assert found.skipped == {"hidden": 2, ".txt": 1}


def test_gbk_names_in_a_zip_are_read_as_their_author_wrote_them(tmp_path: Path) -> None:
    for encoding in ("gbk", "utf-8"):
        data = io.BytesIO()
        raw = "城东/路口.jpg".encode(encoding)
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("x" * len(raw), CONTENT)
        written = data.getvalue().replace(b"x" * len(raw), raw)  # without the flag that would say UTF-8
        (tmp_path / f"{encoding}.zip").write_bytes(written)
    assert listed(tmp_path) == {"gbk.zip!/城东/路口.jpg": CONTENT, "utf-8.zip!/城东/路口.jpg": CONTENT}


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"a.jpg": CONTENT})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    path.write_bytes(data)
    assert listed(path) == {"a.zip!/a.jpg": "encrypted"}


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"honest.jpg": bytes(5000), "liar.jpg": bytes(5000), "z.jpg": CONTENT})
    data = bytearray(path.read_bytes())
    liar = data.rfind(b"PK\x01\x02", 0, data.rfind(b"liar.jpg"))
    data[liar + 24 : liar + 28] = struct.pack("<I", 5)  # the directory's word for the size
    path.write_bytes(data)
    found = listed(path)
    assert found["a.zip!/honest.jpg"] == "too-many-bytes"
    assert found["a.zip!/liar.jpg"] == "bad-member"
    assert found["a.zip!/z.jpg"] == CONTENT


def test_a_damaged_member_costs_the_others_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"AAAAAAAA")
        archive.writestr("b.jpg", CONTENT)
    path.write_bytes(path.read_bytes().replace(b"AAAAAAAA", b"AAAABAAA"))
    assert listed(path) == {"a.zip!/a.jpg": "bad-member", "a.zip!/b.jpg": CONTENT}


def test_two_members_of_one_name_are_two_inputs(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", b"second")
    assert listed(path) == {"a.zip!/a.jpg": b"first", "a.zip!/a.jpg#2": b"second"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_archive_is_an_input_that_failed(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    make(tmp_path, "z.jpg")
    assert listed(tmp_path) == {name: "bad-archive", "z.jpg": CONTENT}


# ------------------------------------------------------------------------------------------- tar


def tarred(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.TGZ", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")],
)
def test_members_of_a_tar_are_inputs(name: str, mode: str, tmp_path: Path) -> None:
    path = tarred(
        tmp_path / name, {"./a.jpg": b"one", "b/路口.jpg": b"two", "notes.txt": b"", f"{'x' * 200}.jpg": b""}, mode
    )
    long_name = f"{name}!/{'x' * 200}.jpg"
    assert listed(path) == {f"{name}!/a.jpg": b"one", f"{name}!/b/路口.jpg": b"two", long_name: b""}


def test_members_of_a_tar_may_be_passed_over(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar.gz", {f"{number}.jpg": bytes([number]) * 500 for number in range(5)}, "w:gz")
    items = lister(path).inputs()
    found = {item.path: item.read() for number, item in enumerate(items) if number % 2}
    assert found == {"a.tar.gz!/1.jpg": b"\1" * 500, "a.tar.gz!/3.jpg": b"\3" * 500}


def test_a_large_member_of_a_tar_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar.gz", {"big.jpg": bytes(100_000), "z.jpg": CONTENT}, "w:gz")
    assert listed(path) == {"a.tar.gz!/big.jpg": "too-many-bytes", "a.tar.gz!/z.jpg": CONTENT}


def test_a_hard_link_in_a_tar_is_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("b.jpg")
        link.type, link.linkname = tarfile.LNKTYPE, "a.jpg"
        archive.addfile(link)
    assert listed(tmp_path) == {"a.tar!/b.jpg": "bad-member"}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_a_tar_that_ends_early_gives_what_it_holds_and_says_so(name: str, tmp_path: Path) -> None:
    mode = "w:gz" if name.endswith("gz") else "w"
    noise = {f"{number}.jpg": os.urandom(900) for number in range(6)}
    path = tarred(tmp_path / name, noise, mode)
    path.write_bytes(path.read_bytes()[:4000])
    found = listed(path)
    assert found[f"{name}!/0.jpg"] == noise["0.jpg"]
    assert "bad-archive" in found.values() or "bad-member" in found.values()


def test_damage_between_two_members_of_a_tar_does_not_end_it_in_silence(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", {"0.jpg": CONTENT, "1.jpg": CONTENT, "2.jpg": CONTENT})
    data = bytearray(path.read_bytes())
    data[1024:1300] = b"?" * 276  # the header of 1.jpg
    path.write_bytes(data)
    assert listed(path) == {"a.tar!/0.jpg": CONTENT, "a.tar": "bad-archive"}


def test_a_tar_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 7 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(10_240))
    assert listed(tmp_path) == {"a.tar": "bad-archive"}


def test_counting_ahead_opens_no_archive(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg")
    ahead = Lister([str(tmp_path)], RULES, opens_files=False)
    assert (sum(1 for _ in ahead.inputs()), ahead.is_complete) == (2, True)
    make(tmp_path, "c.zip")
    ahead = Lister([str(tmp_path)], RULES, opens_files=False)
    assert (sum(1 for _ in ahead.inputs()), ahead.is_complete) == (2, False)
