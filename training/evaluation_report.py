"""report.md of an evaluation: the figures as text, without any photo, so that it may be kept and sent."""

from __future__ import annotations

from collections.abc import Iterator

from training.evaluation import Evaluation
from training.evaluation_tables import condition_details, markdown, source_details, tables


def render(evaluation: Evaluation) -> str:
    """The report as Markdown."""
    figures = [*tables(evaluation), source_details(evaluation), condition_details(evaluation)]
    sections = [_head(evaluation), *markdown(figures), *_failures(evaluation)]
    return "\n\n".join(sections) + "\n"


def warnings(evaluation: Evaluation) -> Iterator[str]:
    """What a reader must know before believing a figure."""
    if evaluation.data.seen_in_training:
        yield (
            "模型正是用其中一些照片训练的：这里的数字说明不了它在新照片上的表现。"
            "The model was trained on some of these photos: no figure here says how it does on new ones."
        )
    if evaluation.data.seen_in_fitting:
        yield (
            "阈值与校准正是在这些照片上拟合的，按阈值给出的数字略偏乐观；模型包 report.md 中的交叉拟合数字才是承诺。"
            "Thresholds and calibration were fitted on these very photos: figures at thresholds are a little kind. "
            "The cross-fitted ones in the package's report.md are the promise."
        )
    if evaluation.failed:
        count = len(evaluation.failed)
        yield f"{count} 张照片无法读取，未计入。{count} photos cannot be read and count in no figure."


def _head(e: Evaluation) -> str:
    bootstrap = e.settings.bootstrap
    lines = [
        f"# {e.model.name} {e.model.version}: {e.data.part}",
        f"在数据版本 {e.data.version} 的 {e.data.part} 部分 {e.data.photos} 张照片（{e.whole.groups} 组）上，"
        f"按服务的同一路径评判。括号内是按组重抽样 {bootstrap.resamples} 次的 {bootstrap.confidence:.0%} 区间。",
        f"Judged by the service's own path on {e.data.photos} photos ({e.whole.groups} groups) of part "
        f"{e.data.part} of data version {e.data.version}; model.onnx {e.model.sha256[:12]}, provider "
        f"{e.model.provider}, {e.created}. In brackets: {bootstrap.confidence:.0%} bootstrap intervals over groups "
        f"({bootstrap.resamples} resamples, seed {bootstrap.seed}). docs/evaluation.md explains every figure.",
        *(f"> {line}" for line in warnings(e)),
    ]
    return "\n\n".join(lines)


def _failures(e: Evaluation) -> Iterator[str]:
    if e.failed:
        rows = "\n".join(f"- {photo.key}: {photo.error}" for photo in e.failed)
        yield f"## 无法读取 / not readable\n\n{rows}"
