"""Before and after on real pairs: `python -m benchmarks.before_after [--model DIR]`.

Pairs: the before/after collages of gbs111-cn's validation part, cut at the seam that is found (labels fall to the half
that holds their centre), and amsterdam-patrol's pairs.json. The shipped model was trained on neither; its calibration
was fitted on the validation part, whole collages among it. Only categories whose labels are exhaustive are judged.

Places and seams need no model, so that all collages count: halves of one collage should match, those of two should not.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from scipy.stats import binomtest

from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.collage import Seam, find_seam, halves, holds_more
from inference.compare import CHANGES, Change, ChangeVerdict
from inference.compare_command import compared, encoded_halves
from inference.paths import CONFIGS, MODELS
from inference.photo import read_photo
from inference.printer import Printer
from inference.scan.settings import ScanSettings, load_scan_settings
from inference.snapshot import snapshot
from inference.viewpoint import Landmarks, landmarks, view_between
from training.settings import load_train_settings

_SOURCE, _PAIRS, _COLLAGE = "gbs111-cn", "amsterdam-patrol", "collage"
_WHOLE: Final = 100_000
_VERDICTS: Final[tuple[ChangeVerdict, ...]] = ("still", "gone")
_STRANGERS: Final = 600  # pairs of halves of different collages
_OTHERS: Final = 300  # photos that are no collages


@dataclass(frozen=True, slots=True)
class Half:
    """A photo of a pair: its file and its labels.

    Attributes:
        data: The file.
        shows: Category or parent -> whether it is shown, for those whose labels are exhaustive.
    """

    data: bytes
    shows: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two real photos of one place."""

    name: str
    before: Half
    after: Half


def main(model: Path = MODELS / "street-patrol-n", seed: Annotated[int, typer.Option()] = 0) -> None:
    """Print all tables."""
    printer, catalogue, scan = Printer(), load_catalogue(), load_scan_settings()
    photos = labelled_photos(load_train_settings().data, catalogue, CONFIGS).photos
    collages = [photo for photo in photos if photo.source == _SOURCE and _COLLAGE in photo.flags]
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    others = draw.sample([p for p in photos if p.source == _SOURCE and _COLLAGE not in p.flags], _OTHERS)
    printer.table(seam_table(collages, others, scan))
    printer.table(place_table(collages, scan, draw))
    pairs = [
        *_collage_pairs([p for p in collages if p.split == "val"], catalogue, scan),
        *_kept_pairs(photos, catalogue),
    ]
    classifier = Classifier.load(model, catalogue, "cpu")
    for vouched in (False, True):
        for table in verdict_tables(pairs, classifier, scan, vouched=vouched):
            printer.table(table)


def seam_table(collages: Sequence[LabelledPhoto], others: Sequence[LabelledPhoto], scan: ScanSettings) -> Table:
    """How often a seam is found where there is one, and where there is none."""
    table = Table("photos", "number", "seam found", "share (95 %)")
    for name, photos in (("flagged as collage", collages), ("sample of others", others)):
        found = sum(_seam(photo, scan) is not None for photo in photos)
        table.add_row(name, str(len(photos)), str(found), _share(found, len(photos)))
    return table


def place_table(collages: Sequence[LabelledPhoto], scan: ScanSettings, draw: random.Random) -> Table:
    """How often two halves match: of one collage, and of two different ones."""
    seen = [pair for photo in collages if (pair := _landmark_halves(photo, scan)) is not None]
    own = sum(view_between(first, second, scan.compare.view) is not None for first, second in seen)
    strangers = [draw.sample(range(len(seen)), 2) for _ in range(_STRANGERS)]
    foreign = sum(view_between(seen[i][0], seen[j][1], scan.compare.view) is not None for i, j in strangers)
    table = Table("halves of", "pairs", "views match", "share (95 %)")
    table.add_row("one collage", str(len(seen)), str(own), _share(own, len(seen)))
    table.add_row("two collages", str(_STRANGERS), str(foreign), _share(foreign, _STRANGERS))
    return table


