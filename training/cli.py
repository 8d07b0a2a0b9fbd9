"""`patrol train` and `patrol evaluate`: labelled photos in, model package and its judgement out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inference.paths import CONFIGS, MODELS

if TYPE_CHECKING:
    from training.observe import Observation
    from training.run import TrainingReport


def train_command(
    config: Annotated[Path, typer.Option(help="训练配方 / the recipe")] = CONFIGS / "train.yaml",
    runs: Annotated[Path, typer.Option(help="检查点目录,中断后从此继续 / checkpoints; resumes from here")] = Path(
        "runs/train"
    ),
    out: Annotated[Path | None, typer.Option(help="模型包目录 / where the package goes [models/<name>]")] = None,
    epochs: Annotated[int | None, typer.Option(help="覆盖配方 / override the recipe")] = None,
    hours: Annotated[float | None, typer.Option(help="时间预算,小时 / time budget")] = None,
) -> None:
    """微调检测器并写出模型包 / fine-tune the detector, write the model package."""
    # torch takes seconds to load: only this command pays for it, `patrol --help` does not
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from inference.categories import load_catalogue
    from inference.plugins import MissingExtraError

    try:
        from training.run import run
        from training.settings import load_train_settings
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", error) from error

    console = Console(stderr=True)
    settings = load_train_settings(config).with_budget(epochs, hours)
    target = out or MODELS / settings.name
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("", total=None)

        def on_step(step: str) -> None:
            bar.update(task, description=step)

        def on_photos(step: str, photos: Iterable[Observation]) -> Iterable[Observation]:
            for number, observation in enumerate(photos, start=1):
                bar.update(task, description=f"{step}: {number}")
                yield observation

        report = run(settings, config.parent, load_catalogue(), runs, target, on_step, on_photos)
    console.print(_summary(report, target))


def _summary(report: TrainingReport, target: Path) -> str:
    prefilled = sorted(c for c, d in report.description.decisions.items() if d.prefill is not None)
    return (
        f"模型包 / package: {target}\n数据版本 / data version: {report.description.data.version}\n"
        f"类别 / categories: {len(report.description.categories)}, 预填 / prefilled: {', '.join(prefilled) or '-'}\n"
        f"报告 / report: {target / 'report.md'}"
    )


def evaluate_command(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="模型包目录 / a model package")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="报告目录，整个替换 / folder of the report, replaced whole")],
    data: Annotated[
        str | None, typer.Option(metavar="VERSION", help="冻结的数据版本 / a frozen version; instead of --config")
    ] = None,
    store: Annotated[Path, typer.Option(metavar="DATA", help="该版本所在的标注库 / label store of --data")] = Path(
        "data"
    ),
    config: Annotated[Path, typer.Option(help="其 data 部分指明照片 / its data part names the photos")] = CONFIGS
    / "train.yaml",
    part: Annotated[
        str, typer.Option(metavar="PART", help="val, test, train, all; proposed: 来源自带的验证部分 / a source's own")
    ] = "val",
    source: Annotated[str | None, typer.Option(metavar="A,B", help="只看这些来源 / only these sources")] = None,
    settings: Annotated[Path, typer.Option(help="评判方式 / how to judge")] = CONFIGS / "evaluate.yaml",
    provider: Annotated[
        Literal["auto", "cuda", "openvino", "cpu"], typer.Option(help="运行模型的后端 / what runs the model")
    ] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON，不含逐张照片 / figures as one document")] = False,
) -> None:
    """评估模型包 / judge a model package; 0 done, 1 some photos cannot be read, 2 bad input."""
    from inference.plugins import MissingExtraError
    from inference.printer import Printer

    try:
        from training.evaluate_command import EvaluateOptions, run_evaluation
    except ModuleNotFoundError as error:
        raise MissingExtraError("evaluate", error) from error

    options = EvaluateOptions(
        package=package,
        out=out,
        data=data,
        store=store,
        config=config,
        part=part,
        sources=None if source is None else tuple(name.strip() for name in source.split(",") if name.strip()),
        settings=settings,
        provider=provider,
        as_json=as_json,
    )
    if not run_evaluation(options, Printer()):
        raise typer.Exit(1)
