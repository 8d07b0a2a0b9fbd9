"""What stops a training run before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from typer.testing import CliRunner

from inference.categories import load_catalogue
from inference.cli import app
from inference.errors import PatrolError
from inference.paths import CONFIGS
from training.run import run
from training.settings import load_train_settings


def test_missing_start_weights_are_named_and_nothing_is_fetched(tmp_path: Path) -> None:
    settings = load_train_settings()
    start = tmp_path / "yolo11n.pt"
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"start": start})})
    with pytest.raises(PatrolError, match=r"model\.start in train\.yaml names .*yolo11n\.pt, which does not exist"):
        run(settings, CONFIGS, load_catalogue(), tmp_path / "runs", tmp_path / "out", lambda _: None, lambda _, p: p)
    assert list(tmp_path.iterdir()) == []


def test_the_command_fails_before_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the recipe's relative paths lead nowhere from here
    done = CliRunner().invoke(app, ["train", "--runs", str(tmp_path / "runs")])
    assert done.exit_code != 0
    assert not (tmp_path / "runs").exists()
