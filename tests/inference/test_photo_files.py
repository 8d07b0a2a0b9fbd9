"""Finding, naming and reading photo files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference.codec import PhotoError
from inference.photo import PhotoLimits
from inference.photo_files import NoPhotosError, photo_files, read_file, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "路口.heic", "notes.txt", ".hidden.jpg", "._b.JPG", "c.jpg.part"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub.jpg").mkdir()
    (tmp_path / "sub.jpg" / "deep.jpg").write_bytes(b"")
    return tmp_path


def test_a_folder_gives_its_own_photos_sorted(folder: Path) -> None:
    assert [path.name for path in photo_files([folder])] == ["a.png", "b.JPG", "路口.heic"]


def test_named_files_are_taken_whatever_they_are_called_in_the_order_named(folder: Path) -> None:
    named = [folder / "notes.txt", folder / "a.png", folder / "notes.txt"]
    assert photo_files(named) == named


def test_files_and_folders_mix(folder: Path) -> None:
    found = photo_files([folder / "b.JPG", folder / "sub.jpg"])
    assert [path.name for path in found] == ["b.JPG", "deep.jpg"]


def test_everything_that_is_no_photo_is_listed(folder: Path) -> None:
    (folder / "empty").mkdir()
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(NoPhotosError) as raised:
        photo_files([folder / "gone.jpg", folder / "a.png", folder / "empty", pipe])
    lines = str(raised.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(folder / name) for name in ("gone.jpg", "empty", "pipe")]
    assert "does not exist" in lines[0]
    assert ".jpg" in lines[1]
    assert "neither a file nor a folder" in lines[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"a.jpg", "a.jpg"),
        ("路口 1.jpg".encode(), "路口 1.jpg"),
        ("照片.jpg".encode("gbk"), r"\xd5\xd5Ƭ.jpg"),  # its last two bytes happen to be UTF-8
        (b"\xff\xfe.jpg", r"\xff\xfe.jpg"),
        (b"a\x1b[31m\n.jpg", r"a\x1b[31m\n.jpg"),
    ],
)
def test_names_are_shown_as_valid_harmless_text(name: bytes, expected: str) -> None:
    text = shown(Path(os.fsdecode(name)))
    assert text == expected
    text.encode()


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", PhotoLimits(max_bytes=5)) == b"12345"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PhotoError, match="1,099,511,627,776 bytes") as raised:
        read_file(tmp_path / "a", PhotoLimits())
    assert raised.value.code == "too-many-bytes"
