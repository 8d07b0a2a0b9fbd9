"""kill -9 in every step of `patrol retrain`: the same command goes on, to the same end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from datasets.store import LabelStore
from datasets.versions import Versions
from inference.model_store import ModelStore
from inference.package import load_package
from tests.training.retraining import MID_TRAINING, ends_with, request
from tests.training.small_labels import write_gate, write_labels, write_recipe

KILLED = ["import", "check", "freeze", MID_TRAINING, "train", "evaluate", "gate"]


@pytest.mark.timeout(600)
def test_the_same_command_goes_on_after_every_kill(tmp_path: Path) -> None:
    write_labels(tmp_path / "november", slice(0, 40))
    write_recipe(tmp_path / "train.yaml")
    write_gate(tmp_path / "gate.yaml")
    asked, run = request(tmp_path), tmp_path / "runs" / "november"
    known: list[str] = []
    for step in KILLED:
        assert ends_with(tmp_path, asked, step) == -signal.SIGKILL
        known.append(",".join(json.loads((run / "state.json").read_text("utf-8"))["steps"]))
    assert known == [
        "",
        "import",
        "import,check",
        "import,check,freeze",
        "import,check,freeze",
        "import,check,freeze,train",
        "import,check,freeze,train,evaluate",
    ]
    assert ends_with(tmp_path, asked, None) == 1  # an epoch of 40 photos makes no better model
    assert Versions(LabelStore(tmp_path / "data").versions_folder).names() == ["november"]
    epochs = (run / "training" / "results.csv").read_text("utf-8").splitlines()[1:]
    assert [line.split(",")[0].strip() for line in epochs] == ["1", "2"]  # the second run began with the second epoch
    candidate = load_package(run / "package").description
    assert (candidate.name, candidate.version) == ("street-patrol-n", "0.2.0")
    report = json.loads((run / "gate" / "gate.json").read_text("utf-8"))
    assert not report["passed"]
    assert ModelStore(str(tmp_path / "store")).current() is None  # refused: nothing is promoted, everything is kept
    summary = (run / "summary.md").read_text("utf-8")
    assert "不通过" in summary
    assert "Refused" in summary
    assert ends_with(tmp_path, asked, None) == 1  # and once more: the same answer at once
