"""What came of a retraining, for whoever decides: one page in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.gate import Comparison
from training.gate_report import GateReport, headline, reasons
from training.outcomes import Record
from training.retrain_state import STEP_NAMES, STEPS, RunState

SUMMARY: Final = "summary.md"
_LISTED: Final = 5
_PARTS: Final = {"train": "训练 train", "val": "验证 val", "test": "测试 test"}


class Summary(Record):
    """A retraining as it stands.

    Attributes:
        verdict_zh: What came of it, in Chinese.
        verdict_en: In English.
        reasons: Why the gate refused, in both languages.
        next_step: What to do now, a command or a sentence.
    """

    verdict_zh: str
    verdict_en: str
    reasons: tuple[tuple[str, str], ...]
    next_step: str


def summarise(state: RunState, report: GateReport | None, folder: str) -> Summary:
    """The verdict and what follows from it."""
    if report is None:
        return Summary(
            verdict_zh="尚未完成。",
            verdict_en="Not finished.",
            reasons=(),
            next_step="同一命令继续 / run the same command",
        )
    zh, en = headline(report)
    if "promote" in state.steps:
        next_step = "已上线；退回：/ in production; to go back: patrol models rollback --why ..."
        if state.request.store:
            next_step += f" --store {state.request.store}"
    elif report.passed:
        next_step = "上线 / promote: run the same command with --yes"
    else:
        next_step = f"现用模型不变，一切保留在 / the champion stays, everything is kept in {folder}"
    return Summary(verdict_zh=zh, verdict_en=en, reasons=tuple(reasons(report)), next_step=next_step)


def render(state: RunState, report: GateReport | None, folder: str) -> str:
    """The page as Markdown."""
    summary, plan = summarise(state, report, folder), state.plan
    lines = [
        f"# 再训练 / retraining: {plan.model} {plan.model_version}",
        "",
        f"**{summary.verdict_zh}**",
        "",
        f"**{summary.verdict_en}**",
        "",
        *(line for zh, en in summary.reasons for line in (f"- {zh}", f"  {en}")),
        "",
        f"{summary.next_step}",
        "",
        *_data(state),
    ]
    if report is not None:
        lines += [*_changes(report), *_mean(report)]
    return "\n".join([*lines, *_steps(state)]) + "\n"


def _data(state: RunState) -> list[str]:
    frozen = state.steps.get("freeze")
    if frozen is None:
        return []
    result: Mapping[str, Any] = frozen.result
    lines = [
        "## 数据 / data",
        "",
        f"版本 / version {result['name']} `{result['id']}`: {result['photos']:,} 张照片 / photos"
        + (f"，起始版本 / base {result['base']}" if "base" in result else ""),
    ]
    if added := result.get("added"):
        parts = ", ".join(f"{_PARTS[part]} {count:,}" for part, count in added.items())
        lines.append(f"新照片 / new photos: {parts}")
    if boxes := result.get("boxes"):
        changes = ", ".join(f"{category} {before:,} → {after:,}" for category, (before, after) in boxes.items())
        lines.append(f"框 / boxes: {changes}")
    return [line if line.startswith("#") or not line else f"{line}\n" for line in lines]


def _changes(report: GateReport) -> list[str]:
    """The categories that changed most, by the boxes and photos measures."""
    told = [one for one in report.judgement.comparisons if one.measure in ("boxes", "photos")]
    lines = ["## 变化最大的类别 / largest changes", ""]
    rows = [*told[:_LISTED], *[one for one in told[::-1][:_LISTED] if one not in told[:_LISTED]][::-1]]
    return [*lines, *_table(rows, report), ""]


def _table(rows: Sequence[Comparison], report: GateReport) -> list[str]:
    head = ["| 类别 category | 指标 measure | 现用 champion | 新 candidate | 差 difference |", "|---|---|---|---|---|"]
    return head + [
        f"| {report.names[one.category][0]} {report.names[one.category][1]} | {one.measure} ({one.part}) "
        f"| {one.champion:.3f} | {one.candidate:.3f} | {one.difference:+.3f} |"
        for one in rows
    ]


def _mean(report: GateReport) -> list[str]:
    return [
        f"- 平均 / mean, {mean.measure} ({mean.part}, {len(mean.categories)} 类 / categories): {mean.champion:.3f} → "
        f"{mean.candidate:.3f} ({mean.difference:+.3f}, {mean.lower:+.3f} … {mean.upper:+.3f})"
        for mean in report.judgement.means
    ] + [""]


def _steps(state: RunState) -> list[str]:
    lines = ["## 步骤 / steps", "", "| 步骤 step | 完成 finished | 秒 seconds |", "|---|---|---|"]
    for name in STEPS:
        done = state.steps.get(name)
        cells = (done.finished[:16], f"{done.seconds:,.0f}") if done else ("-", "-")
        lines.append(f"| {STEP_NAMES[name]} | {cells[0]} | {cells[1]} |")
    return lines
