"""`patrol retrain` in processes of their own, killed just before a finished step is written down, or in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

from inference.printer import Printer
from training import retrain, retrain_state, trainer
from training.retrain_command import RetrainOptions, run_retrain
from training.retrain_state import Request, RunState
from training.trainer import PartialLabelTrainer

MID_TRAINING = "mid-training"


def request(root: Path, **changes: object) -> Request:
    """What is asked for in the tests, of the files that `small_labels` writes."""
    given: dict[str, Any] = {
        "sources": (str(root / "november"),),
        "labels": str(root / "data"),
        "store": str(root / "store"),
        "config": str(root / "train.yaml"),
        "gate_config": str(root / "gate.yaml"),
        "part": "held-out",
        "start": "champion",
        "epochs": 2,
        "hours": None,
        "accept_faults": False,
        "without_replay": True,
        "ask_model": False,
        **changes,
    }
    return Request(**given)


def options(root: Path, asked: Request, **changes: Any) -> RetrainOptions:
    """A command line."""
    given: dict[str, Any] = {
        "name": None,
        "runs": root / "runs",
        "is_dry": False,
        "promotes": True,
        "confirm": lambda _: False,
        "as_json": False,
        **changes,
    }
    return RetrainOptions(asked, **given)


def ends_with(root: Path, asked: Request, killed_at: str | None) -> int:
    """The exit code of the command in a process of its own; -9 when it was killed."""
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.retraining"])
    child = context.Process(target=_run, args=(root, asked, killed_at))
    child.start()
    child.join(280)
    return int(child.exitcode)


def _run(root: Path, asked: Request, killed_at: str | None) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    write = retrain_state.write_state

    def written(folder: Path, state: RunState) -> None:
        if [*state.steps][-1:] == [killed_at]:
            die()
        write(folder, state)

    trainer.cores = lambda: 1  # type: ignore[attr-defined]  # two threads wait for each other where others run tests
    retrain.write_state = written  # type: ignore[attr-defined]
    if killed_at == MID_TRAINING:
        trainer.PartialLabelTrainer = _Mortal  # type: ignore[misc]
    raise SystemExit(run_retrain(options(root, asked), Printer()))


class _Mortal(PartialLabelTrainer):
    """Dies after its first epoch."""

    def save_model(self) -> bool:
        done = super().save_model()
        os.kill(os.getpid(), signal.SIGKILL)
        return done
