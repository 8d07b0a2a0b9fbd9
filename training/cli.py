"""`patrol train`: labelled photos in, model package out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
