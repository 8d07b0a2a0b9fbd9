"""The errors this package raises for its user's input, each saying what, where and what to do."""

from __future__ import annotations

from pathlib import Path


class PatrolError(Exception):
    """Base of every error that a user can mend; the CLI prints it without a traceback."""


class ConfigError(PatrolError):
    """A file that an operator edits is wrong.

    Args:
        path: The file.
        line: 1-based line of the mistake, or None when it is about the whole file.
        problem: What is wrong, with the offending value.
        remedy: What to do about it.
    """

    def __init__(self, path: Path, line: int | None, problem: str, remedy: str) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        self.remedy = remedy
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {problem}. {remedy}")
