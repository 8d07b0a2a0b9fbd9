"""CSV files of photo-level tags, as spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.formats import detect, tags
from tests.datasets.labels_in import read_all

WIDE = "file,dirty,torn,camera\na.jpg,1,0,Canon\nb 二.jpg,0,,Sony\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WIDE, "utf-8"),
        (WIDE, "utf-8-sig"),
        (WIDE, "gbk"),
        (WIDE, "utf-16"),
        (WIDE.replace(",", ";"), "utf-8"),
        (WIDE.replace(",", "\t"), "utf-8"),
        (WIDE.replace("\n", "\r\n"), "utf-8"),
        (WIDE.replace("file", "文件名"), "gbk"),
        (WIDE.replace("1,0", "是,否").replace("0,,", "否,,"), "gbk"),
        ("file,label,value\na.jpg,dirty,1\na.jpg,torn,0\nb 二.jpg,dirty,0\n", "utf-8"),
    ],
)
def test_shown_not_shown_and_unknown(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    assert detect(tmp_path) == [tags]
    (first, second), faults = read_all(tags, tmp_path)
    assert (first.name, *first.present, *first.absent) == ("a.jpg", "dirty", "torn")
    assert (second.name, *second.present, *second.absent) == ("b 二.jpg", "dirty")  # torn: nobody said
    assert not second.present
    assert first.exhaustive == second.exhaustive == frozenset()
    assert {fault.severity for fault in faults} <= {"note"}


def test_columns_of_remarks_are_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(WIDE, encoding="utf-8")
    _, (fault,) = read_all(tags, tmp_path)
    assert (fault.code, fault.where) == ("column-left-out", "1")
    assert "'camera' holds values like 'Canon'" in fault.message


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("c.jpg,maybe,1,x", "must be 0, 1 or blank, but is 'maybe'"),
        (",1,1,x", "no photo named"),
    ],
)
def test_a_broken_row_names_its_line(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "x.csv").write_text(f"{WIDE}{row}\nd.jpg,1,1,x\n", encoding="utf-8")
    read, faults = read_all(tags, tmp_path)
    (broken,) = [fault for fault in faults if fault.severity == "error"]
    assert problem in broken.message
    assert broken.where == "4"
    assert read[-1].name == "d.jpg"


def test_a_broken_row_of_the_long_form(tmp_path: Path) -> None:
    text = "file,label,value\na.jpg,dirty,perhaps\na.jpg,torn,1\n"
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    (photo,), (fault,) = read_all(tags, tmp_path)
    assert photo.present == {"torn"}
    assert (fault.where, fault.severity) == ("2", "error")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "file,camera\na.jpg,Canon\n", "", "file\na.jpg\n"])
def test_other_tables_are_not_taken_for_tags(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    assert not tags.recognises(tmp_path)
