"""The tables of an evaluation, once for Markdown and HTML alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from training.evaluation import Evaluation
from training.measures import CategoryMeasures, Estimate, Measures, ThresholdMeasures
from training.measuring import ALL, ENOUGH
from training.outcomes import Role

MEANS: Final = {ALL: "全部问题类别 all problem categories", ENOUGH: "框数足够的类别 with enough boxes"}
CONDITIONS: Final = {
    "blurred": "模糊 blurred",
    "collage": "拼图 collage",
    "degraded": "文件损坏 degraded",
    "high_resolution": "高分辨率 high resolution",
    "landscape": "横幅 landscape",
    "low_resolution": "低分辨率 low resolution",
    "night": "夜间 night",
    "portrait": "竖幅 portrait",
    "small_objects": "目标小 small objects",
    "square": "方形 square",
    "stretched": "被拉伸 stretched",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, and beside it its interval or what else is small print."""

    text: str
    aside: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.aside})" if self.aside else self.text


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table with its headings.

    Attributes:
        zh: What it shows, Chinese.
        en: The same, English.
        note: How to read it.
        header: Names of the columns.
        rows: Cells, row by row.
        folded: Long, and only for whoever looks for something.
    """

    zh: str
    en: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


_BOX_HEADER: Final = (
    "类别 category",
    "照片 photos",
    "框 boxes",
    "AP50",
    "AP50-95",
    "AP30",
    "P@0.5",
    "R@0.5",
    "P@0.3",
    "R@0.3",
)
_PHOTO_HEADER: Final = (
    "类别 category",
    "有 shown",
    "无 absent",
    "AUC",
    "AP",
    "预填精确率 prefill precision",
    "召回 recall",
    "误报/百张 false alarms per 100",
    "建议精确率 suggest precision",
    "召回 recall",
    "误报/百张 false alarms per 100",
    "校准误差 ECE",
)
_ANSWER_HEADER: Final = (
    "首条命中 first right",
    "前几条命中 among the first",
    "干净照片误报/百张 wrong per 100 clean",
)
_DETAIL_HEADER: Final = (
    "",
    "类别 category",
    "框 boxes",
    "AP50",
    "AP50-95",
    "有 shown",
    "建议精确率 suggest precision",
    "召回 recall",
)


def tables(evaluation: Evaluation) -> Iterator[FigureTable]:
    """Everything worth a table, the most important first; empty ones are left out."""
    every = (
        _answers(evaluation),
        _means(evaluation),
        _boxes(evaluation, ("problem",), "检测框", "boxes"),
        _photos(evaluation, ("problem", "parent"), "整张照片", "whole photos"),
        _parts(evaluation, "按来源", "per source", evaluation.sources, {}),
        _parts(evaluation, "按拍摄条件", "per photo condition", evaluation.conditions, CONDITIONS),
        _boxes(evaluation, ("context",), "背景类别的框", "boxes of context categories"),
        _photos(evaluation, ("context",), "背景类别", "context categories, whole photos"),
    )
    return (table for table in every if table.rows)


def source_details(evaluation: Evaluation) -> FigureTable:
    """Every category in every source."""
    return _detail(evaluation, "来源 × 类别", "source and category", evaluation.sources, {})


def condition_details(evaluation: Evaluation) -> FigureTable:
    """Every category under every photo condition."""
    return _detail(evaluation, "条件 × 类别", "condition and category", evaluation.conditions, CONDITIONS)


def cell(estimate: Estimate | None, digits: int = 3) -> Cell:
    """A figure with its interval; `-` where there is none."""
    if estimate is None or estimate.value is None:
        return Cell("-")
    if estimate.lower is None or estimate.upper is None:
        return Cell(f"{estimate.value:.{digits}f}")
    return Cell(f"{estimate.value:.{digits}f}", f"{estimate.lower:.{digits}f}–{estimate.upper:.{digits}f}")


def short(name: str) -> str:
    """A category's name without what it has in brackets."""
    return re.split("[(（/]", name)[0]


def _name(evaluation: Evaluation, category: str) -> Cell:
    judged = evaluation.categories[category]
    return Cell(f"{short(judged.name_zh)} {category}{' ~' if judged.amorphous else ''}")


def _of_role(evaluation: Evaluation, roles: Sequence[Role]) -> list[tuple[str, CategoryMeasures]]:
    found = [(c, m) for c, m in evaluation.whole.categories.items() if m.role in roles]
    return sorted(found, key=lambda item: (-item[1].boxes, -item[1].photos_shown))


def _means(e: Evaluation) -> FigureTable:
    rows = (
        (Cell(MEANS.get(name, name)), Cell(str(len(m.categories))), cell(m.ap50), cell(m.ap), cell(m.ap30))
        for name, m in e.whole.means.items()
    )
    note = f"每个类别权重相同。框数足够：至少 {e.settings.macro_boxes} 个标注框。Each category counts the same."
    header = ("平均 mean over", "类别 categories", "mAP50", "mAP50-95", "mAP30")
    return FigureTable("平均", "means", note, header, tuple(rows))


def _answers(e: Evaluation) -> FigureTable:
    a, first = e.whole.answers, e.settings.answers
    named = (
        ("有问题的照片：首条建议正确 first suggestion right", a.first_hit, 3),
        (f"有问题的照片：前 {first} 条中有正确的 right one among the first {first}", a.top_hit, 3),
        ("每百张干净照片：错误预填 wrong pre-fills per 100 clean photos", a.clean_prefills, 1),
        ("每百张干净照片：错误建议（含预填）wrong suggestions per 100 clean photos", a.clean_suggestions, 1),
        ("每百张干净照片：有错误建议的 clean photos with any, of 100", a.clean_alarms, 1),
    )
    rows = tuple((Cell(name), cell(figure, digits), Cell(str(figure.support))) for name, figure, digits in named)
    note = "与服务给出的答案完全相同。Exactly what the service answers."
    return FigureTable("答案", "answers", note, ("", "数值 figure", "照片 photos"), rows)


