"""`patrol data ...`: labels in. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", metavar="DIR", help="标注库 / the label store")]
DEFAULT_DATA = Path("data")


@app.callback()
def data_commands() -> None:
    """标注数据：导入、检查、冻结、查看 / labels in: import, check, freeze, show."""


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
