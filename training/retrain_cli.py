"""`patrol retrain`, as typed; what it needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from inference.models_cli import DEFAULT_STORE, StoreOption
from inference.paths import CONFIGS


def retrain_command(
    *,
    new_labels: Annotated[
        list[str],
        typer.Argument(
            metavar="NEW_LABELS", help="新标注：文件夹、压缩包、标注文件，或已导入的来源 / or imported sources"
        ),
    ],
    labels: Annotated[Path, typer.Option("--labels", metavar="DIR", help="标注库 / the label store")] = Path("data"),
    store: StoreOption = DEFAULT_STORE,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="本次运行和数据版本的名称 / of run and data version [of the labels]"),
    ] = None,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="运行目录 / where runs are kept")] = Path("runs/retrain"),
    config: Annotated[Path, typer.Option(metavar="FILE", help="训练配方 / the recipe")] = CONFIGS / "train.yaml",
    gate_config: Annotated[
        Path, typer.Option("--gate-config", metavar="FILE", help="门禁设置 / settings of the gate")
    ] = CONFIGS / "gate.yaml",
    part: Annotated[
        Literal["val", "test", "held-out"], typer.Option(help="在哪一部分上比较 / the part to compare on")
    ] = "test",
    start: Annotated[
        Literal["champion", "recipe"], typer.Option(help="从现用模型或配方的权重开始 / whose weights to start from")
    ] = "champion",
    epochs: Annotated[int | None, typer.Option(min=1, help="覆盖配方 / override the recipe")] = None,
    hours: Annotated[float | None, typer.Option(help="时间预算，小时 / time budget")] = None,
    accept_faults: Annotated[
        bool, typer.Option("--accept-faults", help="有错误也继续，跳过读不出的照片 / go on in spite of errors")
    ] = False,
    without_replay: Annotated[
        bool, typer.Option("--without-replay", help="旧数据不全也继续 / though old labels are missing")
    ] = False,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="检查时不用模型 / do not let the champion doubt the labels")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说要做什么 / only say what would be done")] = False,
    promote: Annotated[
        bool | None,
        typer.Option("--yes/--no-promote", help="通过后直接上线，或不上线 / promote without asking, or do not"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")] = False,
) -> None:
    """用新标注再训练：导入、检查、冻结、训练、评估、门禁、上线 / retrain on new labels, up to production.

    Cut off at any time, the same command goes on. Exit codes: 0 passed, 1 refused by the gate, 2 bad input.
    """
    from inference.plugins import MissingExtraError
    from inference.printer import Printer

    # One progress display, and nothing but JSON on standard output: ultralytics writes its own log there.
    os.environ.setdefault("YOLO_VERBOSE", "false")
    try:
        from training.retrain_command import RetrainOptions, run_retrain
        from training.retrain_state import Request
    except ModuleNotFoundError as error:
        raise MissingExtraError("retrain", error) from error

    request = Request(
        sources=tuple(new_labels),
        labels=str(labels),
        store=store,
        config=str(config),
        gate_config=str(gate_config),
        part=part,
        start=start,
        epochs=epochs,
        hours=hours,
        accept_faults=accept_faults,
        without_replay=without_replay,
        ask_model=not no_model,
    )
    options = RetrainOptions(request, name, runs, dry_run, promote, typer.confirm, as_json)
    raise typer.Exit(run_retrain(options, Printer()))
