"""The data card of a frozen version: what it holds, whose it is, what is wrong with it and what it does not cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from datasets.photo_table import PARTS
from datasets.tally import Tally
from datasets.versions import FrozenSource, VersionRecord
from inference.categories import Catalogue

FEW_BOXES: Final = 50
"""Boxes in the training part, below which the card names a category as thinly covered."""
_NO_LICENCE: Final = ("no licence", "unknown", "none", "unlicensed")
_NIGHT: Final = "night"
_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class Known:
    """What a card tells beyond counts.

    Attributes:
        faults: (source, code) -> findings of the import.
        placed: Photos with GPS.
        corners: (south, west, north, east) of those in whole degrees, or None.
        dated: Photos with a time of capture.
    """

    faults: Mapping[tuple[str, str], int]
    placed: int
    corners: tuple[int, int, int, int] | None
    dated: int


def states_no_licence(source: FrozenSource) -> bool:
    """Whether nobody said what may be done with the photos of a source."""
    licence = source.licence.strip().casefold()
    return not licence or licence.startswith(_NO_LICENCE)


def render_card(record: VersionRecord, catalogue: Catalogue, known: Known) -> str:
    """The card in Markdown, Chinese first."""
    tally = Tally.from_rows(record.counts)
    lines = [
        *_head(record, tally),
        *_unlicensed(record),
        *_sources(record, tally),
        *_categories(tally, catalogue),
        *_shares(record, tally, catalogue),
        *_faults(record, known),
        *_gaps(record, tally, catalogue, known),
    ]
    return "\n".join(lines) + "\n"


def _head(record: VersionRecord, tally: Tally) -> Iterator[str]:
    base = "无 / none" if record.base is None else f"`{record.base.name}` (`{record.base.id[:12]}`)"
    parts = "，".join(f"{part} {tally.total(part):,}" for part in PARTS)
    yield f"# 数据卡 / data card: {record.name}"
    yield ""
    yield f"版本号 / version id: `{record.short}` (`{record.id}`)  "
    yield f"冻结时间 / frozen: {record.created}  "
    yield f"起始版本 / base version: {base}  "
    yield f"照片 / photos: {record.photos:,}（{parts}），{tally.bytes / 1e6:,.1f} MB；组 / groups: {record.groups:,}"
    yield ""
    yield "同组照片从不分到不同部分；test 部分的照片在以后的版本中永远不会进入训练。"
    yield "Photos of one group never part between splits; what is in test stays out of training in every later version."


def _unlicensed(record: VersionRecord) -> Iterator[str]:
    without = [source for source in record.settings.sources if states_no_licence(source)]
    if without:
        yield ""
        yield "> **警告 / warning：未声明许可的来源 / sources with NO licence stated:** " + "、".join(
            f"`{source.name}`" for source in without
        )
        yield "> 公开发布由其训练的模型前，请取得许可或去掉这些来源（`--licences-allowed`、`--sources`）。"
        yield "> Ask for permission, or freeze without them, before a model trained on them is published."


def _sources(record: VersionRecord, tally: Tally) -> Iterator[str]:
    yield from ("", "## 来源与许可 / sources and licences", "")
    yield from _table(
        ("来源 source", *PARTS, "许可 licence", "署名 attribution"),
        (
            (
                source.name,
                *(f"{tally.total(part, source.name):,}" for part in PARTS),
                f"**{source.licence or 'NO LICENCE STATED'}**" if states_no_licence(source) else source.licence,
                source.attribution,
            )
            for source in record.settings.sources
        ),
    )


def _categories(tally: Tally, catalogue: Catalogue) -> Iterator[str]:
    yield from ("", "## 各类别 / per category", "")
    yield "有此问题的照片 / 框 / 核实无此问题的照片；photos showing it / boxes / verified negatives."
    yield ""
    yield from _table(
        ("类别 category", *PARTS, "全部 all"),
        (
            (_named(category, catalogue), *(_cell(tally, category, part) for part in (*PARTS, None)))
            for category in tally.categories
        ),
    )
    yield from ("", "### 按来源 / per source", "")
    yield from _table(
        ("类别 category", "来源 source", *PARTS),
        (
            (_named(category, catalogue), source, *(_cell(tally, category, part, source) for part in PARTS))
            for category in tally.categories
            for source in tally.sources
            if tally.of(tally.shown, category, source=source)
        ),
    )


def _shares(record: VersionRecord, tally: Tally, catalogue: Catalogue) -> Iterator[str]:
    wanted = record.settings.split
    yield from ("", "## 划分比例 / achieved shares", "")
    yield (
        f"目标 / wanted: val {wanted.val_fraction:.0%}, test {wanted.test_fraction:.0%}。"
        "整体保留的来源、来源自带的划分、旧版本的划分与同组约束优先。"
    )
    yield (
        "Sources held out whole, splits that sources propose, earlier versions and groups come first. "
        "Share of the photos that show it:"
    )
    yield ""
    yield from _table(
        ("类别 category", "val", "test"),
        (
            (_named(category, catalogue), *(f"{share:.1%}" for share in shares(tally, category)))
            for category in tally.categories
            if tally.of(tally.shown, category)
        ),
    )


def shares(tally: Tally, category: str) -> tuple[float, float]:
    """Share of a category's positive photos in val and in test."""
    total = max(1, tally.of(tally.shown, category))
    return tally.of(tally.shown, category, "val") / total, tally.of(tally.shown, category, "test") / total


