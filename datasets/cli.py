"""`patrol data ...`: labels in. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="标注数据 / labels in: import, check, freeze, show")

DataOption = Annotated[Path, typer.Option("--data", metavar="DIR", help="标注库 / the label store")]
DEFAULT_DATA = Path("data")
