"""`patrol data import`: sources in, one table out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel
from rich.table import Table

from datasets.class_map import parse_class_map
from datasets.errors import LabelError
from datasets.importing import AUTO, Imported, ImportOptions, import_source
from datasets.opened_source import source_name
from datasets.settings import DataSettings, SourceSettings
from datasets.store import LabelStore
from inference.categories import Catalogue, load_catalogue
from inference.config_file import load_model
from inference.errors import PatrolError
from inference.printer import Printer

Outcome = Literal["done", "failures", "bad-input"]

_CODES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the command line says.

    Attributes:
        sources: Folders, archives, label files.
        data: The label store.
        name: Instead of the name of the folder; for a single source.
        format: Name of a label format, or `auto`.
        maps: `--map` entries: NAME=ID or files.
        photos: Where the photos lie, if not with the labels.
        exhaustive_for: Categories, separated by commas; None: not stated.
        negatives: List of photos that show none of the categories.
        licence: Instead of SOURCE.json's.
        attribution: Instead of SOURCE.json's.
        held_out: For the test part as a whole.
        recipe: A train.yaml whose `data.sources` says more about sources of these names.
        as_json: Whether a program reads the answer.
    """

    sources: Sequence[Path]
    data: Path
    name: str | None = None
    format: str = AUTO
    maps: Sequence[str] = ()
    photos: Path | None = None
    exhaustive_for: str | None = None
    negatives: Path | None = None
    licence: str | None = None
    attribution: str | None = None
    held_out: bool = False
    recipe: Path | None = None
    as_json: bool = False


@dataclass(slots=True)
class _Run:
    """What came of all sources."""

    imported: list[Imported] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        if not self.imported:
            return "bad-input"
        errors = any(severity == "error" for done in self.imported for severity, _ in done.faults)
        return "failures" if self.failed or errors else "done"


def import_sources(request: ImportRequest, printer: Printer) -> Outcome:
    """Import every source, and print what came of each; one that fails does not stop the others.

    Raises:
        PatrolError: an option is wrong; nothing was imported.
    """
    if request.name is not None and len(request.sources) > 1:
        raise LabelError(Path("--name"), "", "names one source, but several are given; import them one by one")
    names = parse_class_map(request.maps)
    recipe = {} if request.recipe is None else _recipe(request.recipe)
    catalogue, store, run = load_catalogue(), LabelStore(request.data), _Run()
    taken: dict[str, Path] = {}
    for path in request.sources:
        name = request.name or source_name(path)
        first = taken.setdefault(name, path)
        if first != path:
            run.failed.append((path, f"{path}: is called {name!r} like {first}; import it alone, with --name"))
            continue
        options = _options(name, names, recipe.get(name, SourceSettings()), request)
        _import(path, store, catalogue, options, printer, run)
    _print(run, request, printer)
    return run.outcome


def _recipe(path: Path) -> Mapping[str, SourceSettings]:
    """`data.sources` of a train.yaml.

    Raises:
        ConfigError: it has none, or they are wrong, with the line.
    """
    return load_model(path, _Recipe, "configs/train.yaml shows how data.sources are described.").data.sources


class _Recipe(BaseModel):
    """The part of a train.yaml that is about data."""

    data: DataSettings


def _options(
    name: str, names: Mapping[str, str | None], settings: SourceSettings, request: ImportRequest
) -> ImportOptions:
    given = None if request.exhaustive_for is None else request.exhaustive_for.split(",")
    beside = request.recipe.parent if request.recipe else Path()
    negatives = None if settings.negatives is None else beside / settings.negatives
    return ImportOptions(
        name=name,
        format=request.format,
        class_map={**settings.class_map, **names},
        photos=request.photos,
        exhaustive_for=None if given is None else frozenset(filter(None, map(str.strip, given))),
        negatives=request.negatives or negatives,
        licence=request.licence,
        attribution=request.attribution,
        held_out=request.held_out or settings.held_out,
        stretched=settings.stretched,
        series_block=settings.series_block,
    )


