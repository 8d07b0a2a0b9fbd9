"""`patrol keys`: who may use the service, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich import box
from rich.table import Table

from inference.api_key import ApiKey, KeyRecord, Scope
from inference.key_file import KeyFile
from inference.printer import Printer


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be.

    Attributes:
        name: Who will use it.
        scopes: What for.
        days: How long it is accepted, or None for ever.
        rate: Its own rate limit, or None for the service's.
    """

    name: str
    scopes: Sequence[Scope]
    days: int | None
    rate: str | None


def create(path: Path, wanted: NewKey, printer: Printer, *, as_json: bool) -> None:
    """Make a key and show it, this once.

    Raises:
        PatrolError: The name is taken, or the file cannot be written.
    """
    key = ApiKey.new()
    now = datetime.now(UTC).replace(microsecond=0)
    record = KeyRecord(
        id=key.id,
        name=wanted.name,
        sha256=key.sha256,
        scopes=frozenset(wanted.scopes),
        created_at=now,
        expires_at=None if wanted.days is None else now + timedelta(days=wanted.days),
        rate=wanted.rate,
    )
    KeyFile(path).add(record)
    if as_json:
        printer.json({"key": key.text, **_told(record)})
        return
    printer.note(f"密钥 {record.name}（{_scopes(record)}）已写入 {path}；只显示这一次，请立即保存。")
    printer.note(f"Key {record.name} ({_scopes(record)}) is kept in {path}. It is shown this once: save it now.")
    printer.note("Authorization: Bearer KEY")
    printer.text(key.text)


def show(path: Path, printer: Printer, *, as_json: bool) -> None:
    """List the keys; never their secrets.

    Raises:
        PatrolError: The file cannot be read.
    """
    records = KeyFile(path).records()
    if as_json:
        printer.json({"keys": [_told(record) for record in records]})
    elif records:
        printer.table(_table(records))
    else:
        printer.note(f"{path} 中没有密钥 / has no keys; create one: patrol keys create NAME")


def revoke(path: Path, name: str, printer: Printer, *, as_json: bool) -> None:
    """Have a key refused from now on; a running service notices at its next request.

    Raises:
        PatrolError: There is no such key, or the file cannot be written.
    """
    record = KeyFile(path).revoke(name)
    if as_json:
        printer.json(_told(record))
    else:
        printer.note(f"密钥 {record.name} 已停用 / key {record.name} is revoked; running services refuse it at once")


def _table(records: Sequence[KeyRecord]) -> Table:
    """One line per key, whole also where a terminal has 80 columns."""
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    table.add_column("名称\nname", overflow="fold")
    for heading in ("编号\nid", "状态\nstate", "到期\nexpires"):
        table.add_column(heading, no_wrap=True)
    table.add_column("范围\nscopes", overflow="fold")
    table.add_column("限速\nrate", overflow="fold")
    for record in records:
        expires = "-" if record.expires_at is None else f"{record.expires_at.astimezone():%Y-%m-%d}"
        table.add_row(record.name, record.id, record.state, expires, _scopes(record), record.rate or "-")
    return table


def _scopes(record: KeyRecord) -> str:
    return ", ".join(sorted(record.scopes))


def _told(record: KeyRecord) -> dict[str, object]:
    times = {"created_at": record.created_at, "expires_at": record.expires_at, "revoked_at": record.revoked_at}
    return {
        "name": record.name,
        "id": record.id,
        "scopes": sorted(record.scopes),
        "state": record.state,
        "rate": record.rate,
        **{name: None if time is None else time.isoformat() for name, time in times.items()},
    }
