"""`patrol feedback`; what is slow to load is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference.printer import Printer

_DONE, _FAILURES = 0, 1

app = typer.Typer(
    help="导出与清理人员反馈 / export what officers confirmed, and delete what is over its days.",
    no_args_is_help=True,
    add_completion=False,
)

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Default: the service's (PATROL_FEEDBACK_DATABASE)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def export(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File of lines, such as labels/feedback.jsonl.")],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Given not before: a date, or a time in ISO 8601.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Given before.")] = None,
    only_confirmed: Annotated[
        bool, typer.Option("--only-confirmed", help="Only requests of which a category was confirmed.")
    ] = False,
    photos: Annotated[
        bool, typer.Option("--photos", help="Copy kept photos to the folder photos/ beside FILE.")
    ] = False,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """导出反馈为训练标注 / write feedback as labels for `patrol data import`.

    Exit codes: 0 done, 1 kept photos could not be copied, 2 bad usage or input.
    """
    from inference.feedback.command import ExportRequest, export_feedback

    request = ExportRequest(out, database, since, until, only_confirmed, photos, as_json)
    raise typer.Exit(_DONE if export_feedback(request, Printer()) else _FAILURES)


@app.command()
def purge(
    *,
    photos_days: Annotated[
        float | None,
        typer.Option("--photos-older-than", min=0, metavar="DAYS", help="Default: keep_photos_days of service.yaml."),
    ] = None,
    records_days: Annotated[
        float | None,
        typer.Option("--records-older-than", min=0, metavar="DAYS", help="Default: keep_records_days."),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """删除到期的照片与记录 / delete photos and records that are over their days, now.

    Exit codes: 0 done, 1 photos could not be deleted, 2 bad usage or input.
    """
    from inference.feedback.command import purge_kept

    is_done = purge_kept(database, photos_days, records_days, as_json=as_json, printer=Printer())
    raise typer.Exit(_DONE if is_done else _FAILURES)
