"""What the codes of findings are called, in Chinese and English, and in which order kinds are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULT_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "split-leak": ("重复照片跨训练与评估", "duplicates across splits"),
    "photo-missing": ("照片缺失", "photo missing"),
    "photo-unreadable": ("照片无法读取", "photo unreadable"),
    "truncated": ("照片不完整", "photo damaged"),
    "labels-contradict": ("重复照片标注矛盾", "duplicates disagree on what they show"),
    "boxes-contradict": ("重复照片框不一致", "duplicates disagree on boxes"),
    "label-swapped": ("疑似标错类别", "category perhaps swapped"),
    "label-missed": ("疑似漏标", "box perhaps missing"),
    "label-misplaced": ("疑似框偏了", "box perhaps badly placed"),
    "tag-overlooked": ("疑似漏打标签", "tag perhaps overlooked"),
    "box-duplicated": ("同一物体重复框", "boxed twice"),
    "box-large": ("框过大", "box improbably large"),
    "box-tiny": ("框过小", "box too small"),
    "box-nested": ("同类框嵌套", "boxes nested"),
    "exact-duplicate": ("完全重复", "same file twice"),
    "near-duplicate": ("近似重复", "same photo twice"),
    "split-same-scene": ("同一场景跨训练与评估", "same scene across splits"),
    "same-scene": ("同一场景", "same scene"),
    "blank": ("照片空白", "photo blank"),
    "blurred": ("照片模糊", "photo blurred"),
    "tiny": ("照片太小", "photo tiny"),
    "dark": ("照片很暗", "photo dark"),
    "overexposed": ("照片过曝", "photo overexposed"),
    "photo-unlabelled": ("没有标注", "nothing labelled"),
    "few-photos": ("照片太少", "few photos"),
    "few-boxes": ("框太少", "few boxes"),
    "few-negatives": ("负样本太少", "few verified negatives"),
    "one-source-only": ("只有一个来源", "one source only"),
    # What the import finds in label files.
    "labels-missing": ("缺少标注文件", "label file missing"),
    "format-unreadable": ("无法识别的格式", "format unreadable"),
    "file-unreadable": ("标注文件无法读取", "label file unreadable"),
    "file-too-large": ("标注文件过大", "label file too large"),
    "json-broken": ("JSON 损坏", "broken JSON"),
    "xml-broken": ("XML 损坏", "broken XML"),
    "xml-entities": ("XML 含实体定义", "XML with entities"),
    "line-broken": ("标注行损坏", "broken line"),
    "not-utf8": ("不是 UTF-8", "not UTF-8"),
    "path-escape": ("路径越出文件夹", "path leaves the folder"),
    "archive-entry": ("压缩包条目有问题", "archive entry refused"),
    "name-missing": ("缺少照片名", "photo name missing"),
    "name-mended": ("照片名已修正", "photo name mended"),
    "photo-broken": ("照片条目损坏", "broken photo entry"),
    "category-broken": ("类别条目损坏", "broken category entry"),
    "class-is-parent": ("标成了上级类别", "labelled as a roll-up"),
    "label-contradiction": ("标注自相矛盾", "labels contradict themselves"),
    "annotators-disagree": ("标注员意见不一", "annotators disagree"),
    "size-mismatch": ("尺寸与照片不符", "size does not match the photo"),
    "size-missing": ("缺少尺寸", "size missing"),
    "box-outside": ("框超出照片", "box outside the photo"),
    "box-degenerate": ("框没有面积", "box without an inside"),
    "box-broken": ("框损坏", "broken box"),
    "box-unreadable": ("框无法读取", "box unreadable"),
    "shape-unknown": ("未知形状", "unknown shape"),
    "shape-reduced": ("形状改为框", "shape reduced to a box"),
    "polygon-reduced": ("多边形改为框", "polygon reduced to a box"),
    "video-track": ("视频轨迹", "video track"),
    "task-unlabelled": ("任务未标注", "task not labelled"),
    "column-left-out": ("忽略的列", "column left out"),
    "exhaustive-unknown": ("未说明是否标全", "exhaustiveness not stated"),
    "not-listed": ("未列入清单", "not listed"),
}
"""Code -> (Chinese, English); a code that is not here is shown as it is."""

_SEVERITIES: Final = ("error", "warning", "note")
SEVERITY_NAMES: Final[Mapping[str, str]] = {"error": "错误", "warning": "警告", "note": "提示"}


def title(code: str) -> tuple[str, str]:
    """Chinese and English name of a code."""
    return FAULT_NAMES.get(code, (code, ""))


def rank(code: str, severity: str) -> tuple[int, int]:
    """Sorts kinds: errors first, then in the order above."""
    order = list(FAULT_NAMES)
    return _SEVERITIES.index(severity), order.index(code) if code in FAULT_NAMES else len(order)
