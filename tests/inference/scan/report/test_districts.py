"""Which folder is a photo's district."""

from __future__ import annotations

import pytest

from inference.scan.report.districts import DistrictChooser, Districts
from tests.inference.scan.test_exports import judged


def chosen(*paths: str, level: int | None = None, most: int = 5, sources: tuple[str, ...] = ("/照片",)) -> Districts:
    chooser = DistrictChooser(most, level)
    for source in sources:
        for path in paths:
            chooser.add(judged(path, source=source))
    return chooser.chosen()


@pytest.mark.parametrize(
    ("paths", "level", "district"),
    [
        (["和平/1.jpg", "新华/2.jpg"], 1, "和平"),
        (["2026/和平/1.jpg", "2026/新华/2.jpg"], 2, "和平"),
        ([f"{n:02d}/{'和平新华'[n % 2 * 2 :][:2]}/1.jpg" for n in range(20)], 2, "和平"),
        (["old.zip!/和平/1.jpg", "old.zip!/新华/2.jpg"], 2, "和平"),
        (["1.jpg", "2.jpg"], None, "全部"),
    ],
)
def test_the_first_level_that_tells_photos_apart(paths: list[str], level: int | None, district: str) -> None:
    found = chosen(*paths)
    assert found.level == level
    assert found.of(judged(paths[0])) == district


def test_several_sources_are_districts_where_folders_are_none() -> None:
    found = chosen("1.jpg", sources=("/东区", "/西区"))
    assert found.level == 0
    assert found.of(judged("1.jpg", source="/东区")) == "/东区"


def test_a_level_that_is_asked_for_is_taken_and_the_rest_added_up() -> None:
    found = chosen(*(f"{n:02d}/x.jpg" for n in range(9)), "00/y.jpg", level=1, most=3)
    assert found.level == 1
    assert [found.of(judged(f"{n:02d}/x.jpg")) for n in (0, 8)] == ["00", "（其他）"]
    assert "--district-level" in found.explanation
