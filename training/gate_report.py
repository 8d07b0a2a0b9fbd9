"""The gate's report: for programs as JSON, for people as Markdown in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from inference.promotions import Pinned
from inference.wording import short
from training.evaluation import JudgedCategory
from training.gate import Code, Comparison, Judgement, MeanComparison, Outcome, Part, Refusal
from training.gate_settings import GateSettings, Measure
from training.outcomes import Record

SCHEMA: Final = 1
JSON, MARKDOWN = "gate.json", "gate.md"

_MEASURES: Final[Mapping[Measure, tuple[str, str]]] = {
    "boxes": ("框的平均精度", "average precision of boxes"),
    "photos": ("照片的平均精度", "average precision of photos"),
    "prefill_precision": ("预填的精确率", "precision of pre-fills"),
    "prefill_recall": ("预填的召回率", "recall of pre-fills"),
}
_PARTS: Final[Mapping[Part, tuple[str, str]]] = {
    "frozen": ("固定测试集", "frozen test part"),
    "new": ("最新标注", "newest labels"),
}
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    "better": "更好 better",
    "same": "相当 same",
    "worse": "**变差 worse**",
    "collapsed": "**大幅下降 collapsed**",
}
_REASONS: Final[Mapping[Code, tuple[str, str]]] = {
    "dropped": ("新模型不再识别此类别", "the new model does not know this category any more"),
    "prefill-lost": ("原来可预填，新模型不再预填", "was pre-filled, and the new model does not pre-fill it"),
    "worse": ("变差", "worse"),
    "collapsed": ("大幅下降", "lost most of what it could do"),
    "mean-worse": ("各类别平均变差", "the mean over categories is worse"),
    "mean-beyond-margin": ("各类别平均下降超过容限", "the mean over categories fell by more than the margin"),
    "no-evidence": (
        "测试照片太少，没有一个类别可以比较",
        "too few test photos: no category can be compared",
    ),
}


class ExamplePhoto(Record):
    """Where a photo is found.

    Attributes:
        path: Its file.
        sha256: Of the file.
    """

    path: str
    sha256: str


class GateReport(Record):
    """All that the gate says; `inference.promotions` reads the first of it when a model is promoted.

    Attributes:
        schema_version: Of this report.
        passed: Whether the candidate may take the champion's place.
        candidate: Reference and hash of the new package.
        champion: Of the present one.
        created: When, ISO 8601, UTC.
        data_version: Of the photos compared on.
        part: Of it.
        champion_data_version: What the champion was trained on.
        names: Category -> (Chinese name, English name), without what stands in brackets behind them.
        judgement: What was found.
        examples: Key -> photo, for those that refusals name.
        trained_on: Photos left out because the champion was trained on them.
        champion_data_known: Whether it could be told which photos are new to the champion.
        settings: configs/gate.yaml.
    """

    schema_version: Literal[1] = 1
    passed: bool
    candidate: Pinned
    champion: Pinned
    created: str
    data_version: str
    part: str
    champion_data_version: str
    names: dict[str, tuple[str, str]]
    judgement: Judgement
    examples: dict[str, ExamplePhoto]
    trained_on: int
    champion_data_known: bool
    settings: GateSettings


def names_of(*evaluated: Mapping[str, JudgedCategory]) -> dict[str, tuple[str, str]]:
    """Names of every category that one of some packages decides."""
    return {
        c: (short(judged.name_zh), short(judged.name_en))
        for categories in evaluated
        for c, judged in categories.items()
    }


def headline(report: GateReport) -> tuple[str, str]:
    """The verdict in one Chinese and one English sentence."""
    ours, theirs, count = report.candidate.reference, report.champion.reference, len(report.judgement.refusals)
    if report.passed:
        return (
            f"通过：{ours} 可以替换 {theirs}。",
            f"Passed: {ours} may take the place of {theirs}.",
        )
    return (
        f"不通过：{ours} 不能替换 {theirs}，共 {count} 条理由。",
        f"Refused: {ours} may not take the place of {theirs}, for {count} reason{'s' if count > 1 else ''}.",
    )


def reasons(report: GateReport) -> list[tuple[str, str]]:
    """Every refusal with its figures, in Chinese and English."""
    return [_reason(refusal, report) for refusal in report.judgement.refusals]


def _reason(refusal: Refusal, report: GateReport) -> tuple[str, str]:
    zh, en = _REASONS[refusal.code]
    if refusal.category is not None:
        name_zh, name_en = report.names.get(refusal.category, (refusal.category, refusal.category))
        zh, en = f"{name_zh}（{refusal.category}）：{zh}", f"{name_en} ({refusal.category}): {en}"
    figures = _figures(refusal, report.judgement)
    if figures is None or refusal.measure is None or refusal.part is None:
        return f"{zh}。", f"{en}."
    (measure_zh, measure_en), (part_zh, part_en) = _MEASURES[refusal.measure], _PARTS[refusal.part]
    change = f"{figures.champion:.3f} → {figures.candidate:.3f}"
    loss = f"{figures.difference:+.3f}, {figures.lower:+.3f} … {figures.upper:+.3f}"
    support = f", n={figures.support}" if isinstance(figures, Comparison) else ""
    return (
        f"{zh}：{measure_zh} {change}（{loss}{support}；{part_zh}）。",
        f"{en}: {measure_en} {change} ({loss}{support}; {part_en}).",
    )


def _figures(refusal: Refusal, judgement: Judgement) -> Comparison | MeanComparison | None:
    wanted = (refusal.part, refusal.measure)
    if refusal.category is None:
        return next((m for m in judgement.means if (m.part, m.measure) == wanted), None)
    matching = (c for c in judgement.comparisons if (c.part, c.measure, c.category) == (*wanted, refusal.category))
    return next(matching, None)


def render(report: GateReport) -> str:
    """The report as Markdown."""
    zh, en = headline(report)
    lines = [f"# 模型门禁 / model gate: {report.candidate.reference}", "", f"**{zh}**", "", f"**{en}**", ""]
    lines += _refusal_lines(report)
    lines += _data_lines(report)
    lines += ["## 平均 / means", "", *_mean_table(report.judgement.means), ""]
    lines += ["## 各类别 / categories", "", *_comparison_table(report), ""]
    return "\n".join([*lines, *_remarks(report), *_how(report)]) + "\n"


def _refusal_lines(report: GateReport) -> list[str]:
    if report.passed:
        return []
    lines = ["## 理由 / reasons", ""]
    for refusal, (zh, en) in zip(report.judgement.refusals, reasons(report), strict=True):
        lines += [f"- {zh}", f"  {en}"]
        for key in refusal.examples:
            photo = report.examples.get(key)
            lines.append(f"  - `{key}`" + (f" {photo.path} (sha256 {photo.sha256[:12]})" if photo else ""))
    return [*lines, ""]


def _data_lines(report: GateReport) -> list[str]:
    parts = "；".join(f"{' '.join(_PARTS[part])}: {count:,}" for part, count in report.judgement.photos.items())
    return [
        f"数据版本 / data version `{report.data_version}`, {report.part}；照片 / photos: {parts}。"
        f"新模型 / candidate `{report.candidate.sha256[:12]}`，现用 / champion `{report.champion.sha256[:12]}`"
        f"（数据 / data `{report.champion_data_version}`）。{report.created}",
        "",
    ]


def _mean_table(means: Sequence[MeanComparison]) -> list[str]:
    if not means:
        return ["没有类别有足够的照片 / no category has photos enough."]
    rows = [
        "| 范围 part | 指标 measure | 类别数 n | 现用 champion | 新 candidate | 差 difference | 区间 interval |",
        "|---|---|---|---|---|---|---|",
    ]
    return rows + [
        f"| {' '.join(_PARTS[mean.part])} | {' '.join(_MEASURES[mean.measure])} | {len(mean.categories)} "
        f"| {mean.champion:.3f} | {mean.candidate:.3f} | {mean.difference:+.3f} "
        f"| {mean.lower:+.3f} … {mean.upper:+.3f} |"
        for mean in means
    ]


def _comparison_table(report: GateReport) -> list[str]:
    rows = [
        "| 类别 category | 范围 part | 指标 measure | n | 现用 champion | 新 candidate | 差 difference | 区间 interval "
        "| 结论 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return rows + [
        f"| {report.names[one.category][0]} `{one.category}` | {_PARTS[one.part][0]} | {_MEASURES[one.measure][0]} "
        f"| {one.support} | {one.champion:.3f} | {one.candidate:.3f} | {one.difference:+.3f} "
        f"| {one.lower:+.3f} … {one.upper:+.3f} | {_OUTCOMES[one.outcome]} |"
        for one in report.judgement.comparisons
    ]


def _remarks(report: GateReport) -> list[str]:
    found, lines = report.judgement, list[str]()
    if found.untested:
        lines.append(
            f"- 测试照片太少、未能比较的类别 / categories that no test photos speak for: {', '.join(found.untested)}。"
            "它们的旧数据仍参加训练 / their old photos were trained on again, nothing more is known."
        )
    if found.not_in_new:
        lines.append(
            "- 最新标注里太少、只在固定测试集上比较 / too few in the newest labels, compared on the frozen part alone: "
            f"{', '.join(found.not_in_new)}"
        )
    if found.added:
        lines.append(f"- 新增类别，无从比较 / new categories, nothing to compare with: {', '.join(found.added)}")
    if report.trained_on:
        lines.append(
            f"- 现用模型训练过而未计入的照片 / photos left out because the champion was trained on them: "
            f"{report.trained_on:,}"
        )
    if not report.champion_data_known:
        lines.append(
            f"- 标注库里没有现用模型的数据版本 {report.champion_data_version}，"
            "无法区分哪些照片是新的，也无法排除它训练过的 / the champion's data version is not in the label store: "
            "which photos are new to it, or were trained on by it, is not known."
        )
    return ["## 备注 / remarks", "", *lines, ""] if lines else []


def _how(report: GateReport) -> list[str]:
    s = report.settings
    return [
        "## 如何判定 / how it is decided",
        "",
        f"两个模型在同样的照片上比较，按组自助抽样 {s.resamples:,} 次（种子 {s.seed}）。区间对全部比较同时成立"
        f"（{s.confidence:.0%}，{report.judgement.factor:.2f} 个标准误）；区间整体低于零且下降超过容限为“变差”。"
        f"剩余不足 {s.large_loss.share:.0%} 且下降至少 {s.large_loss.points:.2f} 的，按其自身区间判定。",
        "",
        f"Both models answered the same photos; {s.resamples:,} resamples by group (seed {s.seed}). The intervals hold "
        f"for all comparisons together ({s.confidence:.0%}, {report.judgement.factor:.2f} standard errors); a category "
        "is worse when its interval lies below zero and the loss exceeds the tolerance, or when less than "
        f"{s.large_loss.share:.0%} is left, at least {s.large_loss.points:.2f} lower, and its own interval lies below "
        "zero. configs/gate.yaml holds these numbers.",
    ]
