"""Annotated copies: their names, their size, and that no original is ever touched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.annotated_copies import MAX_SIDE, AnnotatedCopies, copy_paths
from inference.answer import PhotoAnswer
from inference.categories import load_catalogue
from inference.photo import PhotoLimits, read_photo
from tests import photos

CATALOGUE = load_catalogue()


def names(folder: Path, *files: str) -> list[str]:
    return [path.name for path in copy_paths(folder, [Path(file) for file in files])]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a.jpg", "a.annotated.jpg"),
        ("a.PNG", "a.annotated.png"),
        ("a.heic", "a.annotated.jpg"),
        ("路口 1.jpeg", "路口 1.annotated.jpg"),
        ("a:b*c?.jpg", "a_b_c_.annotated.jpg"),
        (os.fsdecode("照片.jpg".encode("gbk")), "_xd5_xd5Ƭ.annotated.jpg"),
        ("noending", "noending.annotated.jpg"),
    ],
)
def test_copies_are_named_like_the_original(tmp_path: Path, file: str, expected: str) -> None:
    assert names(tmp_path, file) == [expected]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    assert names(tmp_path, "x/a.jpg", "y/a.jpg", "z/A.JPG", "x/a.jpg", "x/a.png") == [
        "a.annotated.jpg",
        "a.annotated-2.jpg",
        "A.annotated-3.jpg",
        "a.annotated-4.jpg",
        "a.annotated.png",
    ]


def test_long_names_fit_the_file_system_and_stay_apart(tmp_path: Path) -> None:
    found = copy_paths(tmp_path, [Path("巡" * 80 + f"{n}.jpg") for n in range(3)])
    assert len({path.name for path in found}) == 3
    for path in found:
        path.write_bytes(b"")


def test_names_of_originals_are_never_used(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jpg", tmp_path / "a.annotated.jpg"
    link = tmp_path / "elsewhere.jpg"
    link.symlink_to(tmp_path / "b.annotated.jpg")
    assert copy_paths(tmp_path / "." / "x" / "..", [first, second])[0].name == "a.annotated-2.jpg"
    assert copy_paths(tmp_path, [tmp_path / "b.jpg", link])[0].name == "b.annotated-2.jpg"


def answer(index: int, width: int, height: int) -> PhotoAnswer:
    return PhotoAnswer(
        index=index,
        filename="",
        sha256="",
        width=width,
        height=height,
        verdict="no_issue",
        warnings=[],
        suggestions=[],
        detections=[],
        error=None,
    )


def write(folder: Path, data: bytes, name: str = "a.jpg", limits: PhotoLimits | None = None) -> Image.Image:
    limits = limits or PhotoLimits()
    photo = read_photo(data, target_side=640, limits=limits, allow_degraded=True)
    copies = AnnotatedCopies(folder, [Path(name)], catalogue=CATALOGUE, lang="zh", limits=limits)
    with Image.open(copies.write(data, photo, answer(0, photo.width, photo.height))) as image:
        image.load()
        return image


def test_large_photos_are_shrunk_from_more_than_the_model_saw(tmp_path: Path) -> None:
    checks = np.indices((2400, 3200)).sum(axis=0) // 4 % 2 * 255  # squares of 4 pixels, 2 in the copy, under 1 at 640
    rgb = np.repeat(checks[..., np.newaxis], 3, axis=2).astype(np.uint8)
    image = write(tmp_path, photos.encode(rgb, "jpeg"))
    assert image.size == (MAX_SIDE, 1200)
    assert np.asarray(image).std() > 80


def test_small_photos_keep_their_size(tmp_path: Path) -> None:
    assert write(tmp_path, photos.encode(photos.scene(320, 240), "jpeg")).size == (320, 240)


def test_copies_have_no_exif_and_are_upright(tmp_path: Path) -> None:
    exif = photos.exif_block(orientation=6, taken_at="2024:05:06 07:08:09", gps={1: "N", 2: (30.0, 15.0, 0.0)})
    rgb = photos.scene(320, 240)
    stored = np.ascontiguousarray(np.rot90(rgb))
    image = write(tmp_path, photos.encode(stored, "jpeg", exif=exif))
    assert image.size == (320, 240)
    assert not image.getexif()
    assert b"Exif" not in (tmp_path / "a.annotated.jpg").read_bytes()
    assert np.abs(np.asarray(image).astype(int) - rgb).mean() < 3


def test_png_is_copied_as_png(tmp_path: Path) -> None:
    rgb = photos.scene(320, 240)
    image = write(tmp_path, photos.encode(rgb, "png"), "a.png")
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), rgb)


def test_a_link_in_the_place_of_a_copy_is_replaced_not_followed(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"precious")
    (tmp_path / "a.annotated.jpg").symlink_to(original)
    write(tmp_path, photos.encode(photos.scene(320, 240), "jpeg"))
    assert original.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.annotated.jpg", "original"]


def test_the_folder_is_made(tmp_path: Path) -> None:
    write(tmp_path / "new" / "deep", photos.encode(photos.scene(320, 240), "jpeg"))
    assert (tmp_path / "new" / "deep" / "a.annotated.jpg").is_file()


def test_a_failed_copy_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.annotated.jpg").mkdir()
    with pytest.raises(OSError, match=r"a\.annotated\.jpg"):
        write(tmp_path, photos.encode(photos.scene(320, 240), "jpeg"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.annotated.jpg"]
