"""`patrol feedback export` and `patrol feedback purge`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from inference.errors import PatrolError
from inference.feedback.database import OUTAGES, Database, DatabaseError, reason
from inference.feedback.export import PHOTOS, ExportFilter, export
from inference.feedback.kept_photos import Stores
from inference.feedback.retention import purge
from inference.printer import Printer
from inference.settings import load_settings

_SHOWN: Final = 10


class TimeError(PatrolError):
    """A time on the command line is none."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the command line says.

    Attributes:
        out: The file of lines.
        database: Its URL; None: the service's.
        since: Date or time, ISO 8601; None: from the first.
        until: Date or time, which is left out; None: to the last.
        only_confirmed: Only where a category was confirmed.
        photos: Whether to copy kept photos beside the file.
        as_json: Whether a program reads the answer.
    """

    out: Path
    database: str | None = None
    since: str | None = None
    until: str | None = None
    only_confirmed: bool = False
    photos: bool = False
    as_json: bool = False


def export_feedback(request: ExportRequest, printer: Printer) -> bool:
    """Write feedback as labels; whether all of it could be.

    Raises:
        PatrolError: There is no such database, a time is wrong, or the file cannot be written.
    """
    wanted = ExportFilter(moment("--since", request.since), moment("--until", request.until), request.only_confirmed)
    with closing(_open(request.database)) as database:
        try:
            done = export(database, wanted, request.out, Stores() if request.photos else None)
        except OUTAGES as error:
            raise DatabaseError(f"the feedback database does not answer: {reason(error)}") from error
    if request.as_json:
        counts = {"requests": done.requests, "lines": done.lines, "photos": done.photos, "missing": done.missing}
        printer.json({"out": str(request.out), **counts, "failures": done.failures})
        return not done.failures
    printer.text(
        f"{request.out}: {done.lines} 行，{done.requests} 个请求 / {done.lines} lines, {done.requests} requests"
    )
    if request.photos:
        where = request.out.parent / PHOTOS
        printer.text(
            f"{where}: {done.photos} 张照片，{done.missing} 张未留存 / {done.photos} photos, {done.missing} not kept"
        )
    _list_failures(done.failures, printer)
    return not done.failures


def purge_kept(
    database: str | None, photos_days: float | None, records_days: float | None, *, as_json: bool, printer: Printer
) -> bool:
    """Delete photos and records older than some days; whether all of them could be.

    Args:
        database: Its URL; None: the service's.
        photos_days: None: as the service's settings say.
        records_days: None: as the service's settings say, which may be never.
        as_json: Whether a program reads the answer.
        printer: Tells what was deleted.
    """
    settings, now = load_settings(), datetime.now(UTC)
    photos = settings.keep_photos_days if photos_days is None else photos_days
    records = settings.keep_records_days if records_days is None else records_days
    with closing(_open(database)) as opened:
        try:
            done = purge(
                opened,
                Stores(),
                now - timedelta(days=photos),
                None if records is None else now - timedelta(days=records),
            )
        except OUTAGES as error:
            raise DatabaseError(f"the feedback database does not answer: {reason(error)}") from error
    if as_json:
        printer.json({"photos": done.photos, "records": done.records, "failures": done.failures})
    else:
        printer.text(
            f"已删除 {done.photos} 张照片、{done.records} 条记录 / deleted {done.photos} photos, {done.records} records"
        )
        _list_failures(done.failures, printer)
    return not done.failures


def moment(option: str, text: str | None) -> datetime | None:
    """A date, which stands for its first moment here, or a time; without a time zone, of this machine's.

    Raises:
        TimeError: It is neither.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        hint = "give a date such as 2026-05-01, or a time such as 2026-05-01T08:00:00+08:00"
        raise TimeError(f"{option} {text!r} is no time: {hint}") from error


def _open(address: str | None) -> Database:
    url = load_settings().feedback_database if address is None else address
    if url is None:
        raise DatabaseError("feedback_database is null in service.yaml: give --database, or set it there")
    return Database.open(url, create=False)


def _list_failures(failures: list[str], printer: Printer) -> None:
    for failure in failures[:_SHOWN]:
        printer.error(failure)
    if len(failures) > _SHOWN:
        printer.error(f"... and {len(failures) - _SHOWN} more")
