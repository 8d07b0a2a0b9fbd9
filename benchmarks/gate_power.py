"""How often the gate refuses an equally good model, and how large a loss it takes to be seen.

`python -m benchmarks.gate_power [--repeats N] [--out DIR]`. On photos that do not exist: models of equal skill with
independent mistakes. On the held-out photos of configs/train.yaml: the shipped model's answers for each photo and for
its mirror image; which of the two counts as the candidate's is drawn for each group, so that neither side is better.
Then a share of the candidate's right boxes of one category is taken away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.made_evaluations import MadeCategory, MadeStreet
from datasets.labels import Box, LabelledPhoto
from datasets.load_version import labelled_photos
from inference.categories import Catalogue, load_catalogue
from inference.paths import CONFIGS, MODELS
from inference.photo import read_photo
from training.answered import AnsweredPhoto
from training.evaluation import FILE, Evaluation, PhotosToJudge, evaluate_package, read_evaluation
from training.evaluation_settings import BootstrapSettings, load_evaluation_settings
from training.gate import Judgement, gate
from training.gate_settings import GateSettings, load_gate_settings
from training.outcomes import CategoryOutcome, PhotoOutcome
from training.settings import load_train_settings

_PLANTED: Final = ("overflowing_bin", "exposed_garbage", "illegal_awning", "small_ads_graffiti", "overhead_cable_mess")
_SHARES: Final = (0.05, 0.1, 0.2, 0.4, 1.0)
_SIDE: Final = 1280
"""Pixels that a mirrored copy keeps at least of the longer side: more than the model looks at."""
_QUALITY: Final = 95
_STREET: Final = MadeStreet(
    {
        **{f"frequent{n}": MadeCategory(0.3, 0.85, prefill=True) for n in range(2)},
        **{f"medium{n}": MadeCategory(0.08, 0.6) for n in range(8)},
        **{f"rare{n}": MadeCategory(0.02, 0.5) for n in range(8)},
    }
)
_console = Console()


def main(
    repeats: Annotated[int, typer.Option(help="Comparisons for each figure.")] = 60,
    out: Annotated[Path, typer.Option(help="Where answers are kept for the next time.")] = Path("runs/gate_power"),
    resamples: Annotated[int, typer.Option(help="Of the bootstrap; fewer than in gate.yaml, to save time.")] = 500,
) -> None:
    """Print false refusals and power."""
    settings = load_gate_settings().model_copy(update={"resamples": resamples})
    made = [
        gate(street.evaluation(1), street.evaluation(2), settings)
        for street in track(_streets(repeats), "made photos", console=_console, transient=True)
    ]
    _tell_false("made photos, 400, 18 categories, independent mistakes", made)
    upright, mirrored = _answers(out)
    flips = np.random.default_rng(0)
    pairs = [_drawn(upright, mirrored, flips) for _ in range(repeats)]
    real = [gate(a, b, settings) for a, b in track(pairs, "held-out photos", console=_console, transient=True)]
    _tell_false(f"held-out photos, {len(upright.photos)}, mirror images", real)
    _console.print(_power(pairs, settings))


def _streets(count: int) -> list[MadeStreet]:
    """The same kind of street with other photos each time."""
    return [replace(_STREET, seed=seed) for seed in range(count)]


def _tell_false(what: str, judgements: Sequence[Judgement]) -> None:
    refused = sum(not judgement.passed for judgement in judgements)
    codes = Counter(code for j in judgements for code in {refusal.code for refusal in j.refusals})
    why = ", ".join(f"{code} {count}" for code, count in codes.most_common()) or "-"
    factor = np.median([judgement.factor for judgement in judgements])
    _console.print(
        f"{what}: {refused} of {len(judgements)} equal models refused ({refused / len(judgements):.1%}; {why}); "
        f"median factor {factor:.2f}; comparisons {len(judgements[0].comparisons)}"
    )
    for measure in ("boxes", "photos"):
        spread = [mean.difference for j in judgements for mean in j.means if mean.measure == measure]
        _console.print(f"  mean of {measure}: differences of equal models have a deviation of {np.std(spread):.4f}")


def _answers(out: Path) -> tuple[Evaluation, Evaluation]:
    """The shipped model's answers for the held-out photos, as they are and mirrored; kept in `out`."""
    paths = [out / name / FILE for name in ("upright", "mirrored")]
    if not all(path.is_file() for path in paths):
        catalogue, recipe = load_catalogue(), load_train_settings()
        photos = [p for p in labelled_photos(recipe.data, catalogue, CONFIGS).photos if p.split != "train"]
        for path, chosen in zip(paths, (photos, _mirrored(photos, out / "photos")), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_evaluated(chosen, catalogue, path.parent.name).model_dump_json(), encoding="utf-8")
    upright, mirrored = map(read_evaluation, paths)
    return upright, mirrored


