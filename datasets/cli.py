"""`patrol data ...`: labels in. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", metavar="DIR", help="标注库 / the label store")]
DEFAULT_DATA = Path("data")
_EXIT_CODES = {"done": 0, "failures": 1, "bad-input": 2}


@app.callback()
def data_commands() -> None:
    """标注数据：导入、检查、冻结、查看 / labels in: import, check, freeze, show."""


@app.command("import")
def import_labels(
    *,
    sources: Annotated[
        list[Path], typer.Argument(metavar="SRC", help="文件夹、压缩包或标注文件 / folders, archives, label files")
    ],
    data: DataOption = DEFAULT_DATA,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="来源名称 / name of the source")] = None,
    label_format: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", help="标注格式，默认自动识别 / label format; auto: every one that is there"
        ),
    ] = "auto",
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="NAME=ID|FILE", help="类别映射；null 表示不要 / class map; null leaves a class out"
        ),
    ] = None,
    photos: Annotated[Path | None, typer.Option(metavar="DIR", help="照片所在文件夹 / where the photos lie")] = None,
    exhaustive_for: Annotated[
        str | None,
        typer.Option(metavar="ID,ID", help="已全部标注的类别 / categories of which every instance is labelled"),
    ] = None,
    negatives: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="已看过且无任何问题的照片清单 / photos that were found to show no category"),
    ] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="许可 / licence of the photos")] = None,
    attribution: Annotated[str | None, typer.Option(metavar="TEXT", help="署名 / whom to name")] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="整个来源只用于测试 / for the test part only")] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="train.yaml，其 data.sources 补充各来源设置 / says more about its sources"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")] = False,
) -> None:
    """导入标注 / bring labels in; 0 done, 1 something was left out, 2 nothing could be imported."""
    from datasets.import_command import ImportRequest, import_sources
    from inference.printer import Printer

    request = ImportRequest(
        sources=sources,
        data=data,
        name=name,
        format=label_format,
        maps=maps or (),
        photos=photos,
        exhaustive_for=exhaustive_for,
        negatives=negatives,
        licence=licence,
        attribution=attribution,
        held_out=held_out,
        recipe=recipe,
        as_json=as_json,
    )
    raise typer.Exit(_EXIT_CODES[import_sources(request, Printer())])


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


@app.command()
def export(
    *,
    name: Annotated[str, typer.Argument(metavar="SOURCE_OR_VERSION", help="来源或版本 / a source or a frozen version")],
    label_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="yolo, coco, voc, cvat, labelme, label-studio, tags")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="新文件夹 / a new folder; with --zip a new ZIP file")],
    data: DataOption = DEFAULT_DATA,
    photos: Annotated[
        Literal["copy", "link", "none"],
        typer.Option(help="复制（转正、无元数据）、链接或不带照片 / copy upright without metadata, link, or none"),
    ] = "copy",
    names: Annotated[
        Literal["id", "zh", "en"], typer.Option(help="类别名用编号、中文或英文 / what classes are called")
    ] = "id",
    blur_faces: Annotated[bool, typer.Option("--blur-faces", help="模糊人脸 / blur faces, for good")] = False,
    zipped: Annotated[bool, typer.Option("--zip", help="打包为 ZIP / make a ZIP file")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")] = False,
) -> None:
    """导出标注和照片 / labels and photos out; 0 done, 1 some photos are missing from it, 2 nothing was exported."""
    from datasets.export_command import ExportRequest, export_labels
    from inference.printer import Printer

    request = ExportRequest(
        name=name,
        format=label_format,
        out=out,
        data=data,
        photos=photos,
        naming=names,
        is_blurred=blur_faces,
        is_zipped=zipped,
        as_json=as_json,
    )
    raise typer.Exit(0 if export_labels(request, Printer()) else 1)
