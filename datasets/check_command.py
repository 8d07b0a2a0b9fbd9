"""`patrol data check`: which photos are looked at, and where the findings go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from datasets.check import PREDICTIONS, CheckReport, check
from datasets.check_settings import CheckSettings, load_check_settings
from datasets.errors import LabelError
from datasets.fault_names import SEVERITY_NAMES, rank, title
from datasets.faults import Fault
from datasets.gallery import PAGE, Gallery
from datasets.labels import LabelledPhoto, Split
from datasets.predictions import Predictor
from datasets.store import LabelStore, read_lines, replaced_folder
from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.paths import MODELS
from inference.printer import Printer

REPORT: Final = "check.json"
DEFAULT_MODEL: Final = MODELS / "street-patrol-n"
_MANIFEST: Final = "manifest.jsonl"
_STYLES: Final = {"error": "bold red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the command line asks for.

    Attributes:
        data: The label store.
        sources: Names of sources; empty: all.
        splits: Frozen version whose parts are looked at for leaks, or None.
        model: Package of the model that doubts labels; None: none does.
        out: Folder for report and gallery.
        limit: Findings of each kind that the gallery shows.
        as_json: Print the report as JSON instead of the table.
    """

    data: Path
    sources: Sequence[str]
    splits: str | None
    model: Path | None
    out: Path
    limit: int
    as_json: bool


def run_check(options: CheckOptions, printer: Printer) -> bool:
    """Check the sources of a label store.

    Returns:
        Whether nothing is wrong at the level of errors.

    Raises:
        LabelError: a source, a version or the output folder cannot be used.
        PackageError: nor can the model.
    """
    settings, catalogue, store = load_check_settings(), load_catalogue(), LabelStore(options.data)
    names = _names(store, options.sources)
    _check_out(options.out)
    photos = [photo for name in names for photo in store.photos(name)]
    if options.splits is not None:
        photos = _split(photos, store, options.splits)
    with _predictor(options, settings, catalogue, store.cache_folder) as predictor:
        imported = (fault for name in names for fault in _named(store.faults(name), name))
        report = check(
            photos,
            settings,
            store.cache_folder,
            predictor=predictor,
            imported=imported,
            progress=printer.progress,
        )
    write_report(report, options.out, catalogue, options.limit)
    _tell(report, options, printer)
    return not report.has_errors


def _names(store: LabelStore, wanted: Sequence[str]) -> list[str]:
    names = sorted(set(wanted)) or store.sources()
    if not names:
        raise LabelError(store.root, "", "no source was imported yet; run `patrol data import` first")
    return [store.about(name).name for name in names]


def _check_out(out: Path) -> None:
    """The folder is replaced as a whole: it must be a report of ours, or not be there."""
    if out.exists() and not (out.is_dir() and ((out / REPORT).is_file() or not any(out.iterdir()))):
        raise LabelError(out, "", f"holds other things than a report ({REPORT}); name a new folder with --out")


def _named(faults: Iterator[Fault], source: str) -> Iterator[Fault]:
    """Findings of the import, which may leave out the source that they were kept with."""
    return (fault if fault.source else replace(fault, source=source) for fault in faults)


def _split(photos: Sequence[LabelledPhoto], store: LabelStore, version: str) -> list[LabelledPhoto]:
    """The photos with their parts in a frozen version; those that are not in it have none."""
    path = store.versions_folder / version / _MANIFEST
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in store.versions_folder.glob(f"*/{_MANIFEST}"))) or "none"
        raise LabelError(path, "", f"there is no frozen version {version!r}; frozen are: {known}")
    parts: dict[str, Split | None] = {f"{row['source']}/{row['name']}": row["split"] for row in read_lines(path)}
    return [replace(photo, split=parts.get(photo.key)) for photo in photos]


def _predictor(
    options: CheckOptions, settings: CheckSettings, catalogue: Catalogue, cache: Path
) -> AbstractContextManager[Predictor | None]:
    if options.model is None:
        return nullcontext()
    classifier = Classifier.load(options.model, catalogue)
    return Predictor(classifier, cache / PREDICTIONS, settings.suspicions.score_floor)


def write_report(report: CheckReport, out: Path, catalogue: Catalogue, limit: int) -> None:
    """Report and gallery in a folder, in place of the ones before or not at all."""
    with replaced_folder(out) as folder:
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
        (folder / REPORT).write_text(text + "\n", encoding="utf-8")
        Gallery(folder, catalogue, limit).write(report)


def _tell(report: CheckReport, options: CheckOptions, printer: Printer) -> None:
    if options.as_json:
        printer.json(report.to_json())
        return
    printer.table(summary(report))
    printer.text(f"{len(report.photos):,} 张照片 photos，{len(report.faults):,} 项发现 findings：{options.out / PAGE}")


def summary(report: CheckReport) -> Table:
    """One line for each kind, worst first, with the sources where it was found."""
    table = Table("级别 level", "问题 finding", "数量 count", "来源 sources")
    table.columns[2].justify = "right"
    sources: dict[tuple[str, str], dict[str, int]] = {}
    for (severity, code, source), count in report.counts().items():
        sources.setdefault((code, severity), {})[source] = count
    for code, severity in sorted(sources, key=lambda kind: rank(*kind)):
        where, (zh, en) = sources[code, severity], title(code)
        name = f"{zh} {en}" if en else zh
        table.add_row(
            Text(SEVERITY_NAMES[severity], _STYLES[severity]), name, f"{sum(where.values()):,}", _listed(where)
        )
    return table


def _listed(where: Mapping[str, int]) -> str:
    """Sources with their counts, most first."""
    ordered = sorted(where.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{source} {count:,}" for source, count in ordered if source)
