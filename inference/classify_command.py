"""`patrol classify`: photo files in, a table or a JSON document out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from inference.annotated_copies import AnnotatedCopies
from inference.answer import CaseAnswer, case_answer, model_answer
from inference.answer_table import case_table, photo_table
from inference.case import merge
from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.classify_files import ClassifiedFile, FileClassifier
from inference.engine import Provider
from inference.errors import PatrolError
from inference.mappings import Scheme, load_schemes
from inference.photo_files import photo_files, shown
from inference.printer import Printer
from inference.settings import ServiceSettings, load_settings
from inference.wording import Lang

_MANY: Final = 5  # photos, beyond which progress is shown


class UnknownScheme(PatrolError):  # noqa: N818 - reads as the lookup's answer
    """No scheme has this name."""


class NoCopiesError(PatrolError):
    """Annotated copies cannot be written where they are wanted."""


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """What the command line says; None where it says nothing and the service's settings hold.

    Attributes:
        photos: Files, and folders of files.
        scheme: Whose codes to give.
        min_score: Detector score from which weaker detections are given as well.
        model: Folder of the model package.
        provider: What runs the model.
        annotate: Folder for annotated copies; None: no copies.
        is_case: Whether the photos are of one case and get one answer.
        as_json: Whether a program reads the answer.
        lang: Language of tables and labels.
    """

    photos: Sequence[Path]
    scheme: str | None = None
    min_score: float | None = None
    model: Path | None = None
    provider: Provider | Literal["auto"] | None = None
    annotate: Path | None = None
    is_case: bool = False
    as_json: bool = False
    lang: Lang = "zh"


def classify(options: ClassifyOptions, printer: Printer) -> bool:
    """Classify photo files and print the answer.

    Returns:
        Whether everything could be done.

    Raises:
        PatrolError: Nothing was done: an option is wrong, or a photo does not exist.
    """
    settings = _settings(options)
    files = photo_files(options.photos)
    catalogue = load_catalogue(settings.categories)
    scheme = _scheme(options.scheme or settings.default_scheme, settings, catalogue)
    copies = _copies(options, files, catalogue, settings)
    classifier = Classifier.load(settings.model, catalogue, settings.provider, settings.engine_threads)
    worker = FileClassifier(classifier, scheme, settings.photo_limits, min_score=options.min_score, copies=copies)
    bar = printer.progress("classify", len(files)) if len(files) > _MANY else nullcontext(lambda: None)
    with bar as advance:
        done = worker.classify_all(files, settings.workers, advance)
    _print(done, classifier, scheme, options, printer)
    return _report_failures(done, printer)


def _settings(options: ClassifyOptions) -> ServiceSettings:
    given = {"model": options.model, "provider": options.provider}
    return load_settings(options={name: value for name, value in given.items() if value is not None})


def _scheme(name: str, settings: ServiceSettings, catalogue: Catalogue) -> Scheme:
    schemes = load_schemes(settings.mappings, catalogue)
    if name not in schemes:
        raise UnknownScheme(f"Unknown scheme '{name}'. There are {', '.join(sorted(schemes))}.")
    return schemes[name]


def _copies(
    options: ClassifyOptions, files: Sequence[Path], catalogue: Catalogue, settings: ServiceSettings
) -> AnnotatedCopies | None:
    folder = options.annotate
    if folder is None:
        return None
    try:
        return AnnotatedCopies(folder, files, catalogue=catalogue, lang=options.lang, limits=settings.photo_limits)
    except OSError as error:
        raise NoCopiesError(f"{shown(folder)}: cannot make this folder ({error.strerror})") from error


def _print(
    done: Sequence[ClassifiedFile],
    classifier: Classifier,
    scheme: Scheme,
    options: ClassifyOptions,
    printer: Printer,
) -> None:
    photos = [file.answer for file in done]
    case = _case(done, classifier, scheme) if options.is_case else None
    if options.as_json:
        model = model_answer(classifier.package.description)
        printer.json({"model": model, "photos": photos} if case is None else dict(case))
        return
    if case is not None:
        printer.table(case_table(case, options.lang))
    printer.table(photo_table(photos, options.lang))


def _case(done: Sequence[ClassifiedFile], classifier: Classifier, scheme: Scheme) -> CaseAnswer:
    catalogue = classifier.catalogue
    return case_answer(
        str(uuid.uuid4()),
        classifier.package.description,
        merge([file.result for file in done], catalogue),
        [file.answer for file in done],
        scheme=scheme,
        catalogue=catalogue,
    )


def _report_failures(done: Sequence[ClassifiedFile], printer: Printer) -> bool:
    """Lists what failed; whether nothing did."""
    failures = []
    for file in done:
        error = file.answer["error"]
        reason = file.no_copy if error is None else error["detail"]
        if reason is not None:
            failures.append(f"{file.answer['filename']}: {reason}")
    if failures:
        printer.error(f"{len(failures)} of {len(done)} photos failed:")
        for failure in failures:
            printer.error(failure)
    return not failures
