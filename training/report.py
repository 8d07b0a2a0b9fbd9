"""report.md: what the model can and cannot do, in tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference.categories import Catalogue
from inference.package import Calibration, CategoryDecision, Evidence, ModelDescription
from training.judge import Part

_THREE = ("exposed_garbage", "waste_bin", "overflowing_bin")


def render(description: ModelDescription, parts: Sequence[Part], catalogue: Catalogue) -> str:
    """The report as Markdown."""
    sections = [
        _head(description),
        _decisions(description, catalogue),
        *(_part(part, catalogue) for part in parts),
        _left_out(description, catalogue),
        _sources(description),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _head(d: ModelDescription) -> str:
    parity = d.metrics["parity"]
    scene = d.scene.evidence if d.scene else None
    lines = [
        f"# {d.name} {d.version}",
        f"Data version {d.data.version}, made {d.created}, licence {d.licence} "
        f"(fine-tuned from {d.trainer.start_weights}, {d.trainer.licence}, with {d.trainer.name} {d.trainer.version}).",
        f"Input {d.input.width} x {d.input.height} {d.input.colour}, letterboxed. Exported against trained model on "
        f"{parity['photos']} held-out photos with {parity['boxes']} boxes: scores differ by at most "
        f"{parity['max_score_difference']:.1e}, boxes agree at IoU >= {parity['min_iou']:.4f}.",
    ]
    if scene:
        lines.append(
            f"Street or not, cross-validated: {scene['unrelated_recognised']:.0%} of {scene['unrelated_photos']} other "
            f"photos recognised, {scene['street_called_unrelated']:.1%} of {scene['street_photos']} street photos lost."
        )
    return "\n\n".join(lines)


def _decisions(d: ModelDescription, catalogue: Catalogue) -> str:
    rows = [
        (
            f"{catalogue[c].name_zh} `{c}`",
            decision.positives,
            decision.negatives,
            _number(decision.prefill),
            _number(decision.suggest),
            *_evidence(decision.evidence),
            _calibration(decision.calibration),
            decision.demoted or "prefill",
        )
        for c, decision in sorted(d.decisions.items(), key=lambda item: _firmness(item[1]))
    ]
    header = (
        "category",
        "shown on",
        "not shown on",
        "prefill from p",
        "suggest from p",
        "precision",
        "95 % lower bound",
        "recall",
        "support",
        "calibration",
        "decision",
    )
    return (
        "## Decisions\n\nPhoto level, on the validation part; `p` is the calibrated probability. Where a category is "
        "pre-filled, precision, bound, recall and support are cross-fitted: each photo judged by thresholds fitted on "
        "other groups. Otherwise they are those of the suggest threshold.\n\n" + _table(header, rows)
    )


def _calibration(calibration: Calibration) -> str:
    why = calibration.pooled_because
    return calibration.fitted_on if why is None else f"{calibration.fitted_on}: {why}"


def _firmness(decision: CategoryDecision) -> tuple[int, int]:
    rank = 0 if decision.prefill is not None else 1 if decision.suggest is not None else 2
    return rank, -decision.positives


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _evidence(e: Evidence | None) -> tuple[str, str, str, str]:
    if e is None:
        return "-", "-", "-", "0"
    return f"{e.precision:.3f}", f"{e.lower_bound:.3f}", f"{e.recall:.3f}", str(e.support)


def _part(part: Part, catalogue: Catalogue) -> str:
    lines = [f"## {part.title[0].upper()}{part.title[1:]} ({part.photos} photos)"]
    if all(c in part.detection for c in _THREE):
        map50, map_ = part.mean_over(_THREE)
        lines.append(f"Over {', '.join(_THREE)}: mAP50 {map50:.3f}, mAP50-95 {map_:.3f}.")
    if part.detection:
        map50, map_ = part.mean_over(list(part.detection))
        lines.append(
            f"Over all {len(part.detection)} categories with boxes here: mAP50 {map50:.3f}, mAP50-95 {map_:.3f}."
        )
        rows = [
            (f"{catalogue[c].name_zh} `{c}`", m.photos, m.boxes, f"{m.ap50:.3f}", f"{m.ap:.3f}")
            for c, m in sorted(part.detection.items(), key=lambda item: -item[1].boxes)
        ]
        lines.append(_table(("category", "photos judged", "boxes", "AP50", "AP50-95"), rows))
    rows_at = [
        (f"{catalogue[c].name_zh} `{c}`", kind, *_evidence(e))
        for kind, table in (("prefill", part.prefill), ("suggest", part.suggest))
        for c, e in table.items()
        if e is not None
    ]
    if rows_at:
        lines.append("At the package's thresholds, per photo:")
        lines.append(_table(("category", "threshold", "precision", "95 % lower bound", "recall", "support"), rows_at))
    return "\n\n".join(lines)


def _left_out(d: ModelDescription, catalogue: Catalogue) -> str:
    rows = [(f"{catalogue[c].name_zh} `{c}`", reason) for c, reason in d.left_out.items()]
    return "## Not trained\n\n" + _table(("category", "reason"), rows)


def _sources(d: ModelDescription) -> str:
    rows = [(s.name, s.train_photos, s.val_photos, s.test_photos, s.licence, s.attribution) for s in d.data.sources]
    return "## Training data\n\nNone of these photos is part of the package.\n\n" + _table(
        ("source", "train", "val", "test", "licence as stated by the source", "attribution"), rows
    )
