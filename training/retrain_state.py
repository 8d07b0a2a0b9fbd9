"""How far a retraining has come: one small file, replaced after each step, so that the same command goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import Field, ValidationError

from inference.errors import PatrolError
from inference.promotions import Pinned
from training.outcomes import Record

StepName = Literal["import", "check", "freeze", "train", "evaluate", "gate", "promote"]
STEPS: Final[tuple[StepName, ...]] = get_args(StepName)
STEP_NAMES: Final[dict[StepName, str]] = {
    "import": "导入 import",
    "check": "检查 check",
    "freeze": "冻结 freeze",
    "train": "训练 train",
    "evaluate": "评估 evaluate",
    "gate": "门禁 gate",
    "promote": "上线 promote",
}
FILE: Final = "state.json"


class RunStateError(PatrolError):
    """A run that cannot go on, with the reason."""


class Request(Record):
    """What was asked for; a run goes on only with the same request.

    Attributes:
        sources: New labels: paths, or names of imported sources.
        labels: The label store.
        store: The model store.
        config: The recipe.
        gate_config: Settings of the gate.
        part: What the models are compared on.
        start: Whether training starts from the champion's weights or the recipe's.
        epochs: Instead of the recipe's.
        hours: Instead of the recipe's.
        accept_faults: Go on though the check finds errors, leaving out photos that cannot be read.
        without_replay: Go on though old labels of the champion are missing.
        ask_model: Whether the champion doubts the new labels.
    """

    sources: tuple[str, ...]
    labels: str
    store: str
    config: str
    gate_config: str
    part: Literal["val", "test", "held-out"]
    start: Literal["champion", "recipe"]
    epochs: int | None
    hours: float | None
    accept_faults: bool
    without_replay: bool
    ask_model: bool


class Plan(Record):
    """What was settled when the run began.

    Attributes:
        version: Name of the data version to freeze.
        model: Name of the model.
        model_version: Its new version.
        champion: Whom the new model is compared with.
        champion_data_version: What the champion was trained on.
        started: When, ISO 8601, UTC.
    """

    version: str
    model: str
    model_version: str
    champion: Pinned
    champion_data_version: str
    started: str


class StepDone(Record):
    """A finished step.

    Attributes:
        finished: When, ISO 8601, UTC.
        seconds: How long it took, of the run that finished it.
        result: What the summary says of it.
    """

    finished: str
    seconds: float
    result: dict[str, Any]


class RunState(Record):
    """state.json.

    Attributes:
        schema_version: Of this file.
        request: What was asked for.
        plan: What was settled.
        steps: Those that are finished.
    """

    schema_version: Literal[1] = 1
    request: Request
    plan: Plan
    steps: dict[StepName, StepDone] = Field(default_factory=dict)

    def without(self, *steps: StepName) -> RunState:
        """The state before some steps."""
        return self.model_copy(update={"steps": {n: s for n, s in self.steps.items() if n not in steps}})

    def with_step(self, name: StepName, done: StepDone) -> RunState:
        """The state after a step."""
        return self.model_copy(update={"steps": {**self.steps, name: done}})


def read_state(folder: Path) -> RunState | None:
    """The state of a run, or None where there is none.

    Raises:
        RunStateError: the file is damaged.
    """
    path = folder / FILE
    try:
        return RunState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise RunStateError(f"{path}: damaged; delete {folder} to begin again, or name another run") from error


def write_state(folder: Path, state: RunState) -> None:
    """Replace the state, all of it or, when killed, nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{FILE}"
    with aside.open("w", encoding="utf-8") as file:
        file.write(state.model_dump_json(indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / FILE)


def require_same(folder: Path, state: RunState, request: Request) -> None:
    """Refuse to go on with a run that was begun with another request.

    Raises:
        RunStateError: naming what differs.
    """
    before, now = state.request.model_dump(), request.model_dump()
    differing = [name for name in before if before[name] != now[name]]
    if differing:
        told = "; ".join(f"{name}: {before[name]!r} then, {now[name]!r} now" for name in differing)
        raise RunStateError(
            f"{folder}: this run was begun otherwise ({told}); say the same, or name a new run with --name"
        )
