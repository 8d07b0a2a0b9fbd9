"""The one progress display of a retraining: a bar a step where somebody watches, else a line a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

from inference.printer import Printer
from training.retrain_state import STEP_NAMES, STEPS, StepName


class RetrainProgress:
    """Shows how far a retraining is.

    Args:
        printer: Where to.
    """

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = printer.bar(*columns)
        self._tasks: dict[StepName, TaskID] = {}
        self._current: TaskID | None = None

    def __enter__(self) -> Self:
        for name in STEPS:
            self._tasks[name] = self._bar.add_task(STEP_NAMES[name], total=1, start=False)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def skip(self, name: StepName) -> None:
        """A step that an earlier run finished."""
        self._bar.update(self._tasks[name], completed=1, description=f"{STEP_NAMES[name]} ✓")
        self._note(name, "已完成 / done before")

    @contextmanager
    def step(self, name: StepName) -> Iterator[None]:
        """A step that runs."""
        began, self._current = time.monotonic(), self._tasks[name]
        self._bar.start_task(self._current)
        self._note(name, "...")
        yield
        self._bar.update(self._current, total=1, completed=1, description=f"{STEP_NAMES[name]} ✓")
        self._note(name, f"完成 / done, {time.monotonic() - began:.0f} s")

    def _note(self, name: StepName, what: str) -> None:
        if not self._printer.is_watched:
            self._printer.note(f"[{STEPS.index(name) + 1}/{len(STEPS)}] {STEP_NAMES[name]}: {what}")

    @contextmanager
    def photos(self, task: str, total: int) -> Iterator[Callable[[], None]]:
        """Photos within the step that runs; to be called after each."""
        yield self.counting(task, total)

    def counting(self, task: str, total: int) -> Callable[[], None]:
        """What `photos` yields."""
        self.tell(task, total)
        current = self._current
        return lambda: None if current is None else self._bar.advance(current)

    def tell(self, what: str, total: int | None = None) -> None:
        """What the step that runs is at."""
        if self._current is None:
            return
        name = next(name for name, task in self._tasks.items() if task == self._current)
        self._bar.reset(self._current, total=total, description=f"{STEP_NAMES[name]}: {what}")
