"""`patrol gate`: two packages in, a verdict with its reasons out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.table import Table

from datasets.labels import LabelledPhoto
from datasets.settings import DataSettings
from inference.categories import Catalogue, load_catalogue
from inference.model_store import ModelStore, pinned_package
from inference.package import DESCRIPTION, ModelPackage, load_package
from inference.printer import Printer
from training.answered import AnsweredPhoto
from training.evaluation import Evaluation, PhotosToJudge, evaluate_package
from training.evaluation_settings import BootstrapSettings, load_evaluation_settings
from training.gate import Judgement, gate
from training.gate_photos import ComparedPart, GatePhotos, gate_photos
from training.gate_report import JSON, MARKDOWN, ExamplePhoto, GateReport, headline, names_of, reasons, render
from training.gate_settings import GateSettings, load_gate_settings
from training.settings import load_train_settings

_PACKAGES: Final = "packages"
Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What the command line asks for.

    Attributes:
        candidate: Folder, or name in the model store.
        champion: The same.
        config: train.yaml, whose data part says where the photos are.
        labels: The label store of `data`.
        data: Frozen version to compare on; None: the data part of `config`.
        part: Of it.
        new: VERSION/PART of the newest labels; None: what is new to the champion in `part`.
        store: The model store.
        out: Folder for the report.
        as_json: Print the report as JSON.
    """

    candidate: str
    champion: str
    config: Path
    labels: Path
    data: str | None
    part: ComparedPart
    new: str | None
    store: str
    out: Path
    as_json: bool


def run_gate(options: GateOptions, printer: Printer) -> bool:
    """Compare, write the report, print the verdict; whether the candidate passes.

    Raises:
        PatrolError: something cannot be compared, with the reason.
    """
    settings, catalogue = load_gate_settings(), load_catalogue()
    candidate, champion = (_package(n, options) for n in (options.candidate, options.champion))
    data = load_train_settings(options.config).data
    if options.data is not None:
        data = DataSettings(root=options.labels, version=options.data)
    photos = gate_photos(
        data,
        options.config.parent,
        catalogue,
        champion_version=champion.description.data.version,
        part=options.part,
        new=options.new,
    )
    report = gate_packages(candidate, champion, photos, catalogue, settings, printer.progress)
    write_report(report, options.out)
    if options.as_json:
        printer.json(report.model_dump(mode="json"))
    else:
        tell(report, options.out, printer)
    return report.passed


def _package(name: str, options: GateOptions) -> ModelPackage:
    """A package by its folder or by its name in the model store."""
    if (Path(name) / DESCRIPTION).is_file():
        return load_package(Path(name))
    return ModelStore(options.store).fetch(name, options.out / _PACKAGES)


def gate_packages(
    candidate: ModelPackage,
    champion: ModelPackage,
    photos: GatePhotos,
    catalogue: Catalogue,
    settings: GateSettings,
    progress: Progress,
) -> GateReport:
    """Let both models answer the photos, and judge.

    Raises:
        PatrolError: a package or a photo cannot be used.
    """
    ours = answers(candidate, "新模型 candidate", photos, catalogue, progress)
    theirs = answers(champion, "现用模型 champion", photos, catalogue, progress)
    return judged(candidate, ours, champion, theirs, photos, settings)


def judged(
    candidate: ModelPackage,
    ours: Evaluation,
    champion: ModelPackage,
    theirs: Evaluation,
    photos: GatePhotos,
    settings: GateSettings,
) -> GateReport:
    """Judge two packages whose answers are known."""
    judgement = gate(ours, theirs, settings, photos.new)
    return GateReport(
        passed=judgement.passed,
        candidate=pinned_package(candidate),
        champion=pinned_package(champion),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data_version=photos.version,
        part=photos.part,
        champion_data_version=champion.description.data.version,
        names=names_of(ours.categories, theirs.categories),
        judgement=judgement,
        examples=_examples(judgement, {photo.key: photo for photo in photos.photos}),
        trained_on=len(photos.trained_on),
        champion_data_known=photos.champion_known,
        settings=settings,
    )


def answers(
    package: ModelPackage, who: str, photos: GatePhotos, catalogue: Catalogue, progress: Progress
) -> Evaluation:
    """What a package answers; the figures' own intervals are not needed here."""
    settings = load_evaluation_settings().model_copy(update={"bootstrap": BootstrapSettings(resamples=1)})
    data = PhotosToJudge(photos.photos, photos.version, photos.part, photos.stretched)
    with progress(who, len(photos.photos)) as advance:

        def counted(stream: Iterable[AnsweredPhoto]) -> Iterable[AnsweredPhoto]:
            for answer in stream:
                advance()
                yield answer

        return evaluate_package(package.folder, data, catalogue, settings, progress=counted)


def _examples(judgement: Judgement, photos: Mapping[str, LabelledPhoto]) -> dict[str, ExamplePhoto]:
    keys = {key for refusal in judgement.refusals for key in refusal.examples}
    return {
        key: ExamplePhoto(path=str(photos[key].path), sha256=hashlib.sha256(photos[key].path.read_bytes()).hexdigest())
        for key in sorted(keys)
    }


def write_report(report: GateReport, out: Path) -> None:
    """gate.json and gate.md."""
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (out / MARKDOWN).write_text(render(report), encoding="utf-8")


def tell(report: GateReport, out: Path, printer: Printer) -> None:
    """The verdict on the terminal."""
    for line in headline(report):
        printer.text(line)
    for number, (zh, en) in enumerate(reasons(report), start=1):
        printer.text(f"{number}. {zh}")
        printer.text(f"   {en}")
    table = Table("平均 mean", "照片 part", "现用 champion", "新 candidate", "差 difference", "区间 interval")
    for mean in report.judgement.means:
        figures = (f"{mean.champion:.3f}", f"{mean.candidate:.3f}", f"{mean.difference:+.3f}")
        table.add_row(mean.measure, mean.part, *figures, f"{mean.lower:+.3f} … {mean.upper:+.3f}")
    printer.table(table)
    printer.text(f"报告 / report: {out / MARKDOWN}")