def _faults(record: VersionRecord, known: Known) -> Iterator[str]:
    yield from ("", "## 已知问题 / known faults", "")
    if known.faults:
        yield from _table(
            ("来源 source", "问题 finding", "数量 count"),
            ((source, f"`{code}`", f"{count:,}") for (source, code), count in sorted(known.faults.items())),
        )
    else:
        yield "导入时没有发现问题。The import found nothing wrong."
    if not record.settings.groups.scenes or record.photos > record.settings.groups.scenes_limit:
        yield "- 只按感知哈希查找近似照片，裁剪和同一场景可能漏掉。"
        yield "  Look-alikes were found by perceptual hash alone: crops and other photos of one scene may be missed."
    for group in record.large_groups:
        reasons = "，".join(f"{reason} {count}" for reason, count in group["reasons"].items())
        yield f"- 过大的组 / a large group: `{group['group']}`, {group['photos']:,} ({group['share']:.1%}): {reasons}"
    yield from ("", "### 未纳入 / left out", "")
    yield from (f"- {what}" for what in record.left_out[:_NAMED])
    if len(record.left_out) > _NAMED:
        yield f"- 另有 / and {len(record.left_out) - _NAMED:,} more: `version.json`, `left_out`"
    if not record.left_out:
        yield "无 / nothing"


def _gaps(record: VersionRecord, tally: Tally, catalogue: Catalogue, known: Known) -> Iterator[str]:
    yield from ("", "## 未覆盖 / what it does not cover", "")
    boxes = {c.id: tally.of(tally.boxes, c.id, "train") for c in catalogue.values() if c.role != "parent"}
    none = [_named(category, catalogue) for category, count in boxes.items() if not count]
    few = [f"{_named(c, catalogue)} {count}" for c, count in boxes.items() if 0 < count < FEW_BOXES]
    yield f"- 训练部分没有框的类别 / no box in the training part: {'、'.join(none) or '-'}"
    yield f"- 训练部分框少于 {FEW_BOXES} 个 / fewer than {FEW_BOXES} boxes there: {'、'.join(few) or '-'}"
    yield f"- 标记为夜间 / flagged `night`: {_share(tally.flags[_NIGHT], record.photos)}"
    stretched = [source.name for source in record.settings.sources if source.stretched]
    photos = sum(tally.total(source=name) for name in stretched)
    yield (
        f"- 被拉伸（失去长宽比）/ stretched, aspect ratio lost: {_share(photos, record.photos)}"
        f"（{'、'.join(stretched) or '-'}）"
    )
    yield f"- 有拍摄时间 / with a time of capture: {_share(known.dated, record.photos)}"
    yield f"- 有位置 / with GPS: {_share(known.placed, record.photos)}{_corners(known)}"
    yield "- 国家与城市：照片本身大多不说明，见各来源的备注。Countries and cities: see the notes of the sources."
    yield from (f"  - {s.name}: {' '.join(s.notes.split())}" for s in record.settings.sources if s.notes)


def _corners(known: Known) -> str:
    if known.corners is None:
        return ""
    south, west, north, east = known.corners
    return f"，北纬 / latitude {south}° 至 / to {north}°，东经 / longitude {west}° 至 / to {east}°"


def _cell(tally: Tally, category: str, part: str | None, source: str | None = None) -> str:
    shown = tally.of(tally.shown, category, part, source)
    boxes = tally.of(tally.boxes, category, part, source)
    return f"{shown:,} / {boxes:,} / {tally.of(tally.absent, category, part, source):,}"


def _named(category: str, catalogue: Catalogue) -> str:
    known = catalogue.get(category)
    return f"`{category}`" if known is None else f"{known.name_zh} `{category}`"


def _share(count: int, total: int) -> str:
    return f"{count:,} ({count / max(1, total):.1%})"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield _line(names)
    yield _line("---" for _ in names)
    yield from map(_line, rows)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
