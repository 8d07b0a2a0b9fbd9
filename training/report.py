"""report.md of a package, its model card: what the model can and cannot do, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from inference.categories import Catalogue
from inference.package import Calibration, CategoryDecision, Evidence, ModelDescription
from training.evaluation import Evaluation
from training.evaluation_report import warnings
from training.evaluation_tables import cell, markdown, short, source_details, tables


def render(description: ModelDescription, evaluations: Sequence[Evaluation], catalogue: Catalogue) -> str:
    """The model card as Markdown.

    Args:
        description: model.json, without the evaluations.
        evaluations: The package judged on held-out parts.
        catalogue: Names and roles of the categories.
    """
    sections = [
        _head(description),
        _decisions(description, catalogue),
        _limits(description, evaluations, catalogue),
        _left_out(description, catalogue),
        _sources(description),
        *(_evaluation(e) for e in evaluations),
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


def _limits(d: ModelDescription, evaluations: Sequence[Evaluation], catalogue: Catalogue) -> str:
    """What it cannot do, as far as its own figures tell."""
    problems = {c: x for c, x in d.decisions.items() if catalogue[c].role == "problem"}
    never = [c for c, x in problems.items() if x.suggest is None]
    only = [c for c, x in problems.items() if x.suggest is not None and x.prefill is None]
    lines = [
        f"从不提出（留出照片太少）/ never suggested, for want of held-out photos: {_names(never, catalogue)}.",
        f"只建议、从不预填 / only suggested, never pre-filled: {_names(only, catalogue)}.",
        f"未训练 / not trained at all: {_names(list(d.left_out), catalogue)}.",
        *(_drop(d, evaluations, catalogue)),
        "照片只显示现状，看不出许可、停留时长或事后处理，这些由人判断。"
        "A photo shows a condition, never a permit, how long something has stood there, or what was done since.",
    ]
    return "## 不能做什么 / what it cannot do\n\n" + "\n".join(f"- {line}" for line in lines)


def _drop(d: ModelDescription, evaluations: Sequence[Evaluation], catalogue: Catalogue) -> Iterator[str]:
    """What the pre-fill thresholds give on photos of other places than those they were fitted on."""
    for e in evaluations:
        for category, decision in d.decisions.items():
            photo = m.photo if (m := e.whole.categories.get(category)) is not None else None
            if e.data.seen_in_fitting or decision.prefill is None or photo is None or photo.prefill is None:
                continue
            precision, recall = photo.prefill.precision, photo.prefill.recall
            yield (
                f"预填 / pre-filled `{category}` {catalogue[category].name_zh} ({e.data.part}): 精确率 precision "
                f"{cell(precision)} ({precision.support} 张 photos), 召回 recall {cell(recall)}; 拟合时 when fitted "
                f"{decision.evidence.precision if decision.evidence else '-'}, "
                f"{decision.evidence.recall if decision.evidence else '-'}."
            )


def _names(categories: Sequence[str], catalogue: Catalogue) -> str:
    return "、".join(f"{short(catalogue[c].name_zh)} `{c}`" for c in categories) or "-"


def _evaluation(e: Evaluation) -> str:
    """The figures of one held-out part."""
    head = (
        f"# {e.data.part}: {e.data.photos} 张照片 photos, {e.whole.groups} 组 groups\n\n"
        f"括号内为按组重抽样的 {e.settings.bootstrap.confidence:.0%} 区间。In brackets: "
        f"{e.settings.bootstrap.confidence:.0%} bootstrap intervals over groups."
    )
    notes = [f"> {line}" for line in warnings(e)]
    return "\n\n".join([head, *notes, *markdown([*tables(e), source_details(e)])])


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """The report's figures for model.json, to four digits; what there is no figure for is left out."""
    found = evaluation.model_dump(mode="json", include={"data", "whole", "sources", "conditions"}, exclude_none=True)
    for condition in found["conditions"].values():
        del condition["categories"]
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items() if key != "reliability"}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value


def _left_out(d: ModelDescription, catalogue: Catalogue) -> str:
    rows = [(f"{catalogue[c].name_zh} `{c}`", reason) for c, reason in d.left_out.items()]
    return "## Not trained\n\n" + _table(("category", "reason"), rows)


def _sources(d: ModelDescription) -> str:
    rows = [(s.name, s.train_photos, s.val_photos, s.test_photos, s.licence, s.attribution) for s in d.data.sources]
    return "## Training data\n\nNone of these photos is part of the package.\n\n" + _table(
        ("source", "train", "val", "test", "licence as stated by the source", "attribution"), rows
    )
