"""Does one photo get the same answer in every encoding? `python -m benchmarks.encodings PHOTO [--model DIR] [--json]`.

The photo is decoded at full size and written anew in every form in which photos arrive: turned by EXIF, as CMYK,
progressive, PNG, WebP, HEIC, 16-bit TIFF and so on. Each is classified as any upload is. A photo close to a
threshold may rightly get another answer after a lossy encoding; the table shows by how much scores moved.

Exit codes: 0 the same suggestions in every form, 1 others in some, 2 bad usage or input.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier, PhotoResult
from inference.detections import Detections
from inference.errors import PatrolError
from inference.paths import MODELS
from inference.photo import PhotoLimits, read_photo
from inference.printer import Printer
from inference.wording import short
from tests.photos import encodings

_SAME, _OTHER, _BAD_INPUT = 0, 1, 2
_NO_COLOURS: Final = frozenset({"jpeg-grey"})
"""Shown, not judged: without its colours it is another picture."""
_WEAK = 0.001  # score below which a box is as good as none
_LIMITS = PhotoLimits(max_bytes=1 << 30)  # a photo of 12 megapixels is a BMP of 36 MB
_FULL_SIZE = sys.maxsize


@dataclass(frozen=True, slots=True)
class Encoded:
    """What one encoding of the photo was answered.

    Attributes:
        name: Of the encoding, see `tests.photos.encodings`.
        size: Bytes of the file.
        result: The answer.
        score_difference: Largest difference of a category's photo score to the original's.
        smallest_iou: Of the original's evidence boxes with the best box of their category here; None: no boxes.
        is_same: Whether categories and decisions are the original's; None where that is not judged.
    """

    name: str
    size: int
    result: PhotoResult
    score_difference: float
    smallest_iou: float | None
    is_same: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The photo as it came, and its encodings."""

    original: Encoded
    encoded: tuple[Encoded, ...]

    @property
    def judged(self) -> tuple[Encoded, ...]:
        """The encodings that must be answered as the original is."""
        return tuple(one for one in self.encoded if one.is_same is not None)

    @property
    def same(self) -> tuple[Encoded, ...]:
        """Those that are."""
        return tuple(one for one in self.judged if one.is_same)


def compare(classifier: Classifier, data: bytes, printer: Printer) -> Comparison:
    """Classify a photo in every encoding.

    Raises:
        PhotoError: the photo cannot be read whole.
    """
    rgb = read_photo(data, target_side=_FULL_SIZE, limits=_LIMITS).rgb
    evidence = classifier.classify(data, limits=_LIMITS).detections
    original = _classified(classifier, data)
    files = encodings(rgb)
    found: list[Encoded] = []
    with printer.progress("encodings", len(files)) as advance:
        for name, file in files.items():
            result = _classified(classifier, file)
            is_same = None if name in _NO_COLOURS else _said(result) == _said(original)
            found.append(Encoded(name, len(file), result, *_differences(result, original, evidence), is_same))
            advance()
    itself = Encoded("original", len(data), original, *_differences(original, original, evidence), is_same=None)
    return Comparison(itself, tuple(found))


def _classified(classifier: Classifier, data: bytes) -> PhotoResult:
    return classifier.classify(data, limits=_LIMITS, min_score=_WEAK)


def _said(result: PhotoResult) -> set[tuple[str, str]]:
    return {(suggestion.category, suggestion.decision) for suggestion in result.suggestions}


def _differences(result: PhotoResult, original: PhotoResult, evidence: Detections) -> tuple[float, float | None]:
    """Largest difference of photo scores, smallest IoU of the original's evidence with boxes found here."""
    here, there = result.detections.photo_scores(), original.detections.photo_scores()
    differences = [abs(here.get(category, 0.0) - there.get(category, 0.0)) for category in here.keys() | there.keys()]
    overlaps = [
        _best_iou(box, result.detections.where(np.array([c == category for c in result.detections.categories], bool)))
        for category, box in zip(evidence.categories, evidence.xyxy, strict=True)
    ]
    return max(differences, default=0.0), min(overlaps, default=None)


