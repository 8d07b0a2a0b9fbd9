"""`patrol data ...`: labels in. Commands import what they need when they run, so that help comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", metavar="DIR", help="标注库 / the label store")]
DEFAULT_DATA = Path("data")
_EXIT_CODES = {"done": 0, "failures": 1, "bad-input": 2}
_FINDINGS = _EXIT_CODES["failures"]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / one JSON document")]


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
    as_json: JsonOption = False,
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
    as_json: JsonOption = False,
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
    if not run_check(options, Printer()):
        raise typer.Exit(_FINDINGS)


@app.command()
def sources(*, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
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
    as_json: JsonOption = False,
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
    if not export_labels(request, Printer()):
        raise typer.Exit(_FINDINGS)


@app.command()
def freeze(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="新版本的名称 / name of the new version")],
    data: DataOption = DEFAULT_DATA,
    sources: Annotated[str | None, typer.Option(metavar="A,B", help="只用这些来源 / only these sources")] = None,
    licences: Annotated[
        str | None,
        typer.Option("--licences-allowed", metavar="A,B", help="只用以此开头的许可 / licences that begin so"),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="沿用其划分 / whose parts are kept [default: newest]; none: start anew"),
    ] = None,
    val_fraction: Annotated[float | None, typer.Option(help="验证部分比例 / share of val [0.15]")] = None,
    test_fraction: Annotated[float | None, typer.Option(help="测试部分比例 / share of test [0.15]")] = None,
    seed: Annotated[int | None, typer.Option(help="划分的随机种子 / of the split [0]")] = None,
    proposed: Annotated[
        bool | None, typer.Option("--proposed/--no-proposed", help="沿用来源自带的划分 / keep splits of sources [yes]")
    ] = None,
    near_bits: Annotated[
        int | None, typer.Option(help="近似重复：256 位哈希相差 / near-duplicate: bits of 256 apart [40]")
    ] = None,
    scenes: Annotated[
        bool | None, typer.Option("--scenes/--no-scenes", help="找裁剪与同一场景 / find crops and scenes [yes]")
    ] = None,
    metres: Annotated[float | None, typer.Option(help="同一地点：GPS 米 / same place within [50]")] = None,
    seconds: Annotated[float | None, typer.Option(help="连拍：间隔秒数 / burst: seconds apart [30]")] = None,
    day_and_folder: Annotated[
        bool | None,
        typer.Option("--day-and-folder/--no-day-and-folder", help="同日同文件夹为一组 / is a group [yes]"),
    ] = None,
    leave_out_faulty: Annotated[
        bool, typer.Option("--leave-out-faulty", help="跳过读不出的照片 / leave out unreadable photos")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """冻结一个不可更改的版本 / freeze an immutable version of what was imported."""
    from datasets.freeze import FreezeOptions
    from datasets.freeze_command import freeze_version
    from datasets.settings import GroupSettings, SplitSettings, checked
    from datasets.store import LabelStore
    from datasets.versions import Versions
    from inference.printer import Printer

    groups = {
        "near_duplicate_bits": near_bits,
        "scenes": scenes,
        "place_metres": metres,
        "burst_seconds": seconds,
        "day_and_folder": day_and_folder,
    }
    split = {"val_fraction": val_fraction, "test_fraction": test_fraction, "seed": seed, "proposed": proposed}
    options = FreezeOptions(
        sources=_names(sources),
        licences=_names(licences),
        base=Versions(LabelStore(data).versions_folder).base(base),
        groups=checked(GroupSettings, groups),
        split=checked(SplitSettings, split),
        leave_out_faulty=leave_out_faulty,
    )
    if not freeze_version(data, name, options, Printer(), as_json=as_json):
        raise typer.Exit(_FINDINGS)


@app.command()
def verify(
    *,
    name: Annotated[str, typer.Argument(metavar="VERSION", help="名称或版本号 / name or id")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """重读全部照片，报告缺失或改动 / read every photo again, name the missing and the changed."""
    from datasets.freeze_command import verify_version
    from inference.printer import Printer

    if not verify_version(data, name, Printer(), as_json=as_json):
        raise typer.Exit(_FINDINGS)


@app.command()
def show(
    *,
    name: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="名称或版本号 / name or id")] = None,
    data: DataOption = DEFAULT_DATA,
    group: Annotated[
        str | None, typer.Option(metavar="KEY", help="照片或组：为何同组 / a photo or group: why it is together")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """查看冻结的版本 / list frozen versions, or show what one holds."""
    from datasets.freeze_command import show_group, show_version, show_versions
    from inference.printer import Printer

    if name is None:
        show_versions(data, Printer(), as_json=as_json)
    elif group is None:
        show_version(data, name, Printer(), as_json=as_json)
    else:
        show_group(data, name, group, Printer(), as_json=as_json)


@app.command()
def diff(
    *,
    a: Annotated[str, typer.Argument(metavar="A", help="旧版本 / the older version")],
    b: Annotated[str, typer.Argument(metavar="B", help="新版本 / the newer version")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """两个版本的差别 / what changed from one version to another."""
    from datasets.freeze_command import show_difference
    from inference.printer import Printer

    if not show_difference(data, a, b, Printer(), as_json=as_json):
        raise typer.Exit(_FINDINGS)


def _names(text: str | None) -> tuple[str, ...] | None:
    """The names of a comma-separated list."""
    return None if text is None else tuple(name for part in text.split(",") if (name := part.strip()))
