"""`patrol scan`: sources in, a folder of records out; goes on where it was stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Final, Literal

from inference.categories import Catalogue, load_catalogue
from inference.classify_command import UnknownScheme
from inference.engine import Provider
from inference.errors import PatrolError
from inference.mappings import Scheme, load_schemes
from inference.printer import Printer
from inference.scan.export_command import export
from inference.scan.journal import Journal, records
from inference.scan.judge import JudgeRecipe
from inference.scan.manifest import begin_or_go_on, fingerprint, new_manifest
from inference.scan.next_command import next_to_label
from inference.scan.pipeline import Judge, Pipeline
from inference.scan.progress import ScanProgress
from inference.scan.ray_pipeline import Cluster, RayPipeline
from inference.scan.settings import ScanSettings, load_scan_settings
from inference.scan.sources import Lister, ListingRules
from inference.scan.summary import Summary, summarise
from inference.settings import ServiceSettings, load_settings


class NothingToScanError(PatrolError):
    """No input was found in the sources."""


DONE, FAILURES, INTERRUPTED = 0, 1, 130
_FAILURES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What the command line says; None where it says nothing and the settings hold.

    Attributes:
        sources: Folders, archives, videos, photos, list files and URLs.
        out: Folder of the scan.
        model: Folder of the model package.
        provider: What runs the model.
        scheme: Whose codes to give.
        every: Seconds between the frames of a video.
        threads: Photos judged at the same time.
        min_score: Detector score from which weaker detections are recorded as well.
        all_files: Whether files that do not look like photos are inputs too.
        timings: Whether to record where the time went.
        exports: Formats to write at the end.
        next_to_label: Photos to choose for labelling at the end; None: none.
        as_json: Whether a program reads the summary.
        engine: Whether this machine judges, or a Ray cluster.
        ray_address: Of the cluster; None: one on this machine alone.
    """

    sources: Sequence[str]
    out: Path
    model: Path | None = None
    provider: Provider | Literal["auto"] | None = None
    scheme: str | None = None
    every: float | None = None
    threads: int | None = None
    min_score: float | None = None
    all_files: bool = False
    timings: bool = False
    exports: Sequence[str] = ()
    next_to_label: int | None = None
    as_json: bool = False
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None


def scan(options: ScanOptions, printer: Printer) -> int:
    """Scan, print a summary of all records there are, and write the exports.

    Returns:
        The exit code.

    Raises:
        PatrolError: Nothing could be done, or no more, with what to do about it.
    """
    service, settings = _settings(options)
    catalogue = load_catalogue(service.categories)
    scheme = _scheme(options.scheme or service.default_scheme, service, catalogue)
    rules = _rules(options, service, settings)
    lister = Lister(options.sources, rules)
    counter = Lister(options.sources, rules, opens_files=False)
    with _journal(options.out, settings) as journal:
        for each in (lister, counter):
            each.leave_out(options.out)
        recipe = JudgeRecipe(service, scheme.name, options.min_score, options.timings)
        judge = recipe()
        marks = fingerprint(
            judge.classifier.package,
            {"categories.yaml": service.categories, f"{scheme.name}.csv": service.mappings / f"{scheme.name}.csv"},
            scheme,
            _settings_that_count(options, rules),
        )
        begin_or_go_on(options.out, new_manifest(lister.places, marks, scheme, catalogue))
        cluster = None if options.engine == "local" else _cluster(recipe.pinned(judge), options, settings)
        outcome = run(journal, judge, lister, settings, printer, counter, cluster)
    return _report(options, lister, outcome, printer)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did: records it wrote, per second, and whether it reached the end."""

    new: int
    known: int
    rate: float
    is_complete: bool


def run(
    journal: Journal,
    judge: Judge,
    lister: Lister,
    settings: ScanSettings,
    printer: Printer,
    counter: Lister | None = None,
    cluster: Cluster | None = None,
) -> Outcome:
    """Run everything listed through to the journal; an interrupt or a request to end finishes what is in flight.

    Args:
        journal: Where records go.
        judge: Makes them.
        lister: What to scan.
        settings: How many at a time.
        printer: Where progress is shown.
        counter: Lists the same once more, ahead of the work, so that the end can be foretold; None: nobody asks.
        cluster: Judges instead of `judge`, on other machines.
    """
    total = _Total(counter if printer.is_watched else None)
    with ScanProgress(printer, total.get) as progress, _stopped_by_signals(printer) as stop:
        pipeline: Pipeline | RayPipeline
        if cluster is None:
            pipeline = Pipeline(
                journal,
                judge,
                workers=settings.workers,
                readers=settings.readers,
                on_record=progress.on_record,
                on_known=progress.on_known,
                stop=stop,
            )
        else:
            pipeline = RayPipeline(
                journal, cluster, on_record=progress.on_record, on_known=progress.on_known, stop=stop
            )
        is_complete = pipeline.run(lister.inputs())
        return Outcome(progress.summary.inputs, progress.known, progress.rate, is_complete)


class _Total:
    """The number of inputs, counted beside the scan."""

    def __init__(self, counter: Lister | None) -> None:
        self._value: int | None = None
        if counter is not None:
            Thread(target=self._count, args=(counter,), name="count", daemon=True).start()

    def _count(self, counter: Lister) -> None:
        with suppress(PatrolError, OSError):  # the scan itself will meet it, and say so
            count = sum(1 for _ in counter.inputs())
            if counter.is_complete:  # nobody knows what archives and videos hold before they are read
                self._value = count

    def get(self) -> int | None:
        """It, once it is known."""
        return self._value


@contextmanager
def _stopped_by_signals(printer: Printer) -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts at once."""
    stop = Event()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()
        printer.note("正在收尾，已完成的不会丢失 / finishing what is in flight; nothing that is done is lost")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settings(options: ScanOptions) -> tuple[ServiceSettings, ScanSettings]:
    given = {"model": options.model, "provider": options.provider}
    service = load_settings(options={name: value for name, value in given.items() if value is not None})
    own = {"every": options.every, "threads": options.threads}
    return service, load_scan_settings(options={name: value for name, value in own.items() if value is not None})


