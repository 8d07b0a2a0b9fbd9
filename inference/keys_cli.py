"""The command line of `patrol keys`. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference.api_key import Scope
from inference.printer import Printer

app = typer.Typer(
    no_args_is_help=True,
    help="API 密钥：谁可以使用服务 / API keys: who may use the service.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", envvar="PATROL_CONFIG", help="A service.yaml; default: the shipped one."),
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="File of keys; default: the service's keys_file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def create(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it; what logs say.")],
    scopes: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may be used for; again for more. Default: classify.")
    ] = None,
    days: Annotated[int | None, typer.Option(metavar="N", min=1, max=36500, help="Days until it expires.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="LIMIT", help="A rate limit of its own, such as 60/minute.")
    ] = None,
    file: FileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建密钥，只显示一次 / make a key; it is shown this once."""
    from inference.keys_command import NewKey
    from inference.keys_command import create as create_key

    wanted = NewKey(_checked_name(name), scopes or [Scope.CLASSIFY], days, _checked_rate(rate))
    create_key(_path(file, config), wanted, Printer(), as_json=as_json)


@app.command("list")
def show(*, file: FileOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """列出密钥（不含密文）/ list the keys, never their secrets."""
    from inference.keys_command import show as show_keys

    show_keys(_path(file, config), Printer(), as_json=as_json)


@app.command()
def revoke(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the key.")],
    file: FileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """停用密钥，立即生效 / have a key refused at once."""
    from inference.keys_command import revoke as revoke_key

    revoke_key(_path(file, config), name, Printer(), as_json=as_json)


def _path(file: Path | None, config: Path | None) -> Path:
    if file is not None:
        return file
    from inference.settings import SERVICE_FILE, load_settings

    return load_settings(config or SERVICE_FILE).keys_file


def _checked_name(name: str) -> str:
    from inference.key_file import is_name

    if not is_name(name):
        raise typer.BadParameter("use up to 64 letters, digits, dots, hyphens and underscores", param_hint="NAME")
    return name


def _checked_rate(rate: str | None) -> str | None:
    from inference.rates import checked_rate

    try:
        return None if rate is None else checked_rate(rate)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from error
