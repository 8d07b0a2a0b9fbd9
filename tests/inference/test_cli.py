"""`patrol` from the outside: what it prints, writes and exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from inference import plugins
from inference.answer import PhotoAnswer
from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.cli import app
from inference.photo import read_photo
from inference.settings import ServiceSettings
from inference.wording import VERDICTS
from tests import photos
from tests.inference.test_answer import PHOTO_KEYS, SUGGESTION_KEYS
from tests.shared import shared

CATALOGUE = load_catalogue()
RUNNER = CliRunner()
PATROL = Path(sys.executable).with_name("patrol")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing from the environment or other packages."""
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])  # noqa: ARG005
    for name in [name for name in os.environ if name.startswith("PATROL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads each model once for all tests."""

    def load_once(folder: Path, *how: Any) -> Classifier:
        key = (folder, *how[1:])
        if key not in _LOADED:
            _LOADED[key] = _LOAD(folder, *how)
        return _LOADED[key]

    monkeypatch.setattr(Classifier, "load", load_once)


_LOAD = Classifier.load
_LOADED: dict[tuple[Any, ...], Classifier] = {}


def classify(*arguments: object) -> Result:
    return RUNNER.invoke(app, ["classify", *map(str, arguments)])


def answers(*arguments: object, exit_code: int = 0) -> list[PhotoAnswer]:
    done = classify(*arguments, "--json")
    assert done.exit_code == exit_code, done.output
    found: list[PhotoAnswer] = json.loads(done.stdout)["photos"]
    return found


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.jpg"
    path.write_bytes(photos.encode(photos.scene(), "jpeg"))
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    """Good, corrupt, empty, text, good with a name that is not UTF-8, good with a Chinese name."""
    good = photos.encode(photos.scene(), "jpeg")
    png = photos.encode(photos.scene(), "png")
    files = {
        "1.jpg": good,
        "2.png": photos.truncated(png),
        "3.jpg": b"",
        "4.jpg": b"a shopping list",
        os.fsdecode("照片五.jpg".encode("gbk")): good,
        "路口 6 号.jpg": good,
    }
    paths = [tmp_path / name for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    return paths


MIXED_ERRORS = [None, "truncated", "empty", "not-an-image", None, None]


# --------------------------------------------------------------------------------------------- JSON


def test_json_has_the_shape_of_the_contract(scene: Path) -> None:
    done = classify(scene, "--json")
    assert done.exit_code == 0
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert list(document) == ["model", "photos"]
    assert list(document["model"]) == ["name", "version", "data_version"]
    [photo] = document["photos"]
    assert list(photo) == PHOTO_KEYS
    assert (photo["filename"], photo["width"], photo["height"]) == (str(scene), 320, 240)
    assert photo["verdict"] in VERDICTS


def test_a_bad_photo_never_stops_the_rest(mixed: list[Path]) -> None:
    found = answers(*mixed, exit_code=1)
    assert [photo["index"] for photo in found] == list(range(6))
    errors = [photo["error"] and photo["error"]["type"].removeprefix("urn:street-patrol:problem:") for photo in found]
    assert errors == MIXED_ERRORS
    assert [photo["width"] for photo in found] == [320, None, None, None, 320, 320]


def test_order_of_the_answers_is_that_of_the_files(tmp_path: Path) -> None:
    widths = [640, 64, 320, 65, 500, 66, 67, 68]
    for number, width in enumerate(widths):
        (tmp_path / f"{number}.jpg").write_bytes(photos.encode(photos.scene(width, 48), "jpeg"))
    found = answers(tmp_path)
    assert [photo["width"] for photo in found] == widths
    assert [photo["index"] for photo in found] == list(range(8))


def test_json_names_files_in_valid_utf8_whatever_the_locale(mixed: list[Path]) -> None:
    done = classify(*mixed[4:], "--json")
    names = [Path(photo["filename"]).name for photo in json.loads(done.stdout_bytes.decode("utf-8"))["photos"]]
    assert names == [r"\xd5\xd5Ƭ\xce\xe5.jpg", "路口 6 号.jpg"]
    assert "路口 6 号.jpg".encode() in done.stdout_bytes


def test_failures_are_listed_on_standard_error_only(mixed: list[Path]) -> None:
    done = classify(*mixed, "--json")
    json.loads(done.stdout)
    assert "3 of 6 photos failed" in done.stderr
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[1:]] == [str(path) for path in mixed[1:4]]


def test_case_has_the_shape_of_the_contract(mixed: list[Path]) -> None:
    done = classify(*mixed, "--case", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert list(document) == ["request_id", "model", "verdict", "suggestions", "photos"]
    assert document["verdict"] in VERDICTS
    assert len(document["photos"]) == 6


def test_every_run_of_a_case_has_its_own_id(scene: Path) -> None:
    ids = {json.loads(classify(scene, "--case", "--json").stdout)["request_id"] for _ in range(2)}
    assert len(ids) == 2


def test_min_score_gives_more_detections_and_the_same_verdict(scene: Path) -> None:
    [strict], [loose] = answers(scene), answers(scene, "--min-score", 0.001)
    assert len(loose["detections"]) > len(strict["detections"])
    assert (loose["verdict"], loose["suggestions"]) == (strict["verdict"], strict["suggestions"])


# ------------------------------------------------------------------------------------------- people


def test_table_names_the_files_and_verdicts_in_chinese_first(mixed: list[Path]) -> None:
    done = classify(*mixed)
    assert done.exit_code == 1
    for word in ("照片", "结论", "类别", "概率", "决定", "编码", "责任部门", "路口 6 号.jpg", "未能识别"):
        assert word in done.stdout
    assert "verdict" in done.stdout


def test_table_in_english(scene: Path) -> None:
    done = classify(scene, "--lang", "en")
    assert "verdict" in done.stdout
    assert "结论" not in done.stdout


def test_case_table_comes_first(scene: Path) -> None:
    done = classify(scene, scene, "--case")
    assert done.stdout.index("全案 2 张") < done.stdout.index(scene.name)


def test_no_progress_where_nobody_watches(scene: Path) -> None:
    done = classify(*[scene] * 7, "--json")
    assert done.stderr == ""
    assert len(json.loads(done.stdout)["photos"]) == 7


def test_table_names_folders_where_there_are_several(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = scene.parent / "b" / scene.name
    other.parent.mkdir()
    other.write_bytes(scene.read_bytes())
    monkeypatch.chdir(scene.parent)
    done = classify(scene.name, f"b/{scene.name}")
    assert f"b/{scene.name}" in done.stdout


def test_brackets_in_names_are_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "[red]x.jpg"
    path.write_bytes(b"")
    done = classify(path)
    assert path.name in done.stdout
    assert path.name in done.stderr


# ------------------------------------------------------------------------------------ wrong input: 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gone.jpg"], "gone.jpg: does not exist"),
        (["{scene}", "--model", "{folder}"], "is no model package: model.json is missing"),
        (["{scene}", "--model", "{folder}/gone"], "is no model package"),
        (["{scene}", "--scheme", "gbt"], "Unknown scheme 'gbt'. There are gbt47678.5-2026, legacy-a"),
        (["{scene}", "--annotate", "{scene}"], "cannot make this folder"),
        (["{scene}", "--provider", "cuda"], "cuda"),
    ],
)
def test_wrong_input_is_one_clear_message(arguments: list[str], expected: str, scene: Path) -> None:
    done = classify(*[argument.format(scene=scene, folder=scene.parent) for argument in arguments])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["--min-score", "1.5", "a.jpg"], ["--provider", "npu", "a.jpg"], ["--lang", "fr", "a.jpg"], ["--nope"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert classify(*arguments).exit_code == 2


def test_a_wrong_environment_is_told(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATROL_PROVIDER", "abacus")
    done = classify(scene)
    assert done.exit_code == 2
    assert "PATROL_PROVIDER" in done.stderr


def test_an_unreadable_file_is_a_failure_of_that_photo(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = scene.with_name("locked.jpg")
    locked.write_bytes(b"x")
    read_bytes = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    found = answers(locked, scene, exit_code=1)
    assert found[0]["error"] is not None
    assert found[0]["error"]["type"] == "urn:street-patrol:problem:unreadable"
    assert found[1]["error"] is None


def test_a_bug_costs_one_photo_only(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = scene.with_name("broken.jpg")
    broken.write_bytes(b"surprise")
    judge = Classifier.classify

    def surprised(self: Classifier, data: bytes, **options: Any) -> Any:
        if data == b"surprise":
            raise ZeroDivisionError("by zero")
        return judge(self, data, **options)

    monkeypatch.setattr(Classifier, "classify", surprised)
    found = answers(broken, scene, exit_code=1)
    assert found[0]["error"] == {
        "type": "urn:street-patrol:problem:internal-error",
        "title": "The program failed on this photo",
        "detail": "ZeroDivisionError: by zero",
    }
    assert found[1]["error"] is None


# --------------------------------------------------------------------------------- annotated copies


def test_annotated_copies_of_good_photos_only(mixed: list[Path], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in mixed}
    assert classify(*mixed, "--annotate", tmp_path / "out").exit_code == 1
    copies = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert copies == ["1.annotated.jpg", "_xd5_xd5Ƭ_xce_xe5.annotated.jpg", "路口 6 号.annotated.jpg"]
    assert {path: path.read_bytes() for path in mixed} == before


def test_annotating_into_the_folder_of_the_photos_leaves_them_alone(scene: Path) -> None:
    before = scene.read_bytes()
    for _ in range(2):
        assert classify(scene, "--annotate", scene.parent).exit_code == 0
    assert scene.read_bytes() == before
    assert sorted(path.name for path in scene.parent.iterdir()) == ["scene.annotated.jpg", "scene.jpg"]


def test_a_copy_that_cannot_be_written_costs_no_answer(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "scene.annotated.jpg").mkdir(parents=True)
    done = classify(scene, "--annotate", tmp_path / "out", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["photos"][0]["error"] is None
    assert "no annotated copy written" in done.stderr


def real_photo() -> NDArray[np.uint8]:
    path = next(iter(sorted(shared("data", "gbs111-cn", "images").glob("000500*.jpg"))))
    return read_photo(path.read_bytes(), target_side=10_000).rgb


def test_a_turned_photo_has_its_boxes_in_the_same_places(tmp_path: Path) -> None:
    rgb = real_photo()[:, :500]  # not square, so that a turn cannot hide
    for turn in photos.ORIENTATIONS:
        (tmp_path / f"{turn}.png").write_bytes(photos.encode(np.ascontiguousarray(rgb), "png", orientation=turn))
    out = tmp_path / "out"
    upright, *turned = answers(tmp_path, "--min-score", 0.05, "--annotate", out)
    assert upright["detections"]
    drawn = {turn: np.asarray(Image.open(out / f"{turn}.annotated.png")) for turn in photos.ORIENTATIONS}
    assert (drawn[1] != rgb).any()
    for turn, photo in enumerate(turned, start=2):
        assert (photo["width"], photo["height"]) == (500, 640)
        assert photo["detections"] == upright["detections"]
        assert np.array_equal(drawn[turn], drawn[1])


def test_real_photos_get_suggestions_with_names_codes_and_departments() -> None:
    folder = shared("data", "amsterdam-patrol", "images")
    found = answers(*sorted(folder.iterdir())[:12], "--scheme", "legacy-a")
    suggestions = [suggestion for photo in found for suggestion in photo["suggestions"]]
    assert suggestions
    for suggestion in suggestions:
        assert list(suggestion) == SUGGESTION_KEYS
        assert suggestion["name_zh"] == CATALOGUE[suggestion["category"]].name_zh
        assert suggestion["department"]
        assert {code["scheme"] for code in suggestion["codes"]} <= {"legacy-a"}
    for photo in found:
        width, height = photo["width"], photo["height"]
        assert width is not None
        assert height is not None
        for detection in photo["detections"]:
            x1, y1, x2, y2 = detection["box"]
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            assert detection["context"] == (CATALOGUE[detection["category"]].role == "context")


# -------------------------------------------------------------------------------------------- serve


def test_serve_hands_its_options_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[ServiceSettings] = []
    monkeypatch.setattr("inference.service.server.run", served.append)
    done = RUNNER.invoke(app, ["serve", "--port", "8123", "--model", "/srv/m", "--provider", "cpu"])
    assert done.exit_code == 0, done.output
    assert (served[0].port, served[0].model, served[0].provider) == (8123, Path("/srv/m"), "cpu")
    assert served[0].host == "127.0.0.1"


def test_serve_refuses_wrong_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.service.server.run", lambda settings: pytest.fail(f"started with {settings}"))
    done = RUNNER.invoke(app, ["serve", "--port", "99999"])
    assert done.exit_code == 2
    assert "--port" in done.stderr


# -------------------------------------------------------------------------------- as a real process


def patrol(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(PATROL), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=False, env={**os.environ, **environment})


def test_as_a_process_in_a_chinese_windows_locale(mixed: list[Path], tmp_path: Path) -> None:
    done = patrol("classify", *mixed, "--json", cwd=tmp_path, PYTHONIOENCODING="gbk")
    assert done.returncode == 1, done.stderr
    assert [photo["error"] is None for photo in json.loads(done.stdout)["photos"]] == [
        error is None for error in MIXED_ERRORS
    ]
    table = patrol("classify", mixed[4], mixed[5], cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert table.returncode == 0, table.stderr
    assert b"Traceback" not in table.stderr


def test_version() -> None:
    done = RUNNER.invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.stdout.startswith("street-patrol ")


def test_help_loads_nothing_slow() -> None:
    code = (
        "import sys, inference.cli; from typer.testing import CliRunner, Result; "
        "inference.cli.plugins.entry_points = lambda group: []; "
        "assert CliRunner().invoke(inference.cli.app, ['classify', '--help']).exit_code == 0; "
        "print([name for name in ('numpy', 'cv2', 'onnxruntime', 'fastapi', 'torch', 'PIL') if name in sys.modules])"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
    assert time.perf_counter() - started < 5  # 0.4 s on an idle machine