def _boxes(e: Evaluation, roles: Sequence[Role], zh: str, en: str) -> FigureTable:
    rows = tuple(
        (
            _name(e, c),
            Cell(str(m.photos_searched)),
            Cell(str(m.boxes)),
            *map(cell, (m.detection.ap50, m.detection.ap, m.detection.ap30)),
            *map(cell, (m.detection.precision50, m.detection.recall50)),
            *map(cell, (m.detection.precision30, m.detection.recall30)),
        )
        for c, m in _of_role(e, roles)
        if m.detection is not None
    )
    note = (
        "只在查找过该类别全部实例的照片上评判；~ 表示边界不清的类别，看 IoU 0.3。P 与 R 取自会成为建议的框。"
        "Judged on photos searched for every instance; ~ has no clear edge: read IoU 0.3."
    )
    return FigureTable(zh, en, note, _BOX_HEADER, rows)


def _photos(e: Evaluation, roles: Sequence[Role], zh: str, en: str) -> FigureTable:
    rows = tuple(
        (
            _name(e, c),
            Cell(str(m.photos_shown)),
            Cell(str(m.photos_absent)),
            cell(m.photo.auc),
            cell(m.photo.ap),
            *_threshold(m.photo.prefill),
            *_threshold(m.photo.suggest),
            cell(m.photo.calibration_error),
        )
        for c, m in _of_role(e, roles)
        if m.photo is not None
    )
    note = "短横：从不预填或建议，或照片太少。A dash: never pre-filled or suggested, or too few photos."
    return FigureTable(zh, en, note, _PHOTO_HEADER, rows)


def _threshold(t: ThresholdMeasures | None) -> tuple[Cell, Cell, Cell]:
    if t is None:
        return Cell("-"), Cell("-"), Cell("-")
    return cell(t.precision), cell(t.recall), cell(t.false_alarms, 1)


def _parts(e: Evaluation, zh: str, en: str, parts: Mapping[str, Measures], names: Mapping[str, str]) -> FigureTable:
    rows = tuple(
        (
            Cell(names.get(name, name)),
            Cell(str(m.photos), f"{m.groups} 组 groups"),
            *_mean_cells(m, ALL, counted=True),
            *(figure for mean in e.settings.means for figure in _mean_cells(m, mean)),
            cell(m.answers.first_hit),
            cell(m.answers.top_hit),
            _counted(cell(m.answers.clean_suggestions, 1), f"{m.answers.clean_suggestions.support} 张"),
        )
        for name, m in sorted(parts.items(), key=lambda item: -item[1].photos)
    )
    note = (
        "mAP 取该部分有框的问题类别，各部分的类别不同，不能直接相比。"
        "mAP over the problem categories with boxes there: they differ from row to row."
    )
    means = [f"{mean}: {figure}" for mean in e.settings.means for figure in ("mAP50", "mAP50-95")]
    header = (f"{zh[1:]} {en.rsplit(maxsplit=1)[-1]}", "照片 photos", "mAP50", "mAP50-95", *means, *_ANSWER_HEADER)
    return FigureTable(zh, en, note, header, rows)


def _mean_cells(measures: Measures, mean: str, *, counted: bool = False) -> tuple[Cell, Cell]:
    """mAP50 and mAP50-95; `counted` says over how many categories."""
    found = measures.means.get(mean)
    if found is None:
        return Cell("-"), Cell("-")
    first = cell(found.ap50)
    return (_counted(first, f"{len(found.categories)} 类") if counted else first), cell(found.ap)


def _counted(figure: Cell, count: str) -> Cell:
    """A figure that also says how much it rests on, where that differs from row to row."""
    return figure if figure.text == "-" else Cell(figure.text, "; ".join(filter(None, (count, figure.aside))))


def _detail(e: Evaluation, zh: str, en: str, parts: Mapping[str, Measures], names: Mapping[str, str]) -> FigureTable:
    rows = tuple(
        (
            Cell(names.get(name, name)),
            _name(e, c),
            Cell(str(m.boxes)),
            *(map(cell, (m.detection.ap50, m.detection.ap)) if m.detection else (Cell("-"), Cell("-"))),
            Cell(str(m.photos_shown)),
            *(_threshold(m.photo.suggest)[:2] if m.photo else (Cell("-"), Cell("-"))),
        )
        for name, measures in parts.items()
        for c, m in measures.categories.items()
        if m.boxes or m.photo is not None
    )
    header = (
        "",
        "类别 category",
        "框 boxes",
        "AP50",
        "AP50-95",
        "有 shown",
        "建议精确率 suggest precision",
        "召回 recall",
    )
    return FigureTable(zh, en, "", header, rows, folded=True)


def markdown(figures: Iterable[FigureTable]) -> Iterator[str]:
    """Sections of a Markdown report."""
    for table in figures:
        lines = ["| " + " | ".join(table.header) + " |", "|" + "---|" * len(table.header)]
        lines += ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in table.rows]
        note = f"{table.note}\n\n" if table.note else ""
        yield f"## {table.zh} / {table.en}\n\n{note}" + "\n".join(lines)
