"""The words that people read for what programs read as ids, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from inference.decide import Decision, Verdict

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)

VERDICTS: Final[Mapping[Verdict, Mapping[Lang, str]]] = {
    "issue": {"zh": "有问题", "en": "issue"},
    "no_issue": {"zh": "未见问题", "en": "no issue"},
    "unrelated": {"zh": "无关照片", "en": "unrelated"},
    "unusable": {"zh": "无法使用", "en": "unusable"},
    "uncertain": {"zh": "需人工判断", "en": "uncertain"},
}
DECISIONS: Final[Mapping[Decision, Mapping[Lang, str]]] = {
    "prefill": {"zh": "预填", "en": "prefill"},
    "suggest": {"zh": "建议", "en": "suggest"},
}
FAILED: Final[Mapping[Lang, str]] = {"zh": "未能识别", "en": "failed"}
SCORE: Final[Mapping[Lang, str]] = {"zh": "得分", "en": "score"}

_ASIDE: Final = re.compile(r"\s*[(（].*")


def short(name: str) -> str:
    """A category's name without what stands in brackets behind it, for where room is scarce."""
    return _ASIDE.sub("", name) or name


def percent(share: float) -> str:
    """A probability or score in [0, 1] in whole percent; only certainty is 0% or 100%."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(round(share * 100), 1), 99)}%"
