"""Exports, opened with the programs that people open them with."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from inference import plugins
from inference.cli import app
from inference.scan import export_command
from inference.scan.export_command import FORMATS, export
from inference.scan.exports import xlsx
from inference.scan.exports.csv_table import safe
from inference.scan.exports.sheet_text import HEADINGS
from inference.scan.journal import Journal
from inference.scan.manifest import ScanManifest, ScannedCategory, ScannedCode
from inference.scan.record import Record, copied, failed, parse

RUNNER = CliRunner()
SOURCE = "/照片"


def judged(path: str, *suggestions: dict[str, Any], **fields: Any) -> Record:
    whole = {
        "status": "ok" if suggestions else "empty",
        "source": SOURCE,
        "path": path,
        "sha256": f"{abs(hash(path)):064x}"[:64],
        "size": 5,
        "width": 640,
        "height": 480,
        "verdict": "issue" if suggestions else "no_issue",
        "suggestions": suggestions,
        **fields,
    }
    return parse(json.dumps(whole, ensure_ascii=False).encode())


def suggestion(category: str, name: str, code: str, decision: str = "prefill") -> dict[str, Any]:
    return {
        "category": category,
        "name_zh": name,
        "name_en": category,
        "probability": 0.9,
        "decision": decision,
        "codes": [{"scheme": "s", "code": code, "name": f"{name}码"}],
        "department": "环卫" if category == "overflowing_bin" else "城管",
    }


BIN = suggestion("overflowing_bin", "垃圾满溢", "06042")
AWNING = suggestion("illegal_awning", "违规遮雨棚", "0=1", "suggest")
BOX = {"category": "overflowing_bin", "score": 1.0, "box": [64.0, 48.0, 320.0, 240.0], "context": False}
CONTEXT = {"category": "waste_bin", "score": 0.5, "box": [0.0, 0.0, 64.0, 48.0], "context": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = ScanManifest(
        created_at="2026-06-01T01:00:00+00:00",
        sources=(SOURCE,),
        fingerprint={"model": "street-patrol-n 0.1.0"},
        categories=tuple(
            ScannedCategory(id=name, name_zh=name, name_en=name, role=role)
            for name, role in (("waste_bin", "context"), ("overflowing_bin", "problem"), ("illegal_awning", "problem"))
        ),
        codes=(
            ScannedCode(category="overflowing_bin", code="06042", name="", department="环卫", deadline="4 工作时"),
            ScannedCode(category="illegal_awning", code="0=1", name="", department="城管", deadline=""),
        ),
    )
    first = judged(
        "路口/a.jpg",
        BIN,
        AWNING,
        detections=[BOX, CONTEXT],
        captured_at="2026-05-06T10:00:00",
        latitude=31.2,
        longitude=121.5,
    )
    records = [
        first,
        judged("=1+2.jpg", BIN, status="degraded", warnings=["degraded:truncated"], captured_at="2026-04-06T10:00:00"),
        judged("nothing.jpg"),
        failed(SOURCE, "bad.jpg", "corrupt", "the file is damaged"),
        failed(SOURCE, "v.mp4", "video-unreadable", "no video"),
        copied(first, SOURCE, "copy.jpg"),
    ]
    with Journal(tmp_path, sync_seconds=1, segment_bytes=1 << 20) as journal:
        for record in records:
            journal.append(record)
    (tmp_path / "scan.json").write_text(manifest.model_dump_json(), "utf-8")
    return tmp_path


def exported(folder: Path, name: str) -> Path:
    [path] = export(folder, [name])
    return path


def test_csv_opens_in_a_spreadsheet(folder: Path) -> None:
    path = exported(folder, "csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(HEADINGS)
    assert [(row["照片"], row["类别"], row["状态"]) for row in rows] == [
        ("路口/a.jpg", "垃圾满溢", "有建议"),
        ("路口/a.jpg", "违规遮雨棚", "有建议"),
        ("'=1+2.jpg", "垃圾满溢", "照片受损"),
        ("nothing.jpg", "", "无建议"),
        ("bad.jpg", "", "未能识别"),
        ("v.mp4", "", "未能识别"),
        ("copy.jpg", "垃圾满溢", "有建议"),
        ("copy.jpg", "违规遮雨棚", "有建议"),
    ]
    assert (rows[0]["编码"], rows[0]["责任部门"], rows[0]["概率"], rows[0]["决定"]) == ("06042", "环卫", "0.9", "预填")
    assert (rows[4]["失败原因"], rows[4]["失败说明"]) == ("corrupt", "the file is damaged")
    assert rows[6]["与此照片相同"] == "/照片/路口/a.jpg"
    assert len(pd.read_csv(path)) == 8


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@a", "\tx", "\rx", "\nx"])
def test_no_text_becomes_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert safe(-1.5) == -1.5
    assert safe("a=b") == "a=b"


def sheet(book: Any, name: str) -> list[tuple[Any, ...]]:
    return list(book[name].iter_rows(values_only=True))


def test_xlsx_has_problems_departments_and_deadlines(folder: Path) -> None:
    book = openpyxl.load_workbook(exported(folder, "xlsx"))
    assert book.sheetnames == ["问题清单", "责任清单", "整改清单"]
    head, *problems = sheet(book, "问题清单")
    assert head[:4] == ("序号", "照片", "类别", "概率")
    assert [row[:3] for row in problems] == [
        (1, "路口/a.jpg", "垃圾满溢"),
        (2, "路口/a.jpg", "违规遮雨棚"),
        (3, "=1+2.jpg", "垃圾满溢"),
    ]
    assert problems[0][3:] == (0.9, "预填", "06042", "垃圾满溢码", "环卫", "2026-05-06 10:00", 31.2, 121.5, None)
    assert {cell.data_type for row in book["问题清单"].iter_rows() for cell in row} <= {"s", "n"}  # no formulas
    assert sheet(book, "责任清单")[1:] == [
        ("环卫", "垃圾满溢", 2, 2, 0, "4 工作时"),
        ("城管", "违规遮雨棚", 1, 0, 1, "未规定"),
    ]
    deadlines = sheet(book, "整改清单")[1:]
    assert deadlines[0][5:] == ("4 工作时", "2026-05-06 10:00", "拍摄时间", "2026-05-06 14:00", "待整改")
    assert deadlines[1][8] == "未规定"
    assert "法定节假日" in deadlines[-1][0]


def test_xlsx_goes_on_in_another_sheet_where_one_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "_MAX_ROWS", 3)
    book = openpyxl.load_workbook(exported(folder, "xlsx"))
    assert "问题清单 2" in book.sheetnames
    assert [row[0] for name in ("问题清单", "问题清单 2") for row in sheet(book, name)[1:]] == [1, 2, 3]


def test_parquet_is_partitioned_by_month(folder: Path) -> None:
    path = exported(folder, "parquet")
    assert sorted(part.name for part in path.iterdir()) == ["month=2026-04", "month=2026-05", "month=unknown"]
    table = pd.read_parquet(path)
    assert len(table) == 6
    one = table[table["path"] == "路口/a.jpg"].iloc[0]
    assert [each["category"] for each in one["suggestions"]] == ["overflowing_bin", "illegal_awning"]
    assert one["detections"][0]["box"].tolist() == BOX["box"]
    assert table[table["status"] == "failed"]["failure"].iloc[0]["code"] == "corrupt"
    assert len(pd.read_parquet(path, filters=[("month", "=", "2026-04")])) == 1


def test_coco_has_scored_boxes(folder: Path) -> None:
    document = json.loads(exported(folder, "coco").read_text("utf-8"))
    names = {category["id"]: category["name"] for category in document["categories"]}
    files = {image["id"]: image["file_name"] for image in document["images"]}
    assert sorted(files.values()) == ["=1+2.jpg", "copy.jpg", "nothing.jpg", "路口/a.jpg"]
    first = document["annotations"][0]
    assert (names[first["category_id"]], files[first["image_id"]]) == ("overflowing_bin", "路口/a.jpg")
    assert (first["bbox"], first["area"], first["score"]) == ([64.0, 48.0, 256.0, 192.0], 49152.0, 1.0)
    ids = [annotation["id"] for annotation in document["annotations"]]
    assert len(set(ids)) == len(ids) == 4


def test_megadetector_keeps_its_rules(folder: Path) -> None:
    """The rules of megadetector.postprocessing.validate_batch_results, format 1.6."""
    document = json.loads(exported(folder, "megadetector").read_text("utf-8"))
    assert document["info"]["format_version"] == "1.6"
    assert {*document} == {"info", "detection_categories", "images"}
    categories = document["detection_categories"]
    assert all(int(key) and name.strip() for key, name in categories.items())
    for image in document["images"]:
        for found in image["detections"] or []:
            assert found["category"] in categories
            assert isinstance(found["conf"], float)
            assert all(0 <= share <= 1 for share in found["bbox"])
        if "failure" in image:
            assert isinstance(image["failure"], str)
            assert image["detections"] is None
        else:
            assert isinstance(image["detections"], list)
        if image["file"].endswith(".mp4"):
            assert {"frame_rate", "frames_processed"} <= {*image}
    by_file = {image["file"]: image for image in document["images"]}
    assert by_file["nothing.jpg"]["detections"] == []
    assert by_file["bad.jpg"]["failure"].startswith("corrupt")
    assert by_file["路口/a.jpg"]["detections"][0]["bbox"] == [0.1, 0.1, 0.4, 0.4]


def test_geojson_holds_the_photos_with_a_position(folder: Path) -> None:
    document = json.loads(exported(folder, "geojson").read_text("utf-8"))
    assert document["type"] == "FeatureCollection"
    assert [f["properties"]["photo"] for f in document["features"]] == ["路口/a.jpg", "copy.jpg"]
    assert document["features"][0]["geometry"] == {"type": "Point", "coordinates": [121.5, 31.2]}
    assert document["features"][0]["properties"]["names_zh"] == ["垃圾满溢", "违规遮雨棚"]


def test_exports_are_replaced_whole(folder: Path) -> None:
    for _ in range(2):
        paths = export(folder, list(FORMATS))
    assert sorted(path.name for path in (folder / "exports").iterdir()) == sorted(path.name for path in paths)


def test_scan_export_names_what_it_wrote(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005
    done = RUNNER.invoke(app, ["scan-export", str(folder), "--to", "csv,geojson"])
    assert done.exit_code == 0, done.output
    assert str(folder / "exports" / "scan.csv") in done.stdout
    for arguments, message in (
        (["--to", "docx"], "Unknown export format 'docx'"),
        (["--to", ","], "--to names no format"),
    ):
        done = RUNNER.invoke(app, ["scan-export", str(folder), *arguments])
        assert done.exit_code == 2
        assert message in done.stderr


def test_a_missing_package_is_told_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_command, "find_spec", lambda _: None)
    assert export_command.formats("csv, coco,csv") == ["csv", "coco"]
    with pytest.raises(export_command.ExportError, match=r"xlsx needs the package xlsxwriter: pip install.*\[scan\]"):
        export_command.formats("csv,xlsx")


def test_a_disk_that_takes_no_export_is_told(folder: Path) -> None:
    (folder / "exports").write_text("in the way")
    for name in FORMATS:
        with pytest.raises(export_command.ExportError, match="cannot be written"):
            export(folder, [name])


def test_a_folder_without_a_scan_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005
    done = RUNNER.invoke(app, ["scan-export", str(tmp_path), "--to", "csv"])
    assert done.exit_code == 2
    assert "holds no scan" in done.stderr
