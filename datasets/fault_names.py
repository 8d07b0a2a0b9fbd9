"""What the codes of findings are called, in Chinese and English, and in which order kinds are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULT_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "split-leak": ("重复照片跨训练与评估", "duplicates across splits"),
    "missing-photo": ("照片缺失", "photo missing"),
    "unreadable": ("照片无法读取", "photo unreadable"),
    "truncated": ("照片不完整", "photo damaged"),
    "labels-contradict": ("重复照片标注矛盾", "duplicates disagree on what they show"),
    "boxes-contradict": ("重复照片框不一致", "duplicates disagree on boxes"),
    "label-swapped": ("疑似标错类别", "category perhaps swapped"),
    "label-missed": ("疑似漏标", "box perhaps missing"),
    "label-misplaced": ("疑似框偏了", "box perhaps badly placed"),
    "tag-overlooked": ("疑似漏打标签", "tag perhaps overlooked"),
    "box-duplicate": ("同一物体重复框", "boxed twice"),
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
    "no-labels": ("没有标注", "nothing labelled"),
    "few-photos": ("照片太少", "few photos"),
    "few-boxes": ("框太少", "few boxes"),
    "few-negatives": ("负样本太少", "few verified negatives"),
    "one-source-only": ("只有一个来源", "one source only"),
}
"""Code -> (Chinese, English); codes that only the import finds are shown as they are."""

_SEVERITIES: Final = ("error", "warning", "note")
SEVERITY_NAMES: Final[Mapping[str, str]] = {"error": "错误", "warning": "警告", "note": "提示"}


def title(code: str) -> tuple[str, str]:
    """Chinese and English name of a code."""
    return FAULT_NAMES.get(code, (code, ""))


def rank(code: str, severity: str) -> tuple[int, int]:
    """Sorts kinds: errors first, then in the order above."""
    order = list(FAULT_NAMES)
    return _SEVERITIES.index(severity), order.index(code) if code in FAULT_NAMES else len(order)
