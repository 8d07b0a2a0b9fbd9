"""Everything the command line writes: results to standard output, messages to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_PIPED_WIDTH = 160  # columns of a table that no terminal limits


class Printer:
    """Writes results and messages; texts are never read as markup."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _PIPED_WIDTH
        self._out = Console(highlight=False, markup=False, width=width)
        self._err = Console(stderr=True, highlight=False, markup=False)

    def table(self, table: Table) -> None:
        """A table for people."""
        self._out.print(table)

    def text(self, line: str) -> None:
        """A line for people, however long."""
        self._out.print(line, soft_wrap=True)

    def json(self, document: Mapping[str, object]) -> None:
        """One JSON document for a program, in UTF-8 whatever the terminal speaks."""
        encoded = json.dumps(document, ensure_ascii=False, indent=2).encode()
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded + b"\n")
        sys.stdout.buffer.flush()

    def error(self, message: str) -> None:
        """What is wrong, and what to do about it."""
        self._err.print(Text.assemble(("patrol: ", "bold red"), message), soft_wrap=True)

    def note(self, message: str) -> None:
        """What goes on, for whoever reads along."""
        self._err.print(message, soft_wrap=True)

    @property
    def is_watched(self) -> bool:
        """Whether a person sees messages appear."""
        return self._err.is_terminal

    def bar(self, *columns: ProgressColumn) -> Progress:
        """A live bar of these columns on standard error, which shows where that is a terminal."""
        return Progress(*columns, console=self._err, transient=True, disable=not self.is_watched)

    @contextmanager
    def progress(self, task: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar on standard error, where that is a terminal.

        Args:
            task: What takes long.
            total: Its steps.

        Yields:
            To be called after each step, from any thread.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with self.bar(*columns) as progress:
            bar = progress.add_task(task, total=total)
            yield lambda: progress.advance(bar)

    @contextmanager
    def growing_progress(self, task: str) -> Iterator[Callable[[int], Callable[[], None]]]:
        """A bar like `progress`, whose steps become known only on the way.

        Args:
            task: What takes long.

        Yields:
            To be called with the steps; gives what is to be called after each.
        """
        with ExitStack() as stack:
            yield lambda total: stack.enter_context(self.progress(task, total))
