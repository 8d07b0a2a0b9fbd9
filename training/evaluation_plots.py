"""Plots of an evaluation, as SVG that needs no font and no file."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from inference.annotate import FONT
from training.evaluation import Evaluation
from training.evaluation_tables import short
from training.measures import Estimate, ReliabilityBin

_BLUE, _GREY, _RED = "#1673e6", "#98a2b3", "#c0262d"
_ROW: Final = 0.36  # inches of a category
_COLUMNS: Final = 4
_STYLE: Final = {
    "svg.hashsalt": "street-patrol",
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def precision_plot(evaluation: Evaluation) -> str:
    """AP50 of every category with its interval; AP30 beside it where edges are not clear."""
    found = [(c, m.detection) for c, m in evaluation.whole.categories.items() if m.detection is not None]
    found.sort(key=lambda item: item[1].ap50.value or 0)
    figure, axes = _figure(7.2, 0.9 + _ROW * len(found))
    for row, (category, detection) in enumerate(found):
        judged = evaluation.categories[category]
        _whisker(axes, row, detection.ap50, _GREY if judged.role == "context" else _BLUE)
        if judged.amorphous and detection.ap30.value is not None:
            axes.plot(detection.ap30.value, row, "o", mfc="white", mec=_BLUE, ms=5)
    names = [f"{short(evaluation.categories[c].name_zh)} ({d.ap50.support})" for c, d in found]
    axes.set_yticks(range(len(found)), names, fontproperties=_font(9))
    axes.set(xlim=(0, 1), ylim=(-0.7, len(found) - 0.3))
    axes.grid(axis="x", color="#e2e6ec", lw=0.8)
    axes.set_xlabel("● AP50 与区间 with interval    ○ AP30    灰 grey: 背景类别 context", fontproperties=_font(9))
    return _svg(figure)


def reliability_plot(evaluation: Evaluation) -> str | None:
    """Said probability against the share that was right, for categories with enough photos; None without any."""
    found = [
        (c, m.photo.reliability, m.photo.calibration_error)
        for c, m in evaluation.whole.categories.items()
        if m.photo is not None and m.photo.calibration_error is not None and m.role != "context"
    ]
    if not found:
        return None
    lines = -(-len(found) // _COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(2.5 * min(_COLUMNS, len(found)), 2.6 * lines), layout="constrained")
        FigureCanvasSVG(figure)
        grid = figure.subplots(lines, min(_COLUMNS, len(found)), squeeze=False).ravel()
    for axes, (category, bins, error) in zip(grid, found, strict=False):
        name = short(evaluation.categories[category].name_zh)
        _reliability(axes, bins, f"{name}  ECE {error.value or 0:.3f}")
    for axes in grid[len(found) :]:
        axes.axis("off")
    return _svg(figure)


def _reliability(axes: Any, bins: tuple[ReliabilityBin, ...], title: str) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, lw=0.8, ls="--")
    said = np.array([b.probability for b in bins])
    right = np.array([b.share for b in bins])
    photos = np.array([b.photos for b in bins], dtype=float)
    axes.vlines(said, np.minimum(said, right), np.maximum(said, right), color=_RED, lw=1.2, alpha=0.6)
    axes.scatter(said, right, s=8 + 60 * np.sqrt(photos / photos.max()), color=_BLUE, alpha=0.85, lw=0)
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.08, 1.08), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set_title(title, fontproperties=_font(9))
    axes.tick_params(labelsize=7)


def _whisker(axes: Any, row: int, estimate: Estimate, colour: str) -> None:
    if estimate.lower is not None and estimate.upper is not None:
        axes.hlines(row, estimate.lower, estimate.upper, color=colour, lw=2, alpha=0.45)
    axes.plot(estimate.value, row, "o", color=colour, ms=6)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
    axes.tick_params(labelsize=8)
    return figure, axes


def _font(size: float) -> FontProperties:
    return FontProperties(fname=str(FONT), size=size)


def _svg(figure: Figure) -> str:
    """The figure as an <svg> element: the same figures give the same text."""
    text = StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"^.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL)
