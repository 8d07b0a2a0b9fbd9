"""`patrol gate`, as typed; what it needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from inference.models_cli import DEFAULT_STORE, StoreOption
from inference.paths import CONFIGS

_REFUSED = 1


def gate_command(
    *,
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="新模型：文件夹或模型库中的名称 / folder or name")
    ],
    champion: Annotated[str, typer.Argument(metavar="CHAMPION", help="现用模型 / the present model")] = "champion",
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="VERSION", help="冻结的数据版本 / frozen version [train.yaml's data]"),
    ] = None,
    new: Annotated[
        str | None,
        typer.Option("--new", metavar="VERSION/PART", help="最新标注 / newest labels [what is new to the champion]"),
    ] = None,
    part: Annotated[
        Literal["val", "test", "held-out"], typer.Option(help="比较哪一部分 / the part to compare on; held-out: both")
    ] = "test",
    labels: Annotated[Path, typer.Option("--labels", metavar="DIR", help="标注库 / the label store")] = Path("data"),
    config: Annotated[Path, typer.Option(metavar="FILE", help="训练配方 / the recipe")] = CONFIGS / "train.yaml",
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="报告 / the report")] = Path("runs/gate"),
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")] = False,
) -> None:
    """新模型能否替换现用模型 / may a new model take the champion's place; 0 passed, 1 refused, 2 bad input."""
    from inference.plugins import MissingExtraError
    from inference.printer import Printer

    try:
        from training.gate_command import GateOptions, run_gate
    except ModuleNotFoundError as error:
        raise MissingExtraError("gate", error) from error

    options = GateOptions(candidate, champion, config, labels, data, part, new, store, out, as_json)
    if not run_gate(options, Printer()):
        raise typer.Exit(_REFUSED)
