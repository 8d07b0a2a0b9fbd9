"""`patrol scan` from the outside: what it prints, writes and exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from inference import plugins
from inference.classify import Classifier
from inference.cli import app
from inference.errors import ConfigError
from inference.scan.journal import Journal, records, segments, validate
from inference.scan.settings import ScanSettings, load_scan_settings
from tests.inference.scan.archive import make_archive, photo
from tests.inference.scan.stub import stub_classifier
from tests.shared import shared

RUNNER = CliRunner()
PATROL = Path(sys.executable).with_name("patrol")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing from the environment or other packages, and a stub for an engine."""
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005
    monkeypatch.setattr(Classifier, "load", lambda *_: stub_classifier())
    for name in [name for name in os.environ if name.startswith("PATROL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(4):
        (place / f"{number}.jpg").write_bytes(photo(number))
    return place


def scan(*arguments: object) -> Result:
    return RUNNER.invoke(app, ["scan", *map(str, arguments)])


def document(*arguments: object, exit_code: int = 0) -> dict[str, Any]:
    done = scan(*arguments, "--json")
    assert done.exit_code == exit_code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_scan_without_failures_exits_with_0(folder: Path, tmp_path: Path) -> None:
    done = scan(folder, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "合计 all" in done.stdout
    assert done.stderr == ""
    assert validate(tmp_path / "out").records == 4


def test_failures_are_listed_by_reason_with_a_file_and_exit_with_1(folder: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"")
    (folder / "c.jpg").write_bytes(b"a shopping list")
    done = scan(folder, "--out", tmp_path / "out")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert "3 个输入未能识别 / 3 of 7 inputs failed" in lines[0]
    assert f"empty 2: {folder}/a.jpg: the file has 0 bytes" in lines[1]
    assert f"not-an-image 1: {folder}/c.jpg" in lines[2]


def test_the_summary_for_programs(folder: Path, tmp_path: Path) -> None:
    (folder / "dup.jpg").write_bytes(photo(0))
    (folder / "notes.txt").write_text("x")
    found = document(folder, "--out", tmp_path / "out")
    assert (found["complete"], found["new"], found["known"], found["inputs"]) == (True, 5, 0, 5)
    assert (found["duplicates"], found["skipped"], found["failures"]) == (1, {".txt": 1}, [])
    assert sum(found["status"].values()) == 5
    assert {"category", "name_zh", "name_en", "prefill", "suggest"} == {*found["categories"][0]}
    again = document(folder, "--out", tmp_path / "out")
    assert (again["new"], again["known"], again["status"]) == (0, 5, found["status"])


def test_sources_may_be_added(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "a.jpg").write_bytes(photo(50))
    document(folder, "--out", tmp_path / "out")
    found = document(folder, more, "--out", tmp_path / "out")
    assert (found["new"], found["known"]) == (1, 4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--min-score", "0.3"], "--min-score: null then, 0.3 now"),
        (["--every", "2"], "--every: 5.0 then, 2.0 now"),
        (["--scheme", "legacy-a"], 'scheme: "gbt47678.5-2026" then, "legacy-a" now'),
        (["--all-files"], "--all-files: false then, true now"),
    ],
)
def test_a_changed_setting_is_refused_with_what_differs(
    changed: list[str], message: str, folder: Path, tmp_path: Path
) -> None:
    scan(folder, "--out", tmp_path / "out")
    before = segments(tmp_path / "out")[0].read_bytes()
    done = scan(folder, "--out", tmp_path / "out", *changed)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Go on with what was then, or give another --out folder" in done.stderr
    assert segments(tmp_path / "out")[0].read_bytes() == before


@pytest.mark.parametrize("mark", ["model.onnx", "model", "program", "categories.yaml"])
def test_another_model_or_program_is_refused(mark: str, folder: Path, tmp_path: Path) -> None:
    scan(folder, "--out", tmp_path / "out")
    path = tmp_path / "out" / "scan.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["fingerprint"][mark] = "another"
    path.write_text(json.dumps(manifest), "utf-8")
    done = scan(folder, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert f'{mark}: "another" then,' in done.stderr


def test_records_without_their_manifest_are_refused(folder: Path, tmp_path: Path) -> None:
    scan(folder, "--out", tmp_path / "out")
    (tmp_path / "out" / "scan.json").unlink()
    done = scan(folder, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "holds records but no scan.json" in done.stderr


def test_two_scans_into_one_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "out", sync_seconds=1, segment_bytes=1 << 20):
        done = scan(folder, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "another scan writes there now" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--out", "out"], "there is no such file or folder"),
        ([".", "--out", "out"], "no photos there (left out: nothing)"),
        ([".", "--out", "out", "--scheme", "x"], "Unknown scheme 'x'"),
        ([".", "--out", "out", "--every", "0"], "option --every: is 0.0"),
        ([".", "--out", "out", "--export", "csv,docx"], "Unknown export format 'docx'"),
        (["."], "Missing option"),
    ],
)
def test_bad_usage_exits_with_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = scan(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_the_folder_of_the_records_is_no_source(folder: Path) -> None:
    for _ in range(2):
        done = scan(folder, "--out", folder / "out", "--all-files", "--export", "csv")
        assert done.exit_code == 0, done.output
    assert validate(folder / "out").records == 4


def test_weaker_detections_are_recorded_on_demand(folder: Path, tmp_path: Path) -> None:
    scan(folder, "--out", tmp_path / "out", "--min-score", "0.01", "--timings")
    assert all(one.detections and one.seconds for one in records(tmp_path / "out"))


def test_scan_check_finds_damage(folder: Path, tmp_path: Path) -> None:
    scan(folder, "--out", tmp_path / "out")
    assert RUNNER.invoke(app, ["scan-check", str(tmp_path / "out")]).exit_code == 0
    path = segments(tmp_path / "out")[0]
    path.write_bytes(path.read_bytes() + b"{}\n")
    done = RUNNER.invoke(app, ["scan-check", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "records-00001.jsonl:5" in done.stderr


# ----------------------------------------------------------------------------------------- settings


def test_the_shipped_settings_are_the_defaults() -> None:
    assert load_scan_settings() == ScanSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("every: -1", r":1: every is -1: .*\. Give a number of seconds"),
        ("readers: 8\nphoto_suffixes: [jpg]", r":2: photo_suffixes is \['jpg'\]: .*does not begin with a dot"),
        ("speed: 9", ":1: speed is 9: .* The settings are photo_suffixes"),
        ("workday_start: 18", "workday_end 17 is not after workday_start 18"),
        ("- a", r"the file is \['a'\]"),
    ],
)
def test_mistakes_in_scan_yaml_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message):
        load_scan_settings(path)


# ----------------------------------------------------------------------------- the real thing, outside


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scan_says_how_to_go_on_and_does(number: signal.Signals, tmp_path: Path) -> None:
    sources = [str(one) for one in make_archive(tmp_path, 80)]
    out = tmp_path / "out"
    command = [str(PATROL), "scan", *sources, "--out", str(out), "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment) as process:
        while not any(path.stat().st_size for path in segments(out)) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        message = (process.communicate(timeout=60)[1]).decode()
    assert process.returncode == 130, message
    assert "run the same command again to go on" in message
    assert "Traceback" not in message
    begun = len(list(records(out)))
    assert 0 < begun < 93
    done = subprocess.run([*command, "--json"], capture_output=True, env=environment, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert (found["known"], found["known"] + found["new"]) == (begun, 93)


def test_a_photo_gets_the_answer_that_the_other_commands_give(tmp_path: Path) -> None:
    place = shared("data", "amsterdam-patrol", "images")
    photos = sorted(place.glob("*.jpg"))[:2]
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in photos), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([PATROL, "scan", tmp_path / "list.txt", "--out", tmp_path / "out"], env=environment, check=True)
    classified = subprocess.run(
        [PATROL, "classify", "--json", *photos], env=environment, check=True, capture_output=True
    ).stdout
    for record, answer in zip(records(tmp_path / "out"), json.loads(classified)["photos"], strict=True):
        recorded = json.loads(record.line())
        assert recorded["detections"] == answer["detections"]
        for given in answer["suggestions"]:
            del given["photo_indexes"]
        for name in ("sha256", "width", "height", "verdict", "warnings", "suggestions"):
            assert recorded[name] == answer[name]


def test_tasks_for_labelling_are_written_at_the_end(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert document(folder, "--out", out, "--next-to-label", 2)["complete"]
    made = out / "exports" / "next-to-label"
    tasks = json.loads((made / "tasks.json").read_text("utf-8"))
    assert 1 <= len(tasks) == len(list((made / "images").iterdir())) <= 2
