"""`patrol evaluate`: which photos a package is judged on, and where the report goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from rich.table import Table

from datasets.collection import Collection
from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from datasets.settings import DataSettings
from datasets.store import replaced_folder
from inference.categories import load_catalogue
from inference.engine import Provider
from inference.printer import Printer
from training.answered import AnsweredPhoto
from training.evaluation import FILE, Evaluation, EvaluationError, PhotosToJudge, evaluate_package
from training.evaluation_page import render_page
from training.evaluation_report import render, warnings
from training.evaluation_settings import load_evaluation_settings
from training.evaluation_tables import FigureTable, tables
from training.settings import load_train_settings

REPORT: Final = "report.md"
PAGE: Final = "index.html"
_SPLITS: Final = ("train", "val", "test")
_PARTS: Final = (*_SPLITS, "proposed", "all")
_SHOWN: Final = 3  # tables that the terminal shows; the rest is in the report


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What the command line asks for.

    Attributes:
        package: The model package.
        out: Folder of the report, replaced whole.
        data: Frozen version, or None: the photos that `config` names.
        store: Label store of the version.
        config: A train.yaml.
        part: Which part of the photos.
        sources: Only these sources; None: all.
        settings: An evaluate.yaml.
        provider: What runs the model.
        as_json: Print the figures as one JSON document.
    """

    package: Path
    out: Path
    data: str | None
    store: Path
    config: Path
    part: str
    sources: tuple[str, ...] | None
    settings: Path
    provider: Provider | Literal["auto"]
    as_json: bool


def run_evaluation(options: EvaluateOptions, printer: Printer) -> bool:
    """Judge a package and write evaluation.json, report.md and index.html.

    Returns:
        Whether every photo could be read.

    Raises:
        PatrolError: package, photos or settings are not usable, with the reason.
    """
    settings, catalogue = load_evaluation_settings(options.settings), load_catalogue()
    _require_ours(options.out)
    collection = labelled_photos(_data_settings(options), catalogue, options.config.parent)
    photos = chosen(collection, options.part, options.sources)
    data = PhotosToJudge(photos, collection.version, options.part, collection.stretched)
    with printer.progress("评估 / judging photos", len(photos)) as advance:

        def counted(answered: Iterable[AnsweredPhoto]) -> Iterator[AnsweredPhoto]:
            for photo in answered:
                advance()
                yield photo

        evaluation = evaluate_package(options.package, data, catalogue, settings, options.provider, counted)
    write_evaluation(evaluation, photos, options.out)
    _report(evaluation, options, printer)
    return not evaluation.failed


def chosen(collection: Collection, part: str, sources: tuple[str, ...] | None) -> list[LabelledPhoto]:
    """The photos of a part and of some sources.

    Raises:
        EvaluationError: there is no such part or source, or nothing is left.
    """
    if part not in _PARTS:
        raise EvaluationError(f"--part is {part!r}; choose one of {', '.join(_PARTS)}")
    known = {photo.source for photo in collection.photos}
    if unknown := sorted(set(sources or ()) - known):
        raise EvaluationError(f"--source names {', '.join(unknown)}; the photos come from {', '.join(sorted(known))}")
    photos = [p for p in collection.photos if sources is None or p.source in sources]
    if part in _SPLITS:
        photos = [p for p in photos if p.split == part]
    elif part == "proposed":
        photos = [p for p in photos if p.key in collection.proposed_val]
    if not photos:
        raise EvaluationError(f"no photo of data version {collection.version} is in part {part!r} of those sources")
    return photos


def write_evaluation(evaluation: Evaluation, photos: Iterable[LabelledPhoto], folder: Path) -> None:
    """Put evaluation.json, report.md and index.html in place of a folder."""
    with replaced_folder(folder) as staging:
        (staging / FILE).write_text(evaluation.model_dump_json() + "\n", encoding="utf-8")
        (staging / REPORT).write_text(render(evaluation), encoding="utf-8")
        (staging / PAGE).write_text(render_page(evaluation, photos), encoding="utf-8")


def _require_ours(out: Path) -> None:
    """Refuse to replace a folder that holds something else than an earlier evaluation."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / FILE).is_file())):
        raise EvaluationError(f"--out {out} exists and holds no {FILE}: it would be replaced; choose another folder")


def _data_settings(options: EvaluateOptions) -> DataSettings:
    if options.data is not None:
        return DataSettings(root=options.store, version=options.data)
    return load_train_settings(options.config).data


def _report(evaluation: Evaluation, options: EvaluateOptions, printer: Printer) -> None:
    if options.as_json:
        printer.json(evaluation.model_dump(mode="json", exclude={"photos"}))
    else:
        for figures in list(tables(evaluation))[:_SHOWN]:
            printer.text(f"{figures.zh} / {figures.en}")
            printer.table(_rich(figures))
    for line in warnings(evaluation):
        printer.note(line)
    for photo in evaluation.failed:
        printer.error(f"{photo.key}: {photo.error}")
    printer.note(f"报告 / report: {options.out / PAGE}, {options.out / REPORT}")


def _rich(figures: FigureTable) -> Table:
    table = Table()
    for column, name in enumerate(figures.header):
        table.add_column(name, justify="left" if column == 0 else "right")
    for row in figures.rows:
        table.add_row(*(str(cell) for cell in row))
    return table
