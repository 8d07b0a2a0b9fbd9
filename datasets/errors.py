"""What is wrong with label files."""

from __future__ import annotations

from pathlib import Path

from inference.errors import PatrolError


class LabelError(PatrolError):
    """A label file that cannot be read as it stands.

    Args:
        path: The file.
        where: Line or key inside it, or "".
        problem: What is wrong and what to do.
    """

    def __init__(self, path: Path, where: str, problem: str) -> None:
        self.path = path
        self.where = where
        self.problem = problem
        super().__init__(f"{path}{':' + where if where else ''}: {problem}")