def _import(
    path: Path, store: LabelStore, catalogue: Catalogue, options: ImportOptions, printer: Printer, run: _Run
) -> None:
    try:
        with printer.growing_progress(options.name) as start:
            run.imported.append(import_source(path, store, catalogue, options, start=start))
    except PatrolError as error:
        run.failed.append((path, str(error)))
    except OSError as error:
        where = error.filename or path
        run.failed.append((path, f"{where}: cannot be read or written ({error.strerror or error})"))


def _print(run: _Run, request: ImportRequest, printer: Printer) -> None:
    if request.as_json:
        failed = [{"source": str(path), "error": message} for path, message in run.failed]
        printer.json({"sources": [done.to_json() for done in run.imported], "failed": failed})
    else:
        printer.table(_table(run))
        for done in run.imported:
            _print_faults(done, request.data, printer)
    for done in run.imported:
        if done.unknown:
            printer.error(_unknown(done))
    for _, message in run.failed:
        printer.error(message)


def _unknown(done: Imported) -> str:
    return (
        f"{done.about.name}: {done.unknown:,} 张照片没有说明查找过哪些类别，没有框不代表没有 / nobody says what "
        f"{done.unknown:,} photos were searched for: no box is no evidence there, and they teach no negatives; if it "
        "is known, import again with --exhaustive-for ID,ID"
    )


def _table(run: _Run) -> Table:
    table = Table(title="导入 / imported")
    for heading in ("来源 source", "格式 format"):
        table.add_column(heading)
    for heading in ("照片\nphotos", "框\nboxes", "类别\ncategories", "查找过\nsearched for", "未知\nunknown"):
        table.add_column(heading, justify="right")
    for heading in ("错误\nerrors", "警告\nwarnings", "提示\nnotes", "秒\nseconds"):
        table.add_column(heading, justify="right")
    for done in run.imported:
        table.add_row(*_row(done))
    for path, _ in run.failed:
        table.add_row(path.name, "失败 failed", *["-"] * 9, style="red")
    if len(run.imported) > 1:
        table.add_section()
        table.add_row(*_totals(run.imported))
    return table


def _row(done: Imported) -> list[str]:
    searched = sorted(n for n in done.searched if n)
    span = f"{searched[0]}..{searched[-1]}" if len(searched) > 1 else str(searched[0]) if searched else "0"
    return [
        done.about.name,
        ", ".join(done.about.format),
        f"{done.about.photos:,}",
        f"{sum(done.boxes.values()):,}",
        str(len({*done.boxes, *done.tags})),
        span,
        f"{done.unknown:,}",
        *_severities([done]),
        f"{done.seconds:.1f}",
    ]


def _totals(all_done: Sequence[Imported]) -> list[str]:
    categories = {category for done in all_done for category in (*done.boxes, *done.tags)}
    return [
        "合计 total",
        f"{len(all_done)} 个来源 sources",
        f"{sum(done.about.photos for done in all_done):,}",
        f"{sum(sum(done.boxes.values()) for done in all_done):,}",
        str(len(categories)),
        "",
        f"{sum(done.unknown for done in all_done):,}",
        *_severities(all_done),
        f"{sum(done.seconds for done in all_done):.1f}",
    ]


def _severities(all_done: Sequence[Imported]) -> list[str]:
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for done in all_done:
        for (severity, _), count in done.faults.items():
            counts[severity] += count
    return [f"{count:,}" for count in counts.values()]


def _print_faults(done: Imported, data: Path, printer: Printer) -> None:
    """What was wrong, by code; file and line of each are in the store."""
    serious = sorted(((s, c), n) for (s, c), n in done.faults.items() if s != "note")
    for (severity, code), count in serious[:_CODES_SHOWN]:
        printer.text(f"{done.about.name}: {severity} {code}: {count:,}")
    if serious:
        where = data / "sources" / done.about.name / "faults.jsonl"
        printer.text(f"{done.about.name}: 逐条见 / each with file and line: {where}")