def _evaluated(photos: Sequence[LabelledPhoto], catalogue: Catalogue, what: str) -> Evaluation:
    def shown(stream: Iterator[AnsweredPhoto]) -> Iterator[AnsweredPhoto]:
        yield from track(stream, what, total=len(photos), console=_console, transient=True)

    settings = load_evaluation_settings().model_copy(update={"bootstrap": BootstrapSettings(resamples=1)})
    data = PhotosToJudge(photos, "held-out", "held-out")
    return evaluate_package(MODELS / "street-patrol-n", data, catalogue, settings, progress=lambda s: shown(iter(s)))


def _mirrored(photos: Sequence[LabelledPhoto], folder: Path) -> list[LabelledPhoto]:
    """Copies of photos and boxes, right and left exchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, photo in enumerate(photos):
        path = folder / f"{number:05}.jpg"
        rgb = read_photo(photo.path.read_bytes(), target_side=_SIDE, allow_degraded=True).rgb
        bgr = cv2.cvtColor(np.ascontiguousarray(rgb[:, ::-1]), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        boxes = tuple(Box(b.category, (1 - b.xyxy[2], b.xyxy[1], 1 - b.xyxy[0], b.xyxy[3])) for b in photo.boxes)
        found.append(replace(photo, path=path, boxes=boxes, name=photo.key.partition("/")[2]))
    return found


def _drawn(one: Evaluation, other: Evaluation, flips: np.random.Generator) -> tuple[Evaluation, Evaluation]:
    """(candidate, champion): for each group it is drawn which of two answers is whose."""
    groups = sorted({photo.group for photo in one.photos})
    swapped = dict(zip(groups, (flips.random(len(groups)) < 1 / 2).tolist(), strict=True))
    pairs = [(b, a) if swapped[a.group] else (a, b) for a, b in zip(one.photos, other.photos, strict=True)]
    ours, theirs = zip(*pairs, strict=True)
    return one.model_copy(update={"photos": ours}), one.model_copy(update={"photos": theirs})


def _power(pairs: Sequence[tuple[Evaluation, Evaluation]], settings: GateSettings) -> Table:
    """How often a planted loss is refused by the category's name."""
    table = Table("category", "boxes", "right boxes taken away", "points of box AP lost", "refused by name", "refused")
    for category in _PLANTED:
        for share in _SHARES:
            judged = [
                gate(_planted(a, category, share, seed), b, settings)
                for seed, (a, b) in enumerate(track(pairs, f"{category} {share}", console=_console, transient=True))
            ]
            named = [any(r.category == category for r in j.refusals) for j in judged]
            figures = [c for j in judged for c in j.comparisons if (c.category, c.measure) == (category, "boxes")]
            lost = f"{-100 * np.mean([c.difference for c in figures]):.1f}" if figures else "not compared"
            support = str(figures[0].support) if figures else "-"
            refused = np.mean([not j.passed for j in judged])
            table.add_row(category, support, f"{share:.0%}", lost, f"{np.mean(named):.0%}", f"{refused:.0%}")
    return table


def _planted(evaluation: Evaluation, category: str, share: float, seed: int) -> Evaluation:
    rng = np.random.default_rng(seed)
    photos = tuple(_without(photo, category, share, rng) for photo in evaluation.photos)
    return evaluation.model_copy(update={"photos": photos})


def _without(photo: PhotoOutcome, category: str, share: float, rng: np.random.Generator) -> PhotoOutcome:
    """A photo on which each right box of a category is lost with a probability."""
    outcome = photo.categories.get(category)
    if outcome is None or not outcome.found:
        return photo
    kept = tuple(box for box in outcome.found if not box.right or rng.random() >= share)
    score = kept[0].score if kept else 0.0
    changed: Mapping[str, object] = {"found": kept, "score": score}
    if score < outcome.score:
        changed = {**changed, "probability": 0.0, "decision": None}
    new: CategoryOutcome = outcome.model_copy(update=changed)
    return photo.model_copy(update={"categories": {**photo.categories, category: new}})


if __name__ == "__main__":
    typer.run(main)
