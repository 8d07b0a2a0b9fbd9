"""Feedback as training labels, in the lines that docs/feedback-format.md describes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from inference.errors import PatrolError
from inference.feedback.database import Database
from inference.feedback.kept_photos import KeptFile, Stores, fetch
from inference.feedback.photo_store import PhotoStoreError
from inference.feedback.store import public_id
from inference.feedback.tables import Feedback, Record

SCHEMA: Final = "street-patrol/feedback/1"
PHOTOS: Final = "photos"
"""Folder beside the file of lines that kept photos are copied to."""

_UNUSABLE: Final = "unusable"
_STREAMED: Final = 500  # records in memory at once


class ExportError(PatrolError):
    """The export cannot be written."""


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which feedback to export: the latest on each request, where it fits.

    Attributes:
        since: Given not before.
        until: Given before.
        only_confirmed: Only where a category was confirmed.
    """

    since: datetime | None = None
    until: datetime | None = None
    only_confirmed: bool = False


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        requests: Requests with feedback.
        lines: One per photo that could be read.
        photos: Copied files.
        missing: Lines whose photo is not kept.
        failures: Why kept photos could not be copied.
    """

    requests: int = 0
    lines: int = 0
    photos: int = 0
    missing: int = 0
    failures: list[str] = field(default_factory=list)


def export(database: Database, wanted: ExportFilter, out: Path, stores: Stores | None) -> Exported:
    """Write feedback to a file, which is there whole or not at all.

    Args:
        database: Where it is.
        wanted: Which.
        out: The file of lines.
        stores: Where photos are kept, to copy them to the folder `photos` beside the file; None: no photos.

    Raises:
        ExportError: The file cannot be written.
    """
    exported = Exported()
    copier = None if stores is None else _Copier(database, stores, out.parent / PHOTOS, exported)
    with _whole_file(out) as file:
        for record, feedback in _latest(database, wanted):
            if wanted.only_confirmed and not feedback.categories:
                continue
            exported.requests += 1
            for line in lines_of(record, feedback):
                if copier is not None:
                    copier.copy(line["photo"])
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                exported.lines += 1
    return exported


def lines_of(record: Record, feedback: Feedback) -> Iterator[dict[str, Any]]:
    """The lines of one request: one per photo that could be read."""
    said = {photo["index"]: photo for photo in feedback.photos}
    for photo in record.photos:
        if photo["error"] is None:
            yield _line(record, feedback, photo, said.get(photo["index"], {}))


def _line(record: Record, feedback: Feedback, photo: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    boxes = said.get("boxes", [])
    confirmed, on_case = _confirmed(record, feedback, photo, said)
    return {
        "schema": SCHEMA,
        "request_id": public_id(record),
        "external_id": record.external_id,
        "confirmed_at": feedback.recorded_at.isoformat(),
        "photo": {
            "filename": photo["filename"] or photo["sha256"],
            "sha256": photo["sha256"],
            "width": photo["width"],
            "height": photo["height"],
        },
        "model": {"name": record.model_name, "version": record.model_version, "data_version": record.data_version},
        "suggested": photo["suggestions"],
        "searched": feedback.searched,
        "confirmed": confirmed,
        "confirmed_on_case": on_case,
        **_denied(feedback, photo, boxes),
        "boxes": boxes,
        "exhaustive_for": said.get("exhaustive_for", []),
        "flags": [_UNUSABLE] if feedback.verdict == "unusable" else [],
    }


def _confirmed(
    record: Record, feedback: Feedback, photo: Mapping[str, Any], said: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """(what this photo shows, what some photo of the case shows and perhaps this one)."""
    if len(record.photos) == 1:
        return feedback.categories, []
    named = said.get("categories")
    here = {each["category"] for each in photo["suggestions"]} if named is None else {*named}
    here |= {box["category"] for box in said.get("boxes", [])}
    shown = [category for category in feedback.categories if category in here]
    return shown, [category for category in feedback.categories if category not in here]


def _denied(feedback: Feedback, photo: Mapping[str, Any], boxes: list[Any]) -> dict[str, Any]:
    """What the photo does not show.

    Bins drawn on a photo without an issue: the format takes no box beside `no_issue`, so that the same is said
    by striking out one by one.
    """
    absent = dict.fromkeys(feedback.rejected)
    is_no_issue = feedback.verdict == "no_issue"
    if is_no_issue and boxes:
        absent.update(dict.fromkeys([*(each["category"] for each in photo["suggestions"]), *feedback.searched]))
    return {
        "rejected": list(absent),
        "no_issue": is_no_issue and not boxes,
        "unrelated": feedback.verdict == "unrelated",
    }


def _latest(database: Database, wanted: ExportFilter) -> Iterator[tuple[Record, Feedback]]:
    """The latest feedback on each request, in the order in which it was given."""
    with database.reading() as session:
        rows = session.execute(_query(wanted).execution_options(yield_per=_STREAMED))
        yield from ((record, feedback) for record, feedback in rows)


def _query(wanted: ExportFilter) -> Select[Record, Feedback]:
    other = aliased(Feedback)
    last = select(func.max(other.revision)).where(other.record_id == Feedback.record_id).scalar_subquery()
    query = select(Record, Feedback).join(Feedback, Feedback.record_id == Record.id).where(Feedback.revision == last)
    if wanted.since is not None:
        query = query.where(Feedback.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Feedback.recorded_at < wanted.until)
    return query.order_by(Feedback.recorded_at, Feedback.id)


class _Copier:
    """Copies kept photos, each once, and notes in the lines where they are."""

    def __init__(self, database: Database, stores: Stores, folder: Path, exported: Exported) -> None:
        self._database = database
        self._stores = stores
        self._folder = folder
        self._exported = exported
        self._names: dict[str, str | None] = {}

    def copy(self, photo: dict[str, Any]) -> None:
        """Copy the photo of a line, and add its `location`."""
        sha256 = photo["sha256"]
        if sha256 not in self._names:
            self._names[sha256] = self._copied(sha256)
        name = self._names[sha256]
        if name is None:
            self._exported.missing += 1
        else:
            photo["location"] = f"{PHOTOS}/{name}"

    def _copied(self, sha256: str) -> str | None:
        try:
            kept = fetch(self._database, self._stores, sha256)
        except PhotoStoreError as error:
            self._exported.failures.append(str(error))
            return None
        if kept is None:
            return None
        self._write(kept)
        self._exported.photos += 1
        return kept.name

    def _write(self, kept: KeptFile) -> None:
        path = self._folder / kept.name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept.content)
        except OSError as error:
            raise ExportError(f"{path}: cannot be written ({error.strerror}); give another --out") from error


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """A file to write, put in its place only when all of it is on disk."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}); give another --out") from error
    finally:
        partial.unlink(missing_ok=True)
