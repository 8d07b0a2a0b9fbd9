"""`patrol scan-cases`: the records of a scan in, its places and cases out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
from inference.scan.shelf import Shelf
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


@dataclass(slots=True)
class Totals:
    """What was found, counted.

    Attributes:
        places: How many.
        cases: How many.
        verdicts: On problems, from visit to visit.
        repeats: Places at which problems come back.
        passed_over: Photos without a position that were not compared by their views.
    """

    places: int = 0
    cases: int = 0
    verdicts: Counter[ChangeVerdict] = field(default_factory=Counter)
    repeats: list[ScanPlace] = field(default_factory=list)
    passed_over: int = 0

    def add(self, place: ScanPlace, cases: Sequence[ScanCase]) -> None:
        """Count a place."""
        self.places += 1
        self.cases += len(cases)
        self.verdicts.update(c.verdict for case in cases for c in case.changes if c.before is not None)
        if place.repeats:
            self.repeats.append(place)

    def worst(self) -> list[tuple[ScanPlace, Repeat]]:
        """Repeat offenders, those of most months first."""
        pairs = [(place, repeat) for place in self.repeats for repeat in place.repeats]
        return sorted(pairs, key=lambda pair: (-len(pair[1].months), pair[0].place, pair[1].category))


def make_cases(options: CasesOptions, printer: Printer) -> None:
    """Group a scan's photos, write DIR/exports/cases.jsonl and places.jsonl, and print a summary.

    Raises:
        PatrolError: There is no scan, another model made it, or the disk takes no more.
    """
    service = load_settings(options={} if options.model is None else {"model": options.model})
    scan, settings, totals = ScanFolder.open(options.folder), load_scan_settings(), Totals()
    viewer = Viewer(settings.compare, service.photo_limits) if options.views else None
    comparer = _comparer(scan, service, settings, viewer)
    by_view = None if viewer is None else ViewPlaces(viewer, settings.cases)
    written = _write(scan, grouped(scan, settings, by_view, comparer), totals)
    totals.passed_over = 0 if by_view is None else by_view.passed_over
    if options.as_json:
        printer.json(_document(totals, written))
    else:
        _print(totals, written, printer)


def grouped(
    scan: ScanFolder, settings: ScanSettings, views: ViewPlaces | None = None, comparer: CaseComparer | None = None
) -> Iterator[tuple[ScanPlace, tuple[ScanCase, ...]]]:
    """The places of a scan with their cases, one after the other.

    Args:
        scan: The scan.
        settings: How near is near, and what is one time.
        views: Finds places by pixels; None: photos without a position are places of their own.
        comparer: Says what became of problems; None: nobody does.
    """
    places = Places(settings.compare.place_metres, views)
    with Shelf(scan.path) as shelf:
        for history in place_histories(shelf, places, settings.cases):
            cases = tuple(_cases(history, comparer))
            yield scan_place(history, cases, settings.cases), cases


def _comparer(
    scan: ScanFolder, service: ServiceSettings, settings: ScanSettings, viewer: Viewer | None
) -> CaseComparer:
    description, catalogue = _description(scan, service), load_catalogue(service.categories)
    return CaseComparer(
        Comparer(description, catalogue, settings.compare),
        description,
        catalogue,
        settings.cases,
        floor=scan.manifest.fingerprint.get(_MIN_SCORE),
        viewer=viewer,
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


def _cases(history: PlaceHistory, comparer: CaseComparer | None) -> Iterator[ScanCase]:
    before = None
    for sightings in history.cases:
        case = scan_case(history, sightings)
        if comparer is not None and before is not None and case.first_at is not None:
            changes = comparer.changes(before, sightings)
            case = case.model_copy(update={"since": history.case_name(before), "changes": changes})
        before = sightings
        yield case


def _write(
    scan: ScanFolder, places: Iterator[tuple[ScanPlace, tuple[ScanCase, ...]]], totals: Totals
) -> tuple[Path, Path]:
    """Both files, each whole or not at all."""
    folder = scan.path / EXPORTS
    paths = (folder / CASES, folder / PLACES)
    parts = [path.with_name(f".{path.name}.part") for path in paths]
    try:
        folder.mkdir(exist_ok=True)
        with parts[0].open("wb") as case_file, parts[1].open("wb") as place_file:
            for place, cases in places:
                totals.add(place, cases)
                place_file.write(place.model_dump_json().encode() + b"\n")
                case_file.writelines(case.model_dump_json().encode() + b"\n" for case in cases)
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    except OSError as error:
        raise ExportError(
            f"{folder}: cannot be written ({error.strerror or error}); make room and try again"
        ) from error
    return paths


def _document(totals: Totals, written: Sequence[Path]) -> dict[str, object]:
    return {
        "places": totals.places,
        "cases": totals.cases,
        "changes": {verdict: totals.verdicts[verdict] for verdict in CHANGES},
        "repeat_offenders": [
            {"place": place.place, "path": place.path, **repeat.model_dump(mode="json")}
            for place, repeat in totals.worst()
        ],
        "not_compared": totals.passed_over,
        "written": [str(path) for path in written],
    }


def _print(totals: Totals, written: Sequence[Path], printer: Printer) -> None:
    places, cases = f"{totals.places:,}", f"{totals.cases:,}"
    printer.text(f"地点 {places}，案件 {cases} / {places} places, {cases} cases")
    if totals.verdicts:
        counts = "，".join(f"{words['zh']} {words['en']} {totals.verdicts[v]:,}" for v, words in CHANGES.items())
        printer.text(f"前后两次巡查对比 from visit to visit: {counts}")
    if totals.repeats:
        printer.table(_repeat_table(totals.worst()[:_REPEATS_SHOWN]))
    if totals.passed_over:
        printer.note(
            f"{totals.passed_over:,} 张照片没有定位，也未按画面比对，各自成一个地点 / "
            f"{totals.passed_over:,} photos have no position and were not compared by view; each is its own place"
        )
    for path in written:
        printer.text(f"已写入 / written: {path}")


def _repeat_table(repeats: Sequence[tuple[ScanPlace, Repeat]]) -> Table:
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    headings = (("地点", "place"), ("反复出现", "comes back"), ("月份", "months"), ("首张照片", "first photo"))
    for chinese, english in headings:
        table.add_column(Text.assemble(chinese, " ", (english, "dim")), overflow="fold")
    for place, repeat in repeats:
        table.add_row(place.place, short(repeat.name_zh), " ".join(repeat.months), place.path)
    return table
