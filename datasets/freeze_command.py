"""`patrol data freeze | verify | show | diff`: what they print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from datasets.card import shares, states_no_licence
from datasets.diff import Difference, difference
from datasets.errors import LabelError
from datasets.freeze import FreezeOptions, Frozen, freeze
from datasets.photo_table import PARTS
from datasets.store import LabelStore
from datasets.tally import Tally
from datasets.verify import verify
from datasets.versions import CARD, SHORT, FrozenPhoto, Version, Versions
from inference.categories import load_catalogue
from inference.printer import Printer

_LISTED: Final = 20
"""Names printed of a long list; JSON holds all."""


def freeze_version(data: Path, name: str, options: FreezeOptions, printer: Printer, *, as_json: bool) -> bool:
    """Freeze, and say what came of it; whether nothing was left out for being faulty."""
    store = LabelStore(data)
    wanted = store.sources() if options.sources is None else options.sources
    total = sum(store.about(source).photos for source in wanted)
    with printer.progress("读取照片 / reading photos", total) as advance:
        frozen = freeze(store, name, options, load_catalogue(), advance)
    if as_json:
        printer.json(_frozen_document(frozen))
    else:
        _print_frozen(frozen, printer)
    for problem in frozen.faulty:
        printer.error(f"未纳入 / left out: {problem}")
    return not frozen.faulty


def verify_version(data: Path, name: str, printer: Printer, *, as_json: bool) -> bool:
    """Read every photo again and name those that are missing or changed; whether there are none."""
    version = Versions(LabelStore(data).versions_folder).find(name)
    with printer.progress("核对照片 / verifying photos", version.record.photos) as advance:
        problems = list(verify(version, advance))
    if as_json:
        printer.json({"name": version.record.name, "id": version.record.id, "problems": problems})
        return not problems
    for problem in problems:
        printer.error(problem)
    outcome = f"{len(problems)} 处不符 / problems" if problems else "全部相符 / all as frozen"
    printer.text(f"{version.record.name} {version.record.short}: {version.record.photos:,} 张照片 / photos, {outcome}")
    return not problems


def show_versions(data: Path, printer: Printer, *, as_json: bool) -> None:
    """The versions there are."""
    versions = Versions(LabelStore(data).versions_folder)
    records = [versions.find(name).record for name in versions.names()]
    if as_json:
        printer.json({"versions": [record.model_dump(mode="json", exclude={"counts"}) for record in records]})
        return
    table = Table("版本 version", "id", "照片 photos", *PARTS, "起始版本 base", "冻结时间 frozen")
    for record in records:
        tally = Tally.from_rows(record.counts)
        parts = [f"{tally.total(part):,}" for part in PARTS]
        base = record.base.name if record.base else "-"
        table.add_row(record.name, record.short, f"{record.photos:,}", *parts, base, record.created[:16])
    printer.table(table)


def show_version(data: Path, name: str, printer: Printer, *, as_json: bool) -> None:
    """What one version holds."""
    version = Versions(LabelStore(data).versions_folder).find(name)
    if as_json:
        printer.json(version.record.model_dump(mode="json"))
        return
    _print_version(version, printer)


def show_group(data: Path, name: str, key: str, printer: Printer, *, as_json: bool) -> None:
    """The photos of one group and why they are together."""
    version = Versions(LabelStore(data).versions_folder).find(name)
    members = _group_members(version, key)
    joins = [join for join in version.joins() if join["first"] in members]
    group = next(iter(members.values())).photo.group
    if as_json:
        printer.json(
            {
                "group": group,
                "photos": [
                    {"key": m.photo.key, "split": m.photo.split, "path": str(m.photo.path)} for m in members.values()
                ],
                "joins": [_named_join(join, members) for join in joins],
            }
        )
        return
    printer.text(f"{group}: {len(members)} 张照片 / photos, {next(iter(members.values())).photo.split}")
    table = Table("照片 photo", "另一张 other photo", "同组原因 reason", "差距 measure")
    for join in (_named_join(join, members) for join in joins):
        table.add_row(join["first"], join["second"], join["reason"], _measured(join))
    printer.table(table)
    if not joins:
        printer.text("组内只有这一张 / it is the only photo of its group")


def show_difference(data: Path, a: str, b: str, printer: Printer, *, as_json: bool) -> bool:
    """What changed from a to b; whether no photo left test, or val for train."""
    versions = Versions(LabelStore(data).versions_folder)
    first, second = versions.find(a), versions.find(b)
    found = difference(first, second)
    if as_json:
        ids = {"a": first.record.id, "b": second.record.id}
        printer.json({**ids, "same": first.record.id == second.record.id, **found.as_dict()})
    else:
        _print_difference(first, second, found, printer)
    return not found.broken_promises


def _frozen_document(frozen: Frozen) -> dict[str, object]:
    record = frozen.version.record
    return {
        "name": record.name,
        "id": record.id,
        "folder": str(frozen.version.folder),
        "photos": record.photos,
        "same_as": list(frozen.same_as),
        "read": frozen.read,
        "left_out": list(record.left_out),
        "large_groups": list(record.large_groups),
        "counts": record.counts,
    }


def _print_frozen(frozen: Frozen, printer: Printer) -> None:
    record = frozen.version.record
    _print_version(frozen.version, printer)
    known = record.photos + len(frozen.faulty) - frozen.read
    printer.text(f"读取 / read {frozen.read:,} 个文件 / files, 其余已知 / known from before: {known:,}")
    if frozen.same_as:
        names = ", ".join(frozen.same_as)
        printer.text(f"内容与 {names} 完全相同，版本号相同 / the same content, and so the same id, as {names}")
    printer.text(f"数据卡 / data card: {frozen.version.folder / CARD}")


def _print_version(version: Version, printer: Printer) -> None:
    record, tally, catalogue = version.record, version.tally, load_catalogue()
    base = f"，起始版本 / base {record.base.name} {record.base.id[:SHORT]}" if record.base else ""
    printer.text(
        f"{record.name} {record.short}: {record.photos:,} 张照片 / photos, {record.groups:,} 组 / groups{base}"
    )
    sources = Table("来源 source", *PARTS, "许可 licence")
    for source in record.settings.sources:
        photos = [f"{tally.total(part, source.name):,}" for part in PARTS]
        sources.add_row(source.name, *photos, source.licence or "未声明 / NONE STATED")
    printer.table(sources)
    labels = Table("类别 category", *(f"{part} 照片/框" for part in PARTS), "val %", "test %")
    for category in (c for c in tally.categories if tally.of(tally.shown, c)):
        cells = [f"{tally.of(tally.shown, category, p):,} / {tally.of(tally.boxes, category, p):,}" for p in PARTS]
        name = f"{catalogue[category].name_zh} {category}" if category in catalogue else category
        labels.add_row(name, *cells, *(f"{share:.1%}" for share in shares(tally, category)))
    printer.table(labels)
    _print_warnings(version, printer)


def _print_warnings(version: Version, printer: Printer) -> None:
    record = version.record
    without = [source.name for source in record.settings.sources if states_no_licence(source)]
    if without:
        printer.error(f"未声明许可的来源 / sources with no licence stated: {', '.join(without)}")
    for group in record.large_groups:
        reasons = ", ".join(f"{reason} {count}" for reason, count in group["reasons"].items())
        printer.error(
            f"组 / group {group['group']}: {group['photos']:,} 张照片 / photos ({group['share']:.1%}): {reasons}。"
            f"看 / see `patrol data show {record.name} --group {group['group']}`; "
            "不对的话收紧分组条件再冻结 / if that is wrong, narrow what joins photos and freeze again"
        )


def _group_members(version: Version, key: str) -> dict[int, FrozenPhoto]:
    """Line of the manifest -> photo, of the group that is called `key`, or that the photo `key` is in."""
    group = next((f.photo.group for f in version.photos() if key in (f.photo.key, f.photo.group, f.sha256)), None)
    if group is None:
        problem = f"no photo or group {key!r}; give SOURCE/NAME of a photo, its SHA-256, or the name of a group"
        raise LabelError(version.folder, "", problem)
    return {line: frozen for line, frozen in enumerate(version.photos(), start=1) if frozen.photo.group == group}


def _named_join(join: dict[str, Any], members: dict[int, FrozenPhoto]) -> dict[str, Any]:
    keys = {end: members[join[end]].photo.key for end in ("first", "second")}
    return {**keys, "reason": join["reason"], "measure": join.get("measure", 0)}


_UNITS: Final = {"near-duplicate": "bits", "altered-copy": "", "same-scene": "", "same-place": "m", "burst": "s"}


def _measured(join: dict[str, Any]) -> str:
    unit = _UNITS.get(join["reason"])
    return "" if unit is None else f"{join['measure']:g} {unit}"


def _print_difference(a: Version, b: Version, found: Difference, printer: Printer) -> None:
    first, second = a.record, b.record
    printer.text(f"{first.name} {first.short} → {second.name} {second.short}")
    table = Table("变化 change", *PARTS, "合计 all")
    for title, keys in (("新增 added", found.added), ("移除 removed", found.removed)):
        counts = [len(keys.get(part, ())) for part in PARTS]
        table.add_row(title, *(f"{count:,}" for count in counts), f"{sum(counts):,}")
    printer.table(table)
    moves = Counter((move.before, move.after) for move in found.moved)
    for (before, after), count in sorted(moves.items()):
        printer.text(f"移动 / moved {before} → {after}: {count:,}")
    _print_names("改标 / relabelled", found.relabelled, printer)
    _print_names("改名 / renamed", [f"{old} → {new}" for old, new in found.renamed], printer)
    _print_counts(found, printer)
    if found.broken_promises:
        _print_names("违规移动 / moved out of test or val", [m.key for m in found.broken_promises], printer)
    else:
        printer.text("没有照片离开 test，也没有照片从 val 进入 train / no photo left test, or val for train")


def _print_counts(found: Difference, printer: Printer) -> None:
    categories = sorted({*found.boxes, *found.shown})
    if not categories:
        return
    table = Table("类别 category", "有此问题的照片 photos showing it", "框 boxes")
    for category in categories:
        cells = (counts.get(category) for counts in (found.shown, found.boxes))
        table.add_row(category, *("" if c is None else f"{c[0]:,} → {c[1]:,} ({c[1] - c[0]:+,})" for c in cells))
    printer.table(table)


def _print_names(title: str, names: Sequence[str], printer: Printer) -> None:
    if not names:
        return
    printer.text(f"{title}: {len(names):,}")
    for name in names[:_LISTED]:
        printer.text(f"  {name}")
    if len(names) > _LISTED:
        printer.text(f"  ... {len(names) - _LISTED:,} 更多 / more: --json")
