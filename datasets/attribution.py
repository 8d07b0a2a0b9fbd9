"""ATTRIBUTION.md of an export: where its photos come from, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datasets.labelled_set import Credit


def attribution(title: str, photos: Mapping[Credit, int], changes: Sequence[str]) -> str:
    """The page, in Markdown.

    Args:
        title: What was exported.
        photos: How many photos there are of each source.
        changes: What was done to the photos; licences such as CC BY ask for it.
    """
    lines = [f"# 来源与许可 / Sources and licences: {title}", ""]
    for credit, count in sorted(photos.items(), key=lambda item: item[0].source):
        lines += [f"## {credit.source}", "", f"- 照片 / photos: {count:,}", f"- 许可 / licence: {credit.licence}"]
        lines += [f"- 署名 / attribution: {credit.attribution or '（未注明 / not stated）'}", ""]
    lines += ["## 改动 / Changes", "", *(f"- {change}" for change in changes), ""]
    return "\n".join(lines)
