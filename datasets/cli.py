"""`patrol data ...`: labels in. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", metavar="DIR", help="标注库 / the label store")]
DEFAULT_DATA = Path("data")
_DONE, _FINDINGS = 0, 1


@app.callback()
def data_commands() -> None:
    """标注数据：导入、检查、冻结、查看 / labels in: import, check, freeze, show."""


@app.command("check")
def check_command(
    *,
    sources: Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="来源；默认全部 / default: all")] = None,
    data: DataOption = DEFAULT_DATA,
    splits: Annotated[
        str | None, typer.Option("--splits", metavar="VERSION", help="Look for leaks between this version's parts.")
    ] = None,
    no_model: Annotated[bool, typer.Option("--no-model", help="Do not ask the model about labels.")] = False,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="Model package; default: the shipped one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Report and gallery; default: DATA/check.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Findings of each kind in the gallery; JSON has all.")] = 500,
) -> None:
    """检查照片与标注：损坏、重复、矛盾、可疑标注 / find what is wrong with photos and labels.

    Exit codes: 0 nothing wrong at the level of errors, 1 errors found, 2 bad usage or input.
    """
    from datasets.check_command import DEFAULT_MODEL, CheckOptions, run_check
    from inference.printer import Printer

    chosen = None if no_model else model or DEFAULT_MODEL
    options = CheckOptions(data, sources or (), splits, chosen, out or data / "check", limit, as_json)
    raise typer.Exit(_DONE if run_check(options, Printer()) else _FINDINGS)


@app.command()
def sources(*, data: DataOption = DEFAULT_DATA, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """列出已导入的来源 / list the imported sources."""
    from rich.table import Table

    from datasets.store import LabelStore
    from inference.printer import Printer

    store, printer = LabelStore(data), Printer()
    papers = [store.about(name) for name in store.sources()]
    if as_json:
        printer.json({"sources": [about.model_dump() for about in papers]})
        return
    table = Table("来源 source", "照片 photos", "格式 format", "许可 licence")
    for about in papers:
        table.add_row(about.name, f"{about.photos:,}", ", ".join(about.format), about.licence)
    printer.table(table)
