"""`patrol scan-cases`: the records of a scan in, its places and cases out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from rich import box
from rich.table import Table
from rich.text import Text

from inference.categories import load_catalogue
from inference.compare import CHANGES, ChangeVerdict, Comparer
from inference.package import DESCRIPTION, ModelDescription, file_record, load_package
from inference.printer import Printer
from inference.scan.case_record import CASES, PLACES, Repeat, ScanCase, ScanPlace
from inference.scan.cases import PlaceHistory, place_histories, scan_case, scan_place
from inference.scan.changes import CaseComparer
from inference.scan.export_command import ExportError
from inference.scan.exports.scan_folder import EXPORTS, ScanFolder
from inference.scan.journal import JournalError
from inference.scan.places import Places
from inference.scan.settings import ScanSettings, load_scan_settings
from inference.scan.views import Viewer, ViewPlaces
from inference.settings import ServiceSettings, load_settings
from inference.wording import short

_REPEATS_SHOWN: Final = 10
_MIN_SCORE: Final = "--min-score"


class OtherModelError(JournalError):
    """The scan was made by another model than the one at hand."""


@dataclass(frozen=True, slots=True)
class CasesOptions:
    """What the command line says.

    Attributes:
        folder: Of the scan.
        model: Folder of the model package that made it; None: the service's.
        views: Whether photos are read again, to be compared by their pixels.
        as_json: Whether a program reads the summary.
    """

    folder: Path
    model: Path | None = None
    views: bool = True
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Grouped:
    """What was found.

    Attributes:
        cases: All of them, by place and time.
        places: All of them.
        passed_over: Photos without a position that were not compared by their views.
    """

    cases: tuple[ScanCase, ...]
    places: tuple[ScanPlace, ...]
    passed_over: int


def make_cases(options: CasesOptions, printer: Printer) -> None:
    """Group a scan's photos, write DIR/exports/cases.jsonl and places.jsonl, and print a summary.

    Raises:
        PatrolError: There is no scan, another model made it, or the disk takes no more.
    """
    service = load_settings(options={} if options.model is None else {"model": options.model})
    found = group(ScanFolder.open(options.folder), service, load_scan_settings(), views=options.views)
    written = [
        _write(options.folder / EXPORTS / CASES, found.cases),
        _write(options.folder / EXPORTS / PLACES, found.places),
    ]
    if options.as_json:
        printer.json(_document(found, written))
    else:
        _print(found, written, printer)


def group(scan: ScanFolder, service: ServiceSettings, settings: ScanSettings, *, views: bool) -> Grouped:
    """The places and cases of a scan.

    Raises:
        OtherModelError: Another model made it, so that nothing is known of what its silence means.
    """
    description = _description(scan, service)
    catalogue = load_catalogue(service.categories)
    viewer = Viewer(settings.compare.view, service.photo_limits) if views else None
    by_view = None if viewer is None else ViewPlaces(viewer, settings.cases)
    places = Places(settings.compare.place_metres, by_view)
    histories = place_histories(scan.records(), places, settings.cases)
    comparer = CaseComparer(
        Comparer(description, catalogue, settings.compare),
        description,
        catalogue,
        settings.cases,
        floor=scan.manifest.fingerprint.get(_MIN_SCORE),
        viewer=viewer,
    )
    return Grouped(
        tuple(case for history in histories for case in _cases(history, comparer)),
        tuple(scan_place(history, settings.cases) for history in histories),
        0 if by_view is None else by_view.passed_over,
    )


def _description(scan: ScanFolder, service: ServiceSettings) -> ModelDescription:
    package = load_package(service.model)
    then = scan.manifest.fingerprint
    if then.get(DESCRIPTION) != file_record(package.folder / DESCRIPTION).sha256:
        now = f"{package.description.name} {package.description.version}"
        raise OtherModelError(
            f"{scan.path}: the scan was made by {then.get('model')}, and {service.model} is {now} or was changed; "
            "give the package that made it: --model DIR"
        )
    return package.description


def _cases(history: PlaceHistory, comparer: CaseComparer) -> Iterable[ScanCase]:
    before = None
    for sightings in history.cases:
        case = scan_case(history, sightings)
        if before is not None and case.first_at is not None:
            changes = comparer.changes(before, sightings)
            case = case.model_copy(update={"since": history.case_name(before), "changes": changes})
        before = sightings
        yield case


def _write(path: Path, lines: Iterable[BaseModel]) -> Path:
    """All of them or nothing."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        with part.open("wb") as file:
            for line in lines:
                file.write(line.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror or error}); make room and try again") from error
    return path


def _verdicts(found: Grouped) -> Counter[ChangeVerdict]:
    return Counter(change.verdict for case in found.cases for change in case.changes if change.before is not None)


def _document(found: Grouped, written: list[Path]) -> dict[str, object]:
    verdicts = _verdicts(found)
    return {
        "places": len(found.places),
        "cases": len(found.cases),
        "changes": {verdict: verdicts[verdict] for verdict in CHANGES},
        "repeat_offenders": [
            {"place": place.place, "path": place.path, **repeat.model_dump(mode="json")}
            for place, repeat in _repeats(found)
        ],
        "not_compared": found.passed_over,
        "written": [str(path) for path in written],
    }


def _repeats(found: Grouped) -> list[tuple[ScanPlace, Repeat]]:
    pairs = [(place, repeat) for place in found.places for repeat in place.repeats]
    return sorted(pairs, key=lambda pair: (-len(pair[1].months), pair[0].place, pair[1].category))


def _print(found: Grouped, written: list[Path], printer: Printer) -> None:
    places, cases = f"{len(found.places):,}", f"{len(found.cases):,}"
    printer.text(f"地点 {places}，案件 {cases} / {places} places, {cases} cases")
    verdicts = _verdicts(found)
    if verdicts:
        counts = "，".join(f"{words['zh']} {words['en']} {verdicts[v]:,}" for v, words in CHANGES.items())
        printer.text(f"前后两次巡查对比 from visit to visit: {counts}")
    repeats = _repeats(found)
    if repeats:
        table = Table(box=box.HORIZONTALS, pad_edge=False)
        for chinese, english in (
            ("反复出现的地点", "repeat offenders"),
            ("类别", "category"),
            ("月份", "months"),
            ("首张照片", "first photo"),
        ):
            table.add_column(Text.assemble(chinese, " ", (english, "dim")), overflow="fold")
        for place, repeat in repeats[:_REPEATS_SHOWN]:
            table.add_row(place.place, short(repeat.name_zh), " ".join(repeat.months), place.path)
        printer.table(table)
    if found.passed_over:
        printer.note(
            f"{found.passed_over:,} 张照片没有定位，也未按画面比对，各自成一个地点 / "
            f"{found.passed_over:,} photos have no position and were not compared by their views; each is its own place"
        )
    for path in written:
        printer.text(f"已写入 / written: {path}")
