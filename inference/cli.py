"""The `patrol` command. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from inference import keys_cli, plugins
from inference.errors import PatrolError
from inference.feedback.cli import app as feedback_app
from inference.models_cli import models_app
from inference.printer import Printer

_DONE, _FAILURES, _BAD_INPUT = 0, 1, 2


class PatrolGroup(TyperGroup):
    """The commands defined here and those of plugins; an error that a user can mend is one clear message.

    Contexts and commands are Any because where their types come from depends on typer's version.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, those defined here first."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in plugins.found() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None."""
        own = super().get_command(ctx, cmd_name)
        entry = None if own else plugins.found().get(cmd_name)
        return own if entry is None else plugins.load(entry)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments ask for."""
        try:
            return super().invoke(ctx)
        except PatrolError as error:
            Printer().error(str(error))
        except ModuleNotFoundError as error:
            if plugins.is_our_fault(error):
                raise
            Printer().error(str(plugins.MissingExtraError(ctx.invoked_subcommand, error)))
        raise typer.Exit(_BAD_INPUT)


app = typer.Typer(
    cls=PatrolGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models")
app.add_typer(keys_cli.app, name="keys")

app.add_typer(feedback_app, name="feedback")

ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Model package; default: the service's.")
]
ProviderOption = Annotated[
    Literal["auto", "cuda", "openvino", "cpu"] | None,
    typer.Option("--provider", help="What runs the model; default: the service's."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        Printer().text(f"street-patrol {version('street-patrol')}")
        raise typer.Exit


@app.callback()
def patrol(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """城市巡查照片进，预填案件类别出 / city patrol photos in, pre-filled issue categories out.

    Exit codes: 0 done, 1 finished with failures listed, 2 bad usage or input.
    """


@app.command()
def classify(
    *,
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO", help="Photo files; of a folder, the photos right in it."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    is_case: Annotated[bool, typer.Option("--case", help="The photos are of one case: merge them.")] = False,
    scheme: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose codes to give: a file name in mappings/, without .csv."),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Also give weaker detections, from this score on.")
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write copies with boxes and labels there.")
    ] = None,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language of table and labels.")] = "zh",
    model: ModelOption = None,
    provider: ProviderOption = None,
) -> None:
    """识别照片中的问题类别 / say what problems photos show."""
    from inference.classify_command import ClassifyOptions
    from inference.classify_command import classify as classify_files

    options = ClassifyOptions(
        photos=photos,
        scheme=scheme,
        min_score=min_score,
        model=model,
        provider=provider,
        annotate=annotate,
        is_case=is_case,
        as_json=as_json,
        lang=lang,
    )
    raise typer.Exit(_DONE if classify_files(options, Printer()) else _FAILURES)


@app.command()
def scan(
    *,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Folders, zip and tar files, videos, photos, lists (.txt: a path per line), URLs."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the records; a scan in it goes on.")],
    model: ModelOption = None,
    provider: ProviderOption = None,
    scheme: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose codes to give: a file name in mappings/, without .csv."),
    ] = None,
    every: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="From frame to frame of a video; default: scan.yaml's.")
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Photos judged at the same time.")] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Also record weaker detections, from this score on.")
    ] = None,
    all_files: Annotated[
        bool, typer.Option("--all-files", help="Read files that do not look like photos, too.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Record where the time went.")] = False,
    export: Annotated[
        str | None,
        typer.Option(metavar="FORMATS", help="Of csv, xlsx, parquet, coco, megadetector, geojson; with commas."),
    ] = None,
    next_to_label: Annotated[
        int | None,
        typer.Option("--next-to-label", min=1, metavar="N", help="At the end, write tasks for the N photos to label."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="What judges: this machine, or a Ray cluster (docs/scale-out.md).")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of the cluster, such as auto; default: one on this machine alone."),
    ] = None,
) -> None:
    """扫描照片档案，可随时中断并继续 / scan an archive of photos; stop and go on at any time.

    Exit codes: 0 done, 1 finished with failures listed, 2 bad usage or input, 130 interrupted (run it again).
    """
    from inference.scan.command import ScanOptions
    from inference.scan.command import scan as scan_sources
    from inference.scan.export_command import formats

    options = ScanOptions(
        sources=sources,
        out=out,
        model=model,
        provider=provider,
        scheme=scheme,
        every=every,
        threads=threads,
        min_score=min_score,
        all_files=all_files,
        timings=timings,
        exports=formats(export),
        next_to_label=next_to_label,
        as_json=as_json,
        engine=engine,
        ray_address=ray_address,
    )
    raise typer.Exit(scan_sources(options, Printer()))


ScanFolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a scan.")]


@app.command("scan-export")
def scan_export(
    *,
    folder: ScanFolderArgument,
    to: Annotated[
        str, typer.Option(metavar="FORMATS", help="Of csv, xlsx, parquet, coco, megadetector, geojson; with commas.")
    ],
) -> None:
    """导出扫描结果 / write the results of a scan to DIR/exports."""
    from inference.scan.export_command import export_scan

    export_scan(folder, to, Printer())


@app.command("scan-check")
def scan_check(*, folder: ScanFolderArgument) -> None:
    """检查扫描记录 / check every record of a scan against its schema."""
    from inference.scan.export_command import check_scan

    raise typer.Exit(_DONE if check_scan(folder, Printer()) else _FAILURES)


@app.command("scan-next")
def scan_next(
    *,
    folder: ScanFolderArgument,
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="How many photos, at most.")],
) -> None:
    """挑选最值得标注的照片，生成标注任务 / write labelling tasks for the photos of a scan that would teach the most."""
    from inference.scan.next_command import next_to_label

    next_to_label(folder, number, Printer())


@app.command("scan-cases")
def scan_cases(
    *,
    folder: ScanFolderArgument,
    model: ModelOption = None,
    views: Annotated[
        bool, typer.Option("--views/--no-views", help="Read photos again, to compare places by their pixels.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
) -> None:
    """同一地点同一时间归为一个案件，列出反复出现的地点 / group a scan's photos into cases; repeat offenders."""
    from inference.scan.cases_command import CasesOptions, make_cases

    make_cases(CasesOptions(folder=folder, model=model, views=views, as_json=as_json), Printer())


