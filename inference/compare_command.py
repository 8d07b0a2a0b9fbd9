"""`patrol compare`: two photos of a place, or a collage of two, in; what became of each problem out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
from rich import box
from rich.table import Table
from rich.text import Text

from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.codec import PhotoError
from inference.collage import Rgb, Seam, find_seam, halves, holds_more
from inference.compare import CHANGES, REASONS, Change, ChangeVerdict, Comparer, Pairing, PlaceBy
from inference.engine import Provider
from inference.errors import PatrolError
from inference.geography import metres_between
from inference.photo import PhotoLimits, read_photo
from inference.photo_files import read_file, shown
from inference.printer import Printer
from inference.scan.settings import ScanSettings, load_scan_settings
from inference.settings import load_settings
from inference.snapshot import Snapshot, pairing, snapshot
from inference.wording import VERDICTS, percent, short

_WHOLE: Final = 100_000  # pixels of a side: never decode at reduced scale
_STYLES: Final[Mapping[ChangeVerdict, str]] = {"still": "bold red", "gone": "green", "cannot_tell": "yellow"}
_PLACES: Final[Mapping[PlaceBy, str]] = {
    "view": "两张照片画面吻合 / the views match",
    "position": "两张照片定位相近 / the positions are near each other",
    "given": "由使用者确认 / said by the user (--same-place)",
}
_NO_PLACE: Final = (
    "无法确认是同一地点；确系同一处请加 --same-place / not known to be one place; say --same-place if it is"
)
_ORDERS: Final = {"x": ("左", "右", "left", "right"), "y": ("上", "下", "upper", "lower")}


class NotComparableError(PatrolError):
    """A photo cannot be read, or a single picture is no collage."""


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What the command line says.

    Attributes:
        before: The earlier photo, or a collage of both.
        after: The later photo; None: `before` is a collage.
        same_place: Whether the user vouches that both show one place.
        swap: Whether the second is the earlier one.
        model: Folder of the model package.
        provider: What runs the model.
        as_json: Whether a program reads the answer.
    """

    before: Path
    after: Path | None = None
    same_place: bool = False
    swap: bool = False
    model: Path | None = None
    provider: Provider | Literal["auto"] | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The answer.

    Attributes:
        before: The earlier photo.
        after: The later one.
        pairing: What says that they show one place.
        changes: What became of each problem.
        seam: Where the collage was cut, or None.
    """

    before: Snapshot
    after: Snapshot
    pairing: Pairing
    changes: tuple[Change, ...]
    seam: Seam | None


def compare(options: CompareOptions, printer: Printer) -> None:
    """Compare and print.

    Raises:
        PatrolError: Nothing can be compared, with what to do about it.
    """
    given = {"model": options.model, "provider": options.provider}
    service = load_settings(options={name: value for name, value in given.items() if value is not None})
    settings = load_scan_settings()
    first, second, seam = _photos(options, service.photo_limits, settings)
    classifier = Classifier.load(service.model, load_catalogue(service.categories), service.provider, service.threads)
    snaps = [_snapshot(name, data, classifier, settings, service.photo_limits) for name, data in (first, second)]
    before, after = reversed(snaps) if options.swap else snaps
    found = compared(before, after, classifier, settings, seam=seam, vouched=options.same_place)
    if options.as_json:
        printer.json(document(found, classifier.catalogue))
    else:
        _print(found, classifier.catalogue, options, printer)


def compared(
    before: Snapshot,
    after: Snapshot,
    classifier: Classifier,
    settings: ScanSettings,
    *,
    seam: Seam | None = None,
    vouched: bool = False,
) -> Comparison:
    """What became of the problems of one photo in another."""
    place = pairing(before, after, settings.compare, vouched=vouched)
    comparer = Comparer(classifier.package.description, classifier.catalogue, settings.compare)
    return Comparison(before, after, place, comparer.compare(before.look, after.look, place), seam)


def encoded_halves(rgb: Rgb, seam: Seam, settings: ScanSettings) -> tuple[bytes, bytes]:
    """The two pictures of a collage as files, without loss."""
    first, second = halves(rgb, seam, settings.compare.seam)
    return _bmp(first), _bmp(second)


def _bmp(rgb: Rgb) -> bytes:
    return bytes(cv2.imencode(".bmp", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())


def _photos(
    options: CompareOptions, limits: PhotoLimits, settings: ScanSettings
) -> tuple[tuple[str, bytes], tuple[str, bytes], Seam | None]:
    """(name, file) of both photos as given, and where a collage was cut."""
    name, data = shown(options.before), _read(options.before, limits)
    if options.after is not None:
        return (name, data), (shown(options.after), _read(options.after, limits)), None
    try:
        rgb = read_photo(data, target_side=_WHOLE, limits=limits, allow_degraded=True).rgb
    except PhotoError as error:
        raise NotComparableError(f"{name}: {error}") from error
    seam = find_seam(rgb, settings.compare.seam)
    if seam is None:
        raise NotComparableError(
            f"{name}: no seam of two pictures was found in it; give two photos: patrol compare BEFORE AFTER"
        )
    if holds_more(rgb, seam, settings.compare.seam):
        raise NotComparableError(f"{name}: seems to hold more than two pictures; cut it and give two photos")
    one, other = encoded_halves(rgb, seam, settings)
    return (name, one), (name, other), seam


def _read(path: Path, limits: PhotoLimits) -> bytes:
    try:
        return read_file(path, limits)
    except PhotoError as error:
        raise NotComparableError(f"{shown(path)}: {error}") from error
    except OSError as error:
        raise NotComparableError(f"{shown(path)}: cannot be read ({error.strerror}); give a photo file") from error


def _snapshot(name: str, data: bytes, classifier: Classifier, settings: ScanSettings, limits: PhotoLimits) -> Snapshot:
    try:
        return snapshot(data, classifier, settings.compare, limits)
    except PhotoError as error:
        raise NotComparableError(f"{name}: {error}") from error


def document(found: Comparison, catalogue: Catalogue) -> dict[str, object]:
    """The answer for programs; see docs/scan-format.md."""
    seam, place = found.seam, found.pairing
    return {
        "same_place": {
            "by": place.by,
            "matches": None if place.view is None else place.view.inliers,
            "metres": _metres(found),
        },
        "collage": None
        if seam is None
        else {"axis": seam.axis, "position": round(seam.position, 4), "continuity": round(seam.continuity, 4)},
        "before": _side(found.before),
        "after": _side(found.after),
        "changes": [change_document(change, catalogue) for change in found.changes],
    }


def change_document(change: Change, catalogue: Catalogue) -> dict[str, object]:
    """What became of a problem, for programs."""
    category = catalogue.require(change.category)
    return {
        "category": change.category,
        "name_zh": category.name_zh,
        "name_en": category.name_en,
        "verdict": change.verdict,
        "verdict_zh": CHANGES[change.verdict]["zh"],
        "reason": change.reason,
        "reason_zh": REASONS[change.reason]["zh"],
        "before": None if change.before is None else round(change.before, 4),
        "after": None if change.after is None else round(change.after, 4),
    }


def _side(side: Snapshot) -> dict[str, object]:
    photo = side.result.photo
    return {
        "sha256": photo.sha256,
        "width": photo.width,
        "height": photo.height,
        "verdict": side.result.verdict,
        "captured_at": None if side.captured_at is None else side.captured_at.isoformat(),
    }


def _metres(found: Comparison) -> float | None:
    first, second = found.before.position, found.after.position
    return None if first is None or second is None else round(metres_between(first, second), 1)


def _print(found: Comparison, catalogue: Catalogue, options: CompareOptions, printer: Printer) -> None:
    place = found.pairing.by
    printer.text(f"地点 place: {_NO_PLACE if place is None else _PLACES[place]}")
    if found.seam is not None:
        printer.text(_order(found.seam, is_swapped=options.swap))
    if found.changes:
        printer.table(_table(found, catalogue))
    else:
        verdicts = " → ".join(VERDICTS[side.result.verdict]["zh"] for side in (found.before, found.after))
        printer.text(f"两张照片均无建议类别（{verdicts}）/ nothing is suggested for either photo")


def _order(seam: Seam, *, is_swapped: bool) -> str:
    """Which half was taken for the earlier one."""
    names = _ORDERS[seam.axis]
    before, after = (1, 0) if is_swapped else (0, 1)
    return (
        f"拼图 collage: {names[before]}为整改前，{names[after]}为整改后 / {names[2 + before]} half taken as before, "
        f"{names[2 + after]} as after (--swap turns it round)"
    )


def _table(found: Comparison, catalogue: Catalogue) -> Table:
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    for chinese, english in (("类别", "category"), ("结论", "verdict"), ("理由", "reason")):
        table.add_column(_words(chinese, english))
    for chinese, english in (("整改前", "before"), ("整改后", "after")):
        table.add_column(_words(chinese, english), justify="right")
    for change in found.changes:
        category, verdict, reason = catalogue.require(change.category), CHANGES[change.verdict], REASONS[change.reason]
        table.add_row(
            _words(short(category.name_zh), short(category.name_en)),
            _words(verdict["zh"], verdict["en"], _STYLES[change.verdict]),
            _words(reason["zh"], reason["en"]),
            "" if change.before is None else percent(change.before),
            "" if change.after is None else percent(change.after),
        )
    return table


def _words(chinese: str, english: str, style: str = "") -> Text:
    return Text.assemble((chinese, style), " ", (english, "dim"))
