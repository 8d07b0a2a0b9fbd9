"""`patrol models ...`: the model store. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

models_app = typer.Typer(no_args_is_help=True)

_FINDINGS = 1
DEFAULT_STORE = "model-store"
StoreOption = Annotated[
    str,
    typer.Option(
        "--store", metavar="DIR|URL", envvar="PATROL_MODEL_STORE", help="模型库：文件夹或 s3:// / folder or URL"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")]
NameArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="名称/版本、版本、champion 或 previous / NAME/VERSION, VERSION or an alias"),
]
WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="原因，记入历史 / the reason, kept in the history")
]
ByOption = Annotated[str | None, typer.Option("--by", metavar="NAME", help="何人；默认当前用户 / who [this user]")]


@models_app.callback()
def models_commands() -> None:
    """模型库：收入、上线、回退、核对 / the model store: add, promote, roll back, verify."""


@models_app.command("list")
def list_command(*, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """列出模型 / list the models and which one is champion."""
    from inference.models_command import list_models
    from inference.printer import Printer

    list_models(store, Printer(), as_json=as_json)


@models_app.command()
def history(*, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """上线与回退的历史 / who promoted what, when and why."""
    from inference.models_command import show_history
    from inference.printer import Printer

    show_history(store, Printer(), as_json=as_json)


@models_app.command()
def add(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="模型包 / a model package")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """收入一个模型包 / keep a copy of a model package, for good."""
    from inference.models_command import add_model
    from inference.printer import Printer

    add_model(store, folder, Printer(), as_json=as_json)


@models_app.command()
def promote(
    *,
    name: NameArgument,
    why: WhyOption,
    gate: Annotated[
        Path | None, typer.Option("--gate", metavar="FILE", help="patrol gate 的 gate.json / the gate's report")
    ] = None,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="不经门禁，记入历史 / without the gate; the history says so")
    ] = False,
    by: ByOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """上线：设为 champion / make a model the champion, in one step."""
    from inference.models_command import promote_model
    from inference.printer import Printer

    promote_model(store, name, by=by, why=why, gate=gate, is_ungated=ungated, as_json=as_json, printer=Printer())


@models_app.command()
def rollback(
    *, why: WhyOption, by: ByOption = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """回退到上一个 champion / make the previous champion the champion again."""
    from inference.models_command import rollback_model
    from inference.printer import Printer

    rollback_model(store, by=by, why=why, as_json=as_json, printer=Printer())


@models_app.command()
def verify(
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="默认全部 / default: every model")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """重算哈希并重放标准输出 / hash every file again, replay golden outputs; 1: something is wrong."""
    from inference.models_command import verify_models
    from inference.printer import Printer

    if not verify_models(store, names or (), Printer(), as_json=as_json):
        raise typer.Exit(_FINDINGS)


@models_app.command()
def fetch(
    *,
    name: NameArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="本地缓存 / cache folder")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """取到本地供服务使用 / bring a model to this machine's disk, print its folder."""
    from inference.models_command import fetch_model
    from inference.printer import Printer

    fetch_model(store, name, to, Printer(), as_json=as_json)