@app.command()
def report(
    *,
    folder: ScanFolderArgument,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: DIR/exports/report.html.")] = None,
    faces: Annotated[
        Literal["blurred", "shown"], typer.Option(help="Blurring needs the extra `privacy`; it misses some.")
    ] = "blurred",
    pictures: Annotated[
        int | None, typer.Option(min=0, max=2000, metavar="N", help="Photos shown, at most; default: scan.yaml's.")
    ] = None,
    district_level: Annotated[
        int | None,
        typer.Option(min=0, max=8, metavar="N", help="Which folder of a path is the district; 0: the source."),
    ] = None,
) -> None:
    """生成离线 HTML 报告 / one offline HTML page of a scan's results."""
    from inference.scan.report.command import ReportOptions
    from inference.scan.report.command import report as write_report

    options = ReportOptions(folder=folder, out=out, faces=faces, pictures=pictures, district_level=district_level)
    write_report(options, Printer())


@app.command()
def compare(
    *,
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The earlier photo, or a collage of both.")],
    after: Annotated[
        Path | None, typer.Argument(metavar="AFTER", help="The later photo; leave it out for a collage.")
    ] = None,
    same_place: Annotated[
        bool, typer.Option("--same-place", help="You know that both show one place, whatever the photos tell.")
    ] = False,
    swap: Annotated[bool, typer.Option("--swap", help="The second is the earlier one.")] = False,
    model: ModelOption = None,
    provider: ProviderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """整改前后对比：仍在、已整改或无法判断 / compare before and after: still there, gone, or cannot tell."""
    from inference.compare_command import CompareOptions
    from inference.compare_command import compare as compare_photos

    options = CompareOptions(
        before=before,
        after=after,
        same_place=same_place,
        swap=swap,
        model=model,
        provider=provider,
        as_json=as_json,
    )
    compare_photos(options, Printer())


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port to listen on; 0: any free one.")] = None,
    model: ModelOption = None,
    provider: ProviderOption = None,
    config: keys_cli.ConfigOption = None,
) -> None:
    """启动 HTTP 服务，/docs 为接口说明 / serve the HTTP API, described at /docs."""
    from inference.service.server import run
    from inference.settings import SERVICE_FILE, load_settings

    given = {"host": host, "port": port, "model": model, "provider": provider}
    run(load_settings(config or SERVICE_FILE, {name: value for name, value in given.items() if value is not None}))


def main() -> None:
    """Entry point of the `patrol` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows its number instead
            stream.reconfigure(errors="backslashreplace")
    app()