def _best_iou(box: NDArray[np.float32], others: Detections) -> float:
    """Intersection over union of a box (4,) with the one among others that it overlaps most."""
    sides = np.minimum(box[2:], others.xyxy[:, 2:]) - np.maximum(box[:2], others.xyxy[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = (others.xyxy[:, 2:] - others.xyxy[:, :2]).prod(axis=1)
    return float((shared / ((box[2:] - box[:2]).prod() + areas - shared)).max(initial=0.0))


def comparison_table(comparison: Comparison, catalogue: Catalogue) -> Table:
    """One line per encoding."""
    table = Table(caption=_summary(comparison))
    for heading in ("encoding", "bytes", "format", "decoded", "verdict", "suggestions", "score ±", "IoU ≥", "same"):
        table.add_column(heading, justify="right" if heading in ("bytes", "score ±", "IoU ≥") else "left")
    for one in (comparison.original, *comparison.encoded):
        rows, columns = one.result.photo.rgb.shape[:2]
        suggestions = (
            f"{short(catalogue[s.category].name_zh)} {s.probability:.3f} {s.decision}" for s in one.result.suggestions
        )
        table.add_row(
            one.name,
            f"{one.size:,}",
            one.result.photo.format,
            f"{columns}x{rows}",
            one.result.verdict,
            "\n".join(suggestions) or "-",
            f"{one.score_difference:.4f}",
            "-" if one.smallest_iou is None else f"{one.smallest_iou:.3f}",
            _mark(one.is_same),
        )
    return table


def _mark(is_same: bool | None) -> Text:
    if is_same is None:
        return Text("-", "dim")
    return Text("yes", "green") if is_same else Text("no", "bold red")


def _summary(comparison: Comparison) -> str:
    return f"the same suggestions in {len(comparison.same)} of {len(comparison.judged)} encodings"


def document(comparison: Comparison, classifier: Classifier) -> Mapping[str, object]:
    """The comparison for programs."""
    description = classifier.package.description
    photo = comparison.original.result.photo
    return {
        "model": {"name": description.name, "version": description.version},
        "photo": {"sha256": photo.sha256, "width": photo.width, "height": photo.height},
        "same": len(comparison.same),
        "judged": len(comparison.judged),
        "original": _entry(comparison.original, classifier.catalogue),
        "encodings": [_entry(one, classifier.catalogue) for one in comparison.encoded],
    }


def _entry(one: Encoded, catalogue: Catalogue) -> Mapping[str, object]:
    rows, columns = one.result.photo.rgb.shape[:2]
    return {
        "encoding": one.name,
        "bytes": one.size,
        "format": one.result.photo.format,
        "decoded_width": columns,
        "decoded_height": rows,
        "verdict": one.result.verdict,
        "suggestions": [
            {
                "category": suggestion.category,
                "name_zh": catalogue[suggestion.category].name_zh,
                "probability": round(suggestion.probability, 4),
                "decision": suggestion.decision,
            }
            for suggestion in one.result.suggestions
        ],
        "score_difference": round(one.score_difference, 5),
        "smallest_iou": None if one.smallest_iou is None else round(one.smallest_iou, 4),
        "same": one.is_same,
    }


def main(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A photo.")],
    model: Annotated[Path, typer.Option(help="Model package.")] = MODELS / "street-patrol-n",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Classify one photo in every encoding and compare the answers."""
    printer = Printer()
    try:
        catalogue = load_catalogue()
        classifier = Classifier.load(model, catalogue)
        comparison = compare(classifier, photo.read_bytes(), printer)
    except PatrolError as error:
        printer.error(str(error))
        raise typer.Exit(_BAD_INPUT) from error
    if as_json:
        printer.json(document(comparison, classifier))
    else:
        printer.table(comparison_table(comparison, catalogue))
    raise typer.Exit(_SAME if len(comparison.same) == len(comparison.judged) else _OTHER)


if __name__ == "__main__":
    typer.run(main)
