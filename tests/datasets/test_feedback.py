"""The service's feedback: what each field means as a label, and what a line must not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets.formats import detect, feedback
from tests.datasets.labels_in import read_all

DIGEST = "ab" * 32
SUGGESTED = [{"category": "waste_bin", "probability": 0.9}, {"category": "damaged_road", "probability": 0.4}]


def line(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "street-patrol/feedback/1",
        "request_id": "r1",
        "confirmed_at": "2026-05-06T07:08:09+08:00",
        "photo": {"filename": "一.jpg", "sha256": DIGEST, "width": 200, "height": 100},
        "suggested": SUGGESTED,
        **changes,
    }


def put(folder: Path, *lines: object) -> None:
    text = "".join((x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)) + "\n" for x in lines)
    (folder / "feedback.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "present", "absent", "unsure"),
    [
        ({}, set(), set(), set()),  # a suggestion that nobody judged says nothing
        ({"confirmed": ["waste_bin"]}, {"waste_bin"}, set(), set()),
        ({"rejected": ["waste_bin"]}, set(), {"waste_bin"}, set()),
        ({"confirmed_on_case": ["waste_bin"]}, set(), set(), {"waste_bin"}),
        ({"no_issue": True}, set(), {"waste_bin", "damaged_road"}, set()),
        (
            {"no_issue": True, "searched": ["street_vendor"]},
            set(),
            {"waste_bin", "damaged_road", "street_vendor"},
            set(),
        ),
        ({"unrelated": True}, set(), {"waste_bin", "damaged_road"}, set()),
    ],
)
def test_what_a_field_means(
    tmp_path: Path, changes: dict[str, Any], present: set[str], absent: set[str], unsure: set[str]
) -> None:
    put(tmp_path, line(**changes))
    assert detect(tmp_path) == [feedback]
    (photo,), faults = read_all(feedback, tmp_path)
    assert not faults
    assert [set(photo.present), set(photo.absent), set(photo.unsure)] == [present, absent, unsure]
    assert photo.exhaustive == frozenset()
    assert ("unrelated" in photo.flags) == bool(changes.get("unrelated"))
    assert (photo.name, photo.sha256, photo.group, photo.where) == ("一.jpg", DIGEST, "r1", "1")


def test_boxes_are_pixels_of_the_upright_photo(tmp_path: Path) -> None:
    put(tmp_path, line(boxes=[{"category": "waste_bin", "box": [20, 10, 60, 60]}], exhaustive_for=["waste_bin"]))
    (photo,), _ = read_all(feedback, tmp_path)
    assert photo.boxes[0].xyxy == (0.1, 0.1, 0.3, 0.6)
    assert photo.exhaustive == frozenset({"waste_bin"})


def test_the_last_judgement_of_a_photo_counts(tmp_path: Path) -> None:
    later = line(rejected=["waste_bin"], confirmed_at="2026-05-06T07:00:00Z")  # the same day, but west of Shanghai
    put(tmp_path, later, line(confirmed=["waste_bin"]), line(confirmed=["waste_bin"], request_id="r2"))
    first, second = read_all(feedback, tmp_path)[0]
    assert (*first.absent, first.where) == ("waste_bin", "1")
    assert second.present == {"waste_bin"}


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("{", "line left out"),
        (line(schema="street-patrol/feedback/2"), "schema"),
        (line(confirmd=["waste_bin"]), "confirmd"),
        (line(confirmed=["waste_bin"], rejected=["waste_bin"]), "confirmed and rejected at once: waste_bin"),
        (line(confirmed=["waste_bin"], no_issue=True), "no_issue or unrelated, yet confirmed or drawn: waste_bin"),
        (line(photo={"filename": "a"}, boxes=[{"category": "x", "box": [0, 0, 1, 1]}]), "photo.width and photo.height"),
        (line(confirmed_at="2026-05-06T07:08:09"), "confirmed_at"),
        (line(photo={"filename": "a", "sha256": "XYZ"}), "photo.sha256"),
    ],
)
def test_a_broken_line_is_named_and_the_rest_read(tmp_path: Path, broken: object, problem: str) -> None:
    put(tmp_path, broken, line(request_id="r2"))
    read, (fault,) = read_all(feedback, tmp_path)
    assert [photo.group for photo in read] == ["r2"]
    assert (fault.code, fault.file, fault.where) == ("line-broken", "feedback.jsonl", "1")
    assert problem in fault.message


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "feedback-format.md").read_text(encoding="utf-8")
    example = text.partition("```json\n")[2].partition("```")[0]
    put(tmp_path, json.loads(example))
    (photo,), faults = read_all(feedback, tmp_path)
    assert not faults
    assert photo.boxes
