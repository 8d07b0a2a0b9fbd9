"""Commands of other packages: found by entry points, and honest about missing extras."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from inference import plugins
from inference.cli import app

RUNNER = CliRunner()


def module(name: str, monkeypatch: pytest.MonkeyPatch, **attributes: object) -> None:
    made = ModuleType(name)
    for key, value in attributes.items():
        setattr(made, key, value)
    monkeypatch.setitem(sys.modules, name, made)


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points, to be filled by a test."""
    declared: list[EntryPoint] = []
    monkeypatch.setattr(plugins, "entry_points", lambda group: [e for e in declared if e.group == group])
    return declared


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, plugins.GROUP)


def hello(name: str = "you") -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}")


def test_a_function_is_a_command(entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    module("fake_commands", monkeypatch, hello=hello)
    entries.append(entry("greet", "fake_commands:hello"))
    assert "Greet somebody" in RUNNER.invoke(app, ["--help"]).output
    assert RUNNER.invoke(app, ["greet", "--name", "world"]).output == "hello world\n"


def test_an_app_is_a_group_of_commands(entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    group = typer.Typer(help="Data sets.")
    group.command("check")(hello)
    group.command("freeze")(hello)
    module("fake_commands", monkeypatch, app=group)
    entries.append(entry("data", "fake_commands:app"))
    assert "Data sets." in RUNNER.invoke(app, ["--help"]).output
    assert RUNNER.invoke(app, ["data", "check"]).output == "hello you\n"
    assert "completion" not in RUNNER.invoke(app, ["data", "--help"]).output


def test_an_app_of_one_command_is_that_command(entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    single = typer.Typer()
    single.command()(hello)
    module("fake_commands", monkeypatch, app=single)
    entries.append(entry("gate", "fake_commands:app"))
    assert RUNNER.invoke(app, ["gate"]).output == "hello you\n"


def test_only_commands_that_exist_are_listed(entries: list[EntryPoint]) -> None:
    output = RUNNER.invoke(app, ["--help"]).output
    assert "classify" in output
    assert "serve" in output
    assert "train" not in output
    assert not entries
    assert RUNNER.invoke(app, ["train"]).exit_code == 2


def test_a_missing_extra_is_named_in_help_and_when_run(entries: list[EntryPoint]) -> None:
    entries.append(entry("teach", "torch_that_nobody_has.cli:app"))
    assert "pip install 'street-patrol[train]'" in " ".join(RUNNER.invoke(app, ["--help"]).output.split())
    for arguments in (["teach"], ["teach", "--epochs", "3", "x"], ["teach", "--help"]):
        done = RUNNER.invoke(app, arguments)
        assert done.exit_code == 2
        assert "torch_that_nobody_has" in done.stderr
        assert "pip install 'street-patrol[train]'" in done.stderr
        assert "Traceback" not in done.output


def test_other_extras_are_known_by_their_module(entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins._EXTRAS, "ray_that_nobody_has", "ray")
    entries.append(entry("scatter", "ray_that_nobody_has:app"))
    assert "street-patrol[ray]" in RUNNER.invoke(app, ["scatter"]).stderr


def test_an_import_that_fails_only_when_run_is_told_too(
    entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lazy() -> None:
        import torch_that_nobody_has  # type: ignore[import-not-found] # noqa: F401

    module("fake_commands", monkeypatch, lazy=lazy)
    entries.append(entry("teach", "fake_commands:lazy"))
    done = RUNNER.invoke(app, ["teach"])
    assert done.exit_code == 2
    assert "`patrol teach` needs the Python module torch_that_nobody_has" in done.stderr


def test_a_missing_module_of_the_core_is_a_bug(entries: list[EntryPoint]) -> None:
    entries.append(entry("broken", "inference.nowhere:app"))
    assert isinstance(RUNNER.invoke(app, ["broken"]).exception, ModuleNotFoundError)


def test_own_commands_win(entries: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    module("fake_commands", monkeypatch, hello=hello)
    entries.append(entry("classify", "fake_commands:hello"))
    assert "PHOTO" in RUNNER.invoke(app, ["classify", "--help"]).output
    assert RUNNER.invoke(app, ["--help"]).output.count("classify") == 1
