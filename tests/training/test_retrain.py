"""`patrol retrain`: what it promotes, what it refuses before an hour is lost, and what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

import typer
from typer.testing import CliRunner

from benchmarks.degraded import degrade, without
from inference.errors import PatrolError
from inference.model_store import ModelStore
from inference.package import load_package
from inference.printer import Printer
from tests.training.retraining import options, request
from tests.training.small_labels import SHIPPED, write_gate, write_labels, write_recipe
from training import retrain
from training.retrain_cli import retrain_command
from training.retrain_command import run_retrain
from training.retrain_plan import next_version, run_name
from training.settings import TrainSettings

CATEGORIES = 20


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("labels") / "november", slice(0, 40))


@pytest.fixture
def root(tmp_path: Path, labels: Path) -> Path:
    """New labels, a recipe, settings of the gate."""
    shutil.copytree(labels, tmp_path / "november")
    write_recipe(tmp_path / "train.yaml")
    write_gate(tmp_path / "gate.yaml")
    return tmp_path


class Trained:
    """Stands in for hours of training: the shipped weights, changed or not."""

    def __init__(self, never_sees: int | None = None) -> None:
        self.never_sees = never_sees
        self.calls: list[TrainSettings] = []

    def __call__(self, settings: TrainSettings, *arguments: Any) -> Any:
        self.calls.append(settings)
        target = arguments[3]
        shutil.rmtree(target, ignore_errors=True)
        change = (lambda _, value: value) if self.never_sees is None else without(CATEGORIES, self.never_sees)
        degrade(SHIPPED, target, settings.version, change)

        class Report:
            description = load_package(target).description

        return Report


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    stand_in = Trained()
    monkeypatch.setattr(retrain, "train_package", stand_in)
    return stand_in


def patrol(root: Path, *more: str) -> tuple[int, str]:
    """The command as typed; (exit code, standard output)."""
    app = typer.Typer()
    app.command()(retrain_command)
    words = [root / "november", "--labels", root / "data", "--store", root / "store", "--runs", root / "runs"]
    words += ["--config", root / "train.yaml", "--gate-config", root / "gate.yaml", "--part", "held-out"]
    done = CliRunner().invoke(app, [*map(str, words), "--without-replay", *more])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_a_model_that_is_as_good_goes_into_production(root: Path, trained: Trained) -> None:
    code, output = patrol(root, "--yes", "--json")
    told = json.loads(output)
    assert (code, told["passed"], told["promoted"]) == (0, True, True)
    store = ModelStore(str(root / "store"))
    assert store.find("champion").reference == "street-patrol-n/0.2.0"
    assert store.find("previous").reference == "street-patrol-n/0.1.0"  # the model in use so far, kept for a rollback
    current = store.current()
    assert current is not None
    assert current.gate is not None
    assert current.gate["passed"]
    assert "november" in current.why
    assert trained.calls[0].model.start.name == "start.pt"  # the champion's weights, its outputs in their new places
    assert patrol(root, "--yes")[0] == 0  # once more: done already
    assert len(trained.calls) == 1
    assert len(store.history()) == 2


def test_without_yes_it_ends_before_production_and_goes_on_with_yes(root: Path, trained: Trained) -> None:
    code, output = patrol(root)
    assert code == 0
    assert "通过" in output
    assert "--yes" in output
    assert ModelStore(str(root / "store")).current() is None
    assert patrol(root, "--yes")[0] == 0
    assert ModelStore(str(root / "store")).find("champion").description.version == "0.2.0"
    assert len(trained.calls) == 1


def test_a_worse_model_is_refused_readably_and_everything_is_kept(root: Path, trained: Trained) -> None:
    trained.never_sees = json.loads((SHIPPED / "model.json").read_text("utf-8"))["categories"].index("exposed_garbage")
    code, output = patrol(root, "--yes")
    assert code == 1
    assert "不通过：street-patrol-n/0.2.0 不能替换 street-patrol-n/0.1.0" in output
    assert "暴露垃圾（exposed_garbage）" in output
    assert "the champion stays" in output
    assert ModelStore(str(root / "store")).current() is None
    kept = {path.name for path in (root / "runs" / "november").iterdir()}
    assert {"package", "gate", "evaluation", "check", "summary.md", "state.json"} <= kept


def test_another_champion_meanwhile_is_compared_with_anew(root: Path, trained: Trained, tmp_path: Path) -> None:  # noqa: ARG001
    assert patrol(root, "--no-promote")[0] == 0
    store = ModelStore(str(root / "store"))
    store.add(degrade(SHIPPED, tmp_path / "other", "0.1.5", lambda _, value: value))
    store.promote("0.1.5", by="a colleague", why="meanwhile")
    assert patrol(root, "--yes")[0] == 0
    assert store.find("previous").description.version == "0.1.5"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(root: Path) -> None:
    before = sorted(root.rglob("*"))
    code, output = patrol(root, "--dry-run")
    assert code == 0
    assert "street-patrol-n/0.2.0" in output
    assert "导入 import → 检查 check → 冻结 freeze" in output
    assert sorted(root.rglob("*")) == before


def test_another_request_does_not_go_on_with_the_run(root: Path, trained: Trained) -> None:  # noqa: ARG001
    patrol(root, "--no-promote")
    with pytest.raises(PatrolError, match=r"begun otherwise \(epochs: None then, 3 now\)"):
        patrol(root, "--epochs", "3")


def test_forgetting_is_refused_before_anything_is_trained(root: Path, trained: Trained) -> None:
    with pytest.raises(PatrolError, match=r"sources that the champion was trained on are not in .*gbs111-cn"):
        run_retrain(options(root, request(root, without_replay=False)), Printer())
    write_gate(root / "gate.yaml", may_be_dropped=[])
    with pytest.raises(PatrolError, match=r"would lack categories of the champion.*overhead_cable_mess: 0 labelled"):
        run_retrain(options(root, request(root), name="other"), Printer())
    assert not trained.calls


def test_labels_with_errors_stop_the_run_until_they_are_mended(root: Path, trained: Trained) -> None:  # noqa: ARG001
    path = root / "november" / "labels.json"
    whole = path.read_text("utf-8")
    document = json.loads(whole)
    document["annotations"][0]["bbox"][2] = -5
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(PatrolError, match=r"the check found 1 errors: look at .*index\.html"):
        patrol(root, "--no-promote")
    assert (root / "runs" / "november" / "check" / "index.html").is_file()
    path.write_text(whole, "utf-8")
    photo = root / "november" / "images" / "november-003.jpg"
    pixels = photo.read_bytes()
    photo.write_bytes(pixels[:200])
    with pytest.raises(PatrolError, match=r"november-003\.jpg"):
        patrol(root, "--no-promote")
    photo.write_bytes(pixels)
    assert patrol(root, "--no-promote")[0] == 0


def test_last_months_labels_are_not_replaced_by_others_of_their_name(root: Path, trained: Trained) -> None:  # noqa: ARG001
    patrol(root, "--no-promote")
    shutil.copytree(root / "november", root / "elsewhere" / "november")
    asked = request(root, sources=(str(root / "elsewhere" / "november"),))
    with pytest.raises(PatrolError, match="importing these would take their place"):
        run_retrain(options(root, asked, name="december"), Printer())


def test_labels_that_are_nowhere_are_named(root: Path) -> None:
    with pytest.raises(PatrolError, match="no such file or folder, and no imported source"):
        run_retrain(options(root, request(root, sources=("octobre",))), Printer())


@pytest.mark.parametrize(
    ("versions", "following"),
    [([], "0.1.0"), (["0.1.0"], "0.2.0"), (["0.9.0", "0.10.2"], "0.11.0"), (["1.2.3", "2026-11"], "1.3.0")],
)
def test_a_new_model_gets_the_next_version(versions: list[str], following: str) -> None:
    assert next_version(versions) == following


def test_a_run_is_called_after_its_labels() -> None:
    assert run_name(["/a/十一月 市区.zip", "b/feedback.jsonl"]) == "十一月-市区-feedback"