def _scheme(name: str, service: ServiceSettings, catalogue: Catalogue) -> Scheme:
    schemes = load_schemes(service.mappings, catalogue)
    if name not in schemes:
        raise UnknownScheme(f"Unknown scheme '{name}'. There are {', '.join(sorted(schemes))}.")
    return schemes[name]


def _rules(options: ScanOptions, service: ServiceSettings, settings: ScanSettings) -> ListingRules:
    return ListingRules(
        photo_suffixes=settings.photo_suffixes,
        video_suffixes=settings.video_suffixes,
        every=settings.every,
        all_files=options.all_files,
        limits=service.photo_limits,
    )


def _settings_that_count(options: ScanOptions, rules: ListingRules) -> Mapping[str, object]:
    """The settings that a record or the list of inputs depends on, by the names to show."""
    return {
        "--min-score": options.min_score,
        "--every": rules.every,
        "--all-files": rules.all_files,
        "photo_suffixes": list(rules.photo_suffixes),
        "video_suffixes": list(rules.video_suffixes),
        "max_photo_bytes": rules.limits.max_bytes,
        "max_photo_pixels": rules.limits.max_pixels,
        "min_photo_side": rules.limits.min_side,
    }


def _cluster(make_judge: JudgeRecipe, options: ScanOptions, settings: ScanSettings) -> Cluster:
    return Cluster(
        make_judge,
        options.ray_address,
        chunk=settings.ray_chunk,
        chunk_bytes=settings.ray_chunk_bytes,
        cpus=settings.ray_cpus,
        gpus=settings.ray_gpus,
    )


def _journal(folder: Path, settings: ScanSettings) -> Journal:
    return Journal(folder, sync_seconds=settings.sync_seconds, segment_bytes=settings.segment_bytes)


def _report(options: ScanOptions, lister: Lister, outcome: Outcome, printer: Printer) -> int:
    if outcome.is_complete and not outcome.new + outcome.known:
        left_out = ", ".join(f"{kind} {count:,}" for kind, count in sorted(lister.skipped.items())) or "nothing"
        raise NothingToScanError(
            f"{', '.join(lister.places)}: no photos there (left out: {left_out}). Give another SOURCE, or --all-files"
        )
    summary = summarise(records(options.out))
    written = export(options.out, options.exports) if options.exports and outcome.is_complete else []
    if options.next_to_label and outcome.is_complete:
        next_to_label(options.out, options.next_to_label, printer)
    if options.as_json:
        printer.json(_document(options.out, lister, outcome, summary, written))
    else:
        for table in summary.tables():
            printer.table(table)
        _print_notes(lister, outcome, written, printer)
    _print_failures(summary, printer)
    if not outcome.is_complete:
        printer.error(
            f"已中断，可继续：再次运行同一命令 / interrupted; run the same command again to go on ({options.out})"
        )
        return INTERRUPTED
    return FAILURES if summary.failures else DONE


def _document(
    folder: Path, lister: Lister, outcome: Outcome, summary: Summary, written: Sequence[Path]
) -> dict[str, object]:
    return {
        "out": str(folder),
        "complete": outcome.is_complete,
        "new": outcome.new,
        "known": outcome.known,
        "photos_per_second": round(outcome.rate, 2),
        "skipped": dict(sorted(lister.skipped.items())),
        **summary.document(),
        "exports": [str(path) for path in written],
    }


def _print_notes(lister: Lister, outcome: Outcome, written: Sequence[Path], printer: Printer) -> None:
    printer.text(
        f"本次新增 {outcome.new:,} 条，已有 {outcome.known:,} 条，每秒 {outcome.rate:.1f} 张 / "
        f"{outcome.new:,} new, {outcome.known:,} known, {outcome.rate:.1f} a second"
    )
    if lister.skipped:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(lister.skipped.items()))
        printer.text(f"未读取的文件 {lister.skipped.total():,} / files left out: {kinds}")
    for path in written:
        printer.text(f"已导出 / written: {path}")


def _print_failures(summary: Summary, printer: Printer) -> None:
    if not summary.failures:
        return
    count = summary.statuses["failed"]
    printer.error(f"{count:,} 个输入未能识别 / {count:,} of {summary.inputs:,} inputs failed:")
    for code, kind in summary.by_failure()[:_FAILURES_SHOWN]:
        printer.error(f"{code} {kind.count:,}: {kind.first}: {kind.detail}")
