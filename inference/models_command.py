"""`patrol models ...`: what the commands print."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from inference.model_files import StoreError
from inference.model_store import ModelStore, StoredPackage
from inference.package import DESCRIPTION
from inference.printer import Printer
from inference.promotions import Promotion

_ALIAS_NAMES: Final = {"champion": "现用 champion", "previous": "上一个 previous"}
_ACTION_NAMES: Final = {"promote": "上线 promote", "rollback": "回退 rollback"}


def list_models(place: str, printer: Printer, *, as_json: bool) -> None:
    """The packages there are, and which one is in production."""
    store = ModelStore(place)
    packages = store.packages()
    if as_json:
        now = store.current()
        printer.json(
            {"store": place, "revision": now.revision if now else 0, "models": [_document(p) for p in packages]}
        )
        return
    table = Table("模型 model", "别名 alias", "数据版本 data", "制作时间 made", "类别 categories", "预填 pre-filled")
    for stored in packages:
        prefilled = [c for c, decision in stored.description.decisions.items() if decision.prefill is not None]
        table.add_row(
            stored.reference,
            ", ".join(_ALIAS_NAMES[alias] for alias in stored.aliases),
            stored.description.data.version,
            stored.description.created[:16],
            str(len(stored.description.categories)),
            ", ".join(prefilled) or "-",
        )
    printer.table(table)
    if not packages:
        printer.text(f"{place}: 还没有模型 / no model yet; `patrol models add DIR`")


def show_history(place: str, printer: Printer, *, as_json: bool) -> None:
    """Every change of the champion, the latest first."""
    changes = ModelStore(place).history()
    if as_json:
        printer.json({"store": place, "promotions": [change.model_dump(mode="json") for change in changes]})
        return
    table = Table("序号 no.", "时间 when", "操作 what", "模型 model", "何人 who", "门禁 gate", "原因 why")
    for change in changes:
        gate = "-" if change.action == "rollback" else "通过 passed" if change.gate else "未经 not asked"
        table.add_row(
            str(change.revision),
            change.at[:16],
            _ACTION_NAMES[change.action],
            change.champion.reference,
            change.by,
            gate,
            change.why,
        )
    printer.table(table)


def add_model(place: str, folder: Path, printer: Printer, *, as_json: bool) -> None:
    """Keep a copy of a package."""
    stored = ModelStore(place).add(folder)
    if as_json:
        printer.json(_document(stored))
    else:
        printer.text(f"已收入 / stored: {stored.reference} ({stored.pinned.sha256[:12]})")


def promote_model(
    place: str,
    name: str,
    *,
    by: str | None,
    why: str,
    gate: Path | None,
    is_ungated: bool,
    as_json: bool,
    printer: Printer,
) -> None:
    """Make a package the champion."""
    store = ModelStore(place)
    report = None if gate is None else _read_report(gate)
    _print_change(store.promote(name, by=by or user(), why=why, gate=report, is_ungated=is_ungated), printer, as_json)


def rollback_model(place: str, *, by: str | None, why: str, as_json: bool, printer: Printer) -> None:
    """Make the previous champion the champion again."""
    _print_change(ModelStore(place).rollback(by=by or user(), why=why), printer, as_json)


def verify_models(place: str, names: Sequence[str], printer: Printer, *, as_json: bool) -> bool:
    """Look at packages again, all or those named; whether nothing is wrong."""
    store = ModelStore(place)
    wanted = list(names) or [stored.reference for stored in store.packages()]
    with printer.progress("核对模型 / verifying models", len(wanted)) as advance:
        found = []
        for name in wanted:
            found.append(store.verify(name))
            advance()
    if as_json:
        rows = [{"model": one.reference, "problem": one.problem, "golden": dict(one.golden)} for one in found]
        printer.json({"store": place, "models": rows})
        return not any(one.problem for one in found)
    for one in found:
        if one.problem:
            printer.error(f"{one.reference}: {one.problem}")
        else:
            worst = max(one.golden.values(), default=0.0)
            printer.text(
                f"{one.reference}: 文件与输出均相符 / files and golden outputs as they were "
                f"({len(one.golden)} 张 / pictures, 最大差 / largest difference {worst:.1e})"
            )
    return not any(one.problem for one in found)


def fetch_model(place: str, name: str, cache: Path, printer: Printer, *, as_json: bool) -> None:
    """A package on this machine's disk; its folder is printed."""
    package = ModelStore(place).fetch(name, cache)
    if as_json:
        printer.json(
            {"folder": str(package.folder), "name": package.description.name, "version": package.description.version}
        )
    else:
        printer.text(str(package.folder))


def user() -> str:
    """Who runs this process, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _read_report(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read as the JSON report of `patrol gate` ({error})") from error
    if not isinstance(found, dict):
        raise StoreError(f"{path}: is no JSON report of `patrol gate`")
    return found


def _document(stored: StoredPackage) -> dict[str, Any]:
    about = stored.description
    return {
        "name": about.name,
        "version": about.version,
        "reference": stored.reference,
        "aliases": list(stored.aliases),
        f"{DESCRIPTION}_sha256": stored.pinned.sha256,
        "data_version": about.data.version,
        "created": about.created,
        "categories": list(about.categories),
        "prefilled": [c for c, decision in about.decisions.items() if decision.prefill is not None],
    }


def _print_change(change: Promotion, printer: Printer, as_json: bool) -> None:
    if as_json:
        printer.json(change.model_dump(mode="json"))
        return
    printer.text(f"现用 / champion: {change.champion.reference}")
    if change.previous is not None:
        printer.text(
            f"上一个 / previous: {change.previous.reference}  (`patrol models rollback` 可退回 / goes back to it)"
        )