def verdict_tables(
    pairs: Sequence[Pair], classifier: Classifier, scan: ScanSettings, *, vouched: bool
) -> Iterator[Table]:
    """Errors per verdict, and the reasons for saying nothing."""
    right: Counter[ChangeVerdict] = Counter()
    wrong: Counter[ChangeVerdict] = Counter()
    reasons: Counter[str] = Counter()
    unknown = 0
    for pair in pairs:
        before, after = (snapshot(half.data, classifier, scan.compare) for half in (pair.before, pair.after))
        for change in compared(before, after, classifier, scan, vouched=vouched).changes:
            if change.verdict == "cannot_tell":
                reasons[change.reason] += 1
                continue
            is_right = _is_right(change, pair)
            unknown += is_right is None
            (right if is_right else wrong)[change.verdict] += is_right is not None
    how = "place vouched for (--same-place)" if vouched else "place by the photos alone"
    table = Table("verdict", "said", "wrong", "error rate (95 %)", title=f"{how}: {len(pairs)} pairs")
    for verdict in _VERDICTS:
        said = right[verdict] + wrong[verdict]
        table.add_row(CHANGES[verdict]["zh"], str(said), str(wrong[verdict]), _share(wrong[verdict], said))
    table.add_row("not judged: labels are silent", str(unknown), "", "")
    yield table
    quiet = Table(f"{CHANGES['cannot_tell']['zh']}: reason", "times")
    for reason, count in reasons.most_common():
        quiet.add_row(reason, str(count))
    yield quiet


def _is_right(change: Change, pair: Pair) -> bool | None:
    """Whether labels agree; None where they are silent."""
    before, after = pair.before.shows.get(change.category), pair.after.shows.get(change.category)
    if before is None or after is None:
        return None
    return before and after == (change.verdict == "still")


def _seam(photo: LabelledPhoto, scan: ScanSettings) -> Seam | None:
    return find_seam(read_photo(photo.path.read_bytes(), target_side=_WHOLE).rgb, scan.compare.seam)


def _landmark_halves(photo: LabelledPhoto, scan: ScanSettings) -> tuple[Landmarks, Landmarks] | None:
    rgb = read_photo(photo.path.read_bytes(), target_side=_WHOLE).rgb
    seam = find_seam(rgb, scan.compare.seam)
    if seam is None:
        return None
    first, second = (landmarks(half, scan.compare.view) for half in halves(rgb, seam, scan.compare.seam))
    return first, second


def _collage_pairs(photos: Sequence[LabelledPhoto], catalogue: Catalogue, scan: ScanSettings) -> Iterator[Pair]:
    for photo in photos:
        rgb = read_photo(photo.path.read_bytes(), target_side=_WHOLE).rgb
        seam = find_seam(rgb, scan.compare.seam)
        if seam is not None and not holds_more(rgb, seam, scan.compare.seam):
            files = encoded_halves(rgb, seam, scan)
            labels = (_shown(photo, catalogue, seam, is_second=second) for second in (False, True))
            yield Pair(photo.key, *(Half(data, shows) for data, shows in zip(files, labels, strict=True)))


def _kept_pairs(photos: Sequence[LabelledPhoto], catalogue: Catalogue) -> Iterator[Pair]:
    """The pairs of pairs.json."""
    by_name = {photo.path.name: photo for photo in photos if photo.source == _PAIRS}
    if not by_name:
        return
    listed = next(iter(by_name.values())).path.parents[1] / "pairs.json"
    for pair in json.loads(listed.read_text("utf-8")):
        sides = (by_name[pair["before"]], by_name[pair["after"]])
        yield Pair(pair["before"], *(Half(p.path.read_bytes(), _shown(p, catalogue)) for p in sides))


def _shown(
    photo: LabelledPhoto, catalogue: Catalogue, seam: Seam | None = None, *, is_second: bool = False
) -> dict[str, bool]:
    """Category or parent -> whether a photo, or one half of a collage, shows it; known ones only."""
    axis = 0 if seam is None or seam.axis == "x" else 1
    here = {
        box.category
        for box in photo.boxes
        if seam is None or ((box.xyxy[axis] + box.xyxy[axis + 2]) / 2 > seam.position) == is_second
    }
    known = {category: category in here for category in photo.exhaustive_for - photo.unsure}
    for parent in catalogue.parents:
        children = [known.get(child.id) for child in catalogue.children(parent.id)]
        if None not in children or True in children:
            known[parent.id] = True in children
    return known


def _share(part: int, whole: int) -> str:
    if not whole:
        return "-"
    interval = binomtest(part, whole).proportion_ci(method="exact")
    return f"{part / whole:.3f} ({interval.low:.3f} to {interval.high:.3f})"


if __name__ == "__main__":
    typer.run(main)
