"""Which photos are worth labelling, and the tasks that labelling tools open."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from inference import plugins
from inference.categories import load_catalogue
from inference.cli import app
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.manifest import ScannedCategory
from inference.scan.record import Record
from inference.scan.selection import select
from inference.scan.selection_settings import SelectionSettings
from tests.inference.scan.report.test_report import photo
from tests.inference.scan.test_cases import make_scan
from tests.inference.scan.test_exports import AWNING, BIN, BOX, judged

RUNNER = CliRunner()
GARBAGE_BOX = {**BOX, "category": "exposed_garbage", "score": 0.8}
LITTLE: dict[str, Any] = {"category": "damaged_road", "name_zh": "路面破损", "name_en": "damaged road"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005


def sure(category: dict[str, Any], probability: float) -> dict[str, Any]:
    return {**category, "probability": probability}


def chosen(folder: Path, records: list[Record], number: int, **settings: float) -> list[tuple[str, str]]:
    scan = ScanFolder.open(make_scan(folder, records))
    found = select(scan, number, SelectionSettings.model_validate(settings), load_catalogue())
    return [(candidate.record.path, candidate.why) for candidate in found]


def test_what_speaks_for_a_photo(tmp_path: Path) -> None:
    records = [
        *(judged(f"{n}/sure.jpg", sure(BIN, 1.0), detections=[BOX]) for n in range(9)),
        judged("a/half.jpg", sure(BIN, 0.5)),
        judged("b/two-names.jpg", sure(BIN, 1.0), detections=[BOX, GARBAGE_BOX]),
        judged("c/seldom.jpg", sure({**BIN, **LITTLE}, 1.0)),
        judged("d/uncertain.jpg", verdict="uncertain", status="empty"),
        judged("e/nothing.jpg"),
        judged("f/copy.jpg", sure(BIN, 0.5), same_as="/照片/a/half.jpg"),
        judged("g/portrait.jpg", verdict="unrelated", status="empty"),
    ]
    assert sorted(chosen(tmp_path, records, 20)) == [
        ("a/half.jpg", "uncertain"),
        ("b/two-names.jpg", "disagreeing"),
        ("c/seldom.jpg", "rare"),
        ("d/uncertain.jpg", "uncertain"),
    ]


@pytest.mark.parametrize(("share", "folders"), [(1.0, 4), (0.0, 1)])
def test_one_place_does_not_take_all(share: float, folders: int, tmp_path: Path) -> None:
    day = {"captured_at": "2026-05-06T07:00:00"}
    records = [judged(f"{n // 8}/{n}.jpg", sure(BIN, 0.5 + n / 1000), **day) for n in range(32)]
    found = chosen(tmp_path, records, 4, place_share=share, category_share=0.0)
    assert len({path.partition("/")[0] for path, _ in found}) == folders


def test_a_rare_category_is_not_crowded_out(tmp_path: Path) -> None:
    records = [judged(f"{n}/a.jpg", sure(BIN, 0.5)) for n in range(30)]
    records += [judged(f"{n}/b.jpg", sure(AWNING, 0.62)) for n in range(30, 33)]
    assert sum(path.endswith("b.jpg") for path, _ in chosen(tmp_path, records, 8)) == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "照片"
    gone = judged("gone.jpg", sure(BIN, 0.5), source=str(source))
    folder = make_scan(
        tmp_path / "scan", [photo(source, "a b.jpg", 1, sure(BIN, 0.5)), gone, photo(source, "c.jpg", 2)]
    )
    manifest = ScanFolder.open(folder).manifest
    listed = tuple(
        ScannedCategory(id=c.id, name_zh=c.name_zh, name_en=c.name_en, role=c.role) for c in load_catalogue().values()
    )
    (folder / "scan.json").write_text(manifest.model_copy(update={"categories": listed}).model_dump_json(), "utf-8")
    return folder


def test_label_studio_takes_the_tasks(folder: Path) -> None:
    done = RUNNER.invoke(app, ["scan-next", str(folder), "5"])
    assert done.exit_code == 0, done.output
    assert "could not be read again" in done.output
    made = folder / "exports" / "next-to-label"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's own, at import
        from label_studio_sdk.label_interface import LabelInterface
    interface = LabelInterface((made / "label_config.xml").read_text("utf-8"))
    (task,) = json.loads((made / "tasks.json").read_text("utf-8"))
    assert interface.validate_task({"data": task["data"]})
    assert interface.validate_prediction(task["predictions"][0])
    name = unquote(task["data"]["image"]).partition("?d=")[2]
    assert (made / name).read_bytes() == (folder.parent / "照片" / "a b.jpg").read_bytes()
    assert task["predictions"][0]["result"][0]["value"]["rectanglelabels"] == ["overflowing_bin"]


def test_coco_for_cvat_names_the_same_photos_and_boxes(folder: Path) -> None:
    assert RUNNER.invoke(app, ["scan-next", str(folder), "5"]).exit_code == 0
    made = folder / "exports" / "next-to-label"
    coco = json.loads((made / "annotations.coco.json").read_text("utf-8"))
    assert [image["file_name"] for image in coco["images"]] == [path.name for path in (made / "images").iterdir()]
    (box,) = coco["annotations"]
    assert box["bbox"] == [40.0, 40.0, 160.0, 120.0]
    assert {"id": box["category_id"], "name": "overflowing_bin"} in coco["categories"]


def test_again_replaces_what_was_there(folder: Path) -> None:
    for _ in range(2):
        assert RUNNER.invoke(app, ["scan-next", str(folder), "1"]).exit_code == 0
    assert len(list((folder / "exports" / "next-to-label" / "images").iterdir())) <= 1
