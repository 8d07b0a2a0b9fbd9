"""Which photos are one case, which places come back, and what becomes of problems from visit to visit."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from inference import plugins
from inference.cli import app
from inference.package import DESCRIPTION, file_record
from inference.paths import MODELS
from inference.scan.case_record import ScanCase, ScanPlace
from inference.scan.export_command import export
from inference.scan.exports.scan_folder import case_numbers
from inference.scan.journal import Journal
from inference.scan.manifest import ScanManifest
from inference.scan.places import Places
from inference.scan.record import Record
from tests import photos
from tests.inference.scan.test_exports import AWNING, BIN, BOX, judged
from tests.inference.test_viewpoint import seen_from, street

RUNNER = CliRunner()
HERE = {"latitude": 31.2304, "longitude": 121.4737}
NEAR = {"latitude": 31.2306, "longitude": 121.4738}
FAR = {"latitude": 31.2330, "longitude": 121.4737}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005


def make_scan(folder: Path, records: Sequence[Record], **settings: Any) -> Path:
    """A folder with these records, of the shipped model."""
    model = file_record(MODELS / "street-patrol-n" / DESCRIPTION).sha256
    marks = {"model": "street-patrol-n 0.1.0", DESCRIPTION: model, "--min-score": None, **settings}
    manifest = ScanManifest(
        created_at="2026-06-01T01:00:00+00:00", sources=("/照片",), fingerprint=marks, categories=(), codes=()
    )
    with Journal(folder, sync_seconds=5, segment_bytes=1 << 20) as journal:
        for record in records:
            journal.append(record)
    (folder / "scan.json").write_text(manifest.model_dump_json(), "utf-8")
    return folder


def run(folder: Path, *arguments: str) -> Result:
    return RUNNER.invoke(app, ["scan-cases", str(folder), *arguments])


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def cases(folder: Path, *arguments: str) -> list[ScanCase]:
    done = run(folder, *arguments)
    assert done.exit_code == 0, done.output
    return [ScanCase.model_validate_json(line) for line in lines(folder / "exports" / "cases.jsonl")]


def places(folder: Path) -> list[ScanPlace]:
    return [ScanPlace.model_validate_json(line) for line in lines(folder / "exports" / "places.jsonl")]


def shot(path: str, moment: str | None, *suggestions: dict[str, Any], **fields: Any) -> Record:
    return judged(path, *suggestions, captured_at=moment, **{**HERE, **fields})


def test_one_place_and_time_is_one_case(tmp_path: Path) -> None:
    folder = make_scan(
        tmp_path,
        [
            shot("a.jpg", "2026-05-06T07:00:00", BIN),
            shot("b.jpg", "2026-05-06T07:02:00+08:00", BIN, AWNING, **NEAR),
            shot("c.jpg", "2026-05-06T07:05:00", BIN, **FAR),
            shot("d.jpg", "2026-05-09T07:00:00"),
            shot("e.jpg", None, AWNING),
            shot("f.jpg", "2026-05-06T07:00:00", verdict="unrelated", status="empty"),
        ],
    )
    found = cases(folder)
    assert [(case.case, [photo.path for photo in case.photos]) for case in found] == [
        ("P00001-20260506", ["a.jpg", "b.jpg"]),
        ("P00001-20260509", ["d.jpg"]),
        ("P00001-undated", ["e.jpg"]),
        ("P00002-20260506", ["c.jpg"]),
    ]
    assert [(c.category, c.photos) for c in found[0].categories] == [("overflowing_bin", 2), ("illegal_awning", 1)]
    assert [place.by for place in places(folder)] == ["position", "position"]


def test_the_same_records_always_give_the_same_files(tmp_path: Path) -> None:
    folder = make_scan(tmp_path, [shot(f"{n}.jpg", f"2026-05-{n:02d}T07:00:00", BIN) for n in range(1, 9)])
    cases(folder)
    first = [(folder / "exports" / name).read_bytes() for name in ("cases.jsonl", "places.jsonl")]
    cases(folder)
    assert first == [(folder / "exports" / name).read_bytes() for name in ("cases.jsonl", "places.jsonl")]


def test_a_walk_down_a_street_is_not_one_place() -> None:
    walk = [judged(f"{n}.jpg", latitude=31.23 + n * 0.0002, longitude=121.47) for n in range(40)]
    found = Places(50)
    assert 8 <= len({found.place_of(record) for record in walk}) <= 20


@pytest.mark.parametrize(
    ("one", "other"),
    [((0.0, 179.9999), (0.0, -179.9999)), ((89.99999, 10.0), (89.99999, -170.0)), ((-33.86, 151.2), (-33.8601, 151.2))],
)
def test_places_go_on_across_the_edges_of_the_map(one: tuple[float, float], other: tuple[float, float]) -> None:
    found = Places(50)
    pair = [judged(f"{at}.jpg", latitude=at[0], longitude=at[1]) for at in (one, other)]
    assert len({found.place_of(record) for record in pair}) == 1


def test_a_problem_of_many_months_is_a_repeat_offender(tmp_path: Path) -> None:
    records = [shot(f"{m}.jpg", f"2026-{m:02d}-03T07:00:00", BIN) for m in (1, 2, 4)]
    records += [shot(f"{d}.jpg", f"2026-01-{d}T07:00:00", AWNING) for d in (10, 20, 30)]
    folder = make_scan(tmp_path, records)
    summary = json.loads(run(folder, "--json").stdout)
    assert [(r["place"], r["category"], r["months"]) for r in summary["repeat_offenders"]] == [
        ("P00001", "overflowing_bin", ["2026-01", "2026-02", "2026-04"])
    ]
    assert "P00001" in run(folder).stdout


def photo_files(folder: Path, **pictures: Any) -> None:
    folder.mkdir()
    for name, picture in pictures.items():
        (folder / f"{name}.png").write_bytes(photos.encode(np.asarray(picture, np.uint8), "png"))


def on_disk(folder: Path, name: str, moment: str | None, *suggestions: dict[str, Any], **fields: Any) -> Record:
    digest = photos_digest(folder / f"{name}.png")
    box = {"detections": [{**BOX, "box": [200.0, 200.0, 300.0, 300.0]}] if suggestions else []}
    size = {"width": 500, "height": 500, "sha256": digest, "source": str(folder)}
    return judged(f"{name}.png", *suggestions, captured_at=moment, **{**box, **size, **fields})


def photos_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_photos_without_a_position_are_brought_together_by_what_they_show(tmp_path: Path) -> None:
    source = tmp_path / "照片"
    photo_files(source, a=street(1), b=street(2), c=seen_from(street(1), 0.2), d=street(1))
    records = [on_disk(source, name, "2026-05-06T07:00:00", BIN) for name in "abcd"]
    folder = make_scan(tmp_path / "scan", records)
    assert [[photo.path for photo in case.photos] for case in cases(folder)] == [["a.png", "c.png", "d.png"], ["b.png"]]
    assert [place.by for place in places(folder)] == ["view", "alone"]
    assert len(cases(folder, "--no-views")) == 3, "equal files are one place without a look"


@pytest.mark.parametrize(
    ("after", "suggested", "verdict", "reason"),
    [
        (seen_from(street(1), 0.1), (BIN,), "still", "seen-again"),
        (seen_from(street(1), 0.1), (), "gone", "not-seen-again"),
        (seen_from(street(1), 0.1), (AWNING,), "cannot_tell", "unsure"),
        (street(2), (), "cannot_tell", "out-of-view"),
        (seen_from(street(1), 0.1) // 8, (), "cannot_tell", "out-of-view"),
    ],
)
def test_what_became_of_a_problem(
    after: Any, suggested: tuple[dict[str, Any], ...], verdict: str, reason: str, tmp_path: Path
) -> None:
    source = tmp_path / "照片"
    photo_files(source, a=street(1), b=after)
    first = on_disk(source, "a", "2026-05-06T07:00:00", BIN, **HERE)
    second = on_disk(source, "b", "2026-05-16T07:00:00", *suggested, **NEAR)
    before, later = cases(make_scan(tmp_path / "scan", [first, second]))
    assert later.since == before.case
    assert [(c.verdict, c.reason) for c in later.changes if c.category == "overflowing_bin"] == [(verdict, reason)]


def test_weak_detections_that_were_recorded_make_silence_speak(tmp_path: Path) -> None:
    source = tmp_path / "照片"
    photo_files(source, a=street(1), b=seen_from(street(1), 0.1))
    first = on_disk(source, "a", "2026-05-06T07:00:00", BIN, **HERE)
    second = on_disk(source, "b", "2026-05-16T07:00:00", AWNING, **HERE, detections=[])
    _, later = cases(make_scan(tmp_path / "scan", [first, second], **{"--min-score": 0.05}))
    assert [c.verdict for c in later.changes if c.category == "overflowing_bin"] == ["gone"]


def test_a_scan_of_another_model_is_refused(tmp_path: Path) -> None:
    done = run(make_scan(tmp_path, [shot("a.jpg", None, BIN)], **{DESCRIPTION: "0" * 64}))
    assert done.exit_code == 2
    assert "--model" in done.output


def test_exports_name_the_case(tmp_path: Path) -> None:
    folder = make_scan(tmp_path, [shot("a.jpg", "2026-05-06T07:00:00", BIN)])
    cases(folder)
    with Journal(folder, sync_seconds=5, segment_bytes=1 << 20) as journal:
        journal.append(shot("later.jpg", "2026-05-06T07:00:00", BIN))
    (path,) = export(folder, ["csv"])
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["案件编号"] for row in csv.DictReader(file)] == ["P00001-20260506", ""]


def test_a_damaged_file_of_cases_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    assert case_numbers(path) == []
    path.write_text("{}\n")
    with pytest.raises(Exception, match=r"cases\.jsonl:1"):
        case_numbers(path)
