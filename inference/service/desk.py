"""Where the service keeps what it answered, and takes what officers make of it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request

from inference.errors import PatrolError
from inference.feedback.audit import AuditRecord, Suggested, base_name, kept_detections, storable
from inference.feedback.database import OUTAGES, Database, DatabaseError, UnreachableError, reason
from inference.feedback.insight import Analyst, DriftRule
from inference.feedback.kept_photos import KeptFile, Stores, fetch, keep
from inference.feedback.photo_store import PhotoStoreError, full_place
from inference.feedback.store import add_records
from inference.feedback.writer import BackgroundWriter
from inference.service.answers import ClassifyAnswer, PhotoAnswer
from inference.service.problems import DATABASE_UNAVAILABLE, FEEDBACK_OFF, PHOTO_STORE_UNAVAILABLE, Problem
from inference.service.retention import RetentionJob
from inference.service.uploads import Submission
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)

_FLUSH_SECONDS: Final = 5.0  # that a question waits for records answered just before
_CLOSE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = "5"

T = TypeVar("T")


class Desk:
    """Records, feedback and kept photos of one service; where it is off, it does nothing.

    Args:
        settings: The service's.

    Attributes:
        analyst: Says what the records add up to.
        stores: Where photos are kept.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.analyst = Analyst(DriftRule(settings.drift_threshold, settings.drift_requests, settings.drift_reference))
        self._database: Database | None = None
        self._opening = threading.Lock()
        self.stores = Stores()
        self._writer: BackgroundWriter[AuditRecord] | None = None
        self._keeper: BackgroundWriter[tuple[str, bytes]] | None = None
        self._retention = RetentionJob(settings, self.database, self.stores)

    @property
    def is_on(self) -> bool:
        """Whether records are kept at all."""
        return self.settings.feedback_database is not None

    async def open(self, on_failure: Callable[[PatrolError], None]) -> None:
        """Open the database; one that does not answer now is tried again whenever it is needed.

        Args:
            on_failure: Told why the database cannot be used as it is set up.
        """
        if not self.is_on:
            return
        self._writer = BackgroundWriter("records of answered requests", self._write, self.settings.feedback_buffer)
        try:
            await asyncio.to_thread(self._start)
        except UnreachableError as error:
            log.warning("records wait until the feedback database answers", extra={"fields": {"error": str(error)}})
        except PatrolError as error:
            on_failure(error)
        except Exception as error:
            log.exception("opening the feedback database failed")
            on_failure(PatrolError(f"opening the feedback database failed: {error!r}"))

    def _start(self) -> None:
        place = self.settings.keep_photos
        if place is not None:
            self.stores.at(full_place(place))  # a place that there cannot be is told now
            self._keeper = BackgroundWriter(
                "photos", self._keep, self.settings.keep_photos_buffer, weigh=lambda photo: len(photo[1]), batch=1
            )
        self._retention.start()
        self.database()

    def close(self) -> None:
        """Write what waits, and end."""
        self._retention.close()
        for writer in (self._writer, self._keeper):
            if writer is not None:
                writer.close(_CLOSE_SECONDS)
        if self._database is not None:
            self._database.close()

    def database(self) -> Database:
        """The database, opened where it was not yet.

        Raises:
            DatabaseError: It cannot be.
        """
        with self._opening:
            if self._database is None:
                self._database = Database.open(str(self.settings.feedback_database))
            return self._database

    def note(self, answer: ClassifyAnswer, submission: Submission, seconds: float, floor: float) -> None:
        """Keep a record of an answer, and its photos where they are kept; never fails, and never waits.

        Args:
            answer: What the client gets.
            submission: What it sent.
            seconds: How long it took.
            floor: Of the model's detections.
        """
        if self._writer is None:
            return
        try:
            self._writer.offer(_record(answer, submission, seconds, floor, self.settings))
            if self._keeper is not None:
                for photo in _readable(answer, submission):
                    self._keeper.offer(photo)
        except Exception:
            log.exception("no record of an answer", extra={"fields": {"request_id": answer.request_id}})

    async def ask(self, question: Callable[[Database], T]) -> T:
        """What a function of the database gives, after everything answered before is in it.

        Raises:
            Problem: The database does not answer.
        """
        return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: Callable[[Database], T]) -> T:
        try:
            if self._writer is not None:
                self._writer.flush(_FLUSH_SECONDS)
            return question(self.database())
        except (*OUTAGES, DatabaseError) as error:
            log.warning("the feedback database does not answer", extra={"fields": {"error": reason(error)}})
            detail = "The feedback database does not answer; nothing was stored. Send the request again later."
            raise Problem(DATABASE_UNAVAILABLE, detail, headers={"Retry-After": _RETRY_SECONDS}) from error

    async def photo(self, sha256: str) -> KeptFile | None:
        """A kept photo, or None.

        Raises:
            Problem: Its place cannot be reached.
        """
        try:
            return await self.ask(lambda database: fetch(database, self.stores, sha256))
        except PhotoStoreError as error:
            log.warning("a kept photo cannot be read", extra={"fields": {"error": str(error)}})
            detail = "The place that photos are kept in cannot be reached; try again later."
            raise Problem(PHOTO_STORE_UNAVAILABLE, detail, headers={"Retry-After": _RETRY_SECONDS}) from error

    def _write(self, records: Sequence[AuditRecord]) -> None:
        add_records(self.database(), records)

    def _keep(self, photos: Sequence[tuple[str, bytes]]) -> None:
        for sha256, content in photos:
            keep(self.database(), self.stores, str(self.settings.keep_photos), sha256, content, datetime.now(UTC))

    @property
    def waiting(self) -> int:
        """Records not yet written."""
        return 0 if self._writer is None else self._writer.waiting

    @property
    def lost(self) -> int:
        """Records that were never written."""
        return 0 if self._writer is None else self._writer.lost

    @property
    def photos_lost(self) -> int:
        """Photos that were to be kept, and were never written."""
        return 0 if self._keeper is None else self._keeper.lost

    @property
    def error(self) -> str | None:
        """Why the last write of a record or photo failed; None where both went well."""
        errors = (writer.error for writer in (self._writer, self._keeper) if writer is not None)
        return next((error for error in errors if error is not None), None)


def _record(
    answer: ClassifyAnswer, submission: Submission, seconds: float, floor: float, settings: ServiceSettings
) -> AuditRecord:
    model, options = answer.model, submission.options
    sizes = [len(upload.content) if isinstance(upload.content, bytes) else None for upload in submission.uploads]
    photos = [_photo(photo, size, floor, settings) for photo, size in zip(answer.photos, sizes, strict=True)]
    return AuditRecord(
        request_id=answer.request_id,
        external_id=storable(options.external_id),
        grid_id=storable(options.grid_id),
        point_type=storable(options.point_type),
        received_at=datetime.now(UTC) - timedelta(seconds=seconds),
        model=(model.name, model.version, model.data_version),
        verdict=answer.verdict,
        latency_ms=round(seconds * 1000, 1),
        suggestions=tuple(
            Suggested(each.category, each.probability, each.decision, tuple(each.photo_indexes))
            for each in answer.suggestions
        ),
        photos=tuple(photos),
    )


def _readable(answer: ClassifyAnswer, submission: Submission) -> Iterator[tuple[str, bytes]]:
    """(sha256, bytes) of the photos that were judged: what is no photo is not kept."""
    for photo, upload in zip(answer.photos, submission.uploads, strict=True):
        if photo.error is None and photo.sha256 is not None and isinstance(upload.content, bytes):
            yield photo.sha256, upload.content


def _photo(photo: PhotoAnswer, size: int | None, floor: float, settings: ServiceSettings) -> dict[str, object]:
    suggested = [each.model_dump(include={"category", "probability", "decision"}) for each in photo.suggestions]
    detections = [each.model_dump(mode="json") for each in photo.detections]
    return {
        "index": photo.index,
        "filename": base_name(photo.filename) if settings.feedback_filenames else "",
        "sha256": photo.sha256,
        "bytes": size,
        "width": photo.width,
        "height": photo.height,
        "verdict": photo.verdict,
        "warnings": photo.warnings,
        "suggestions": suggested,
        "detections": kept_detections(detections, floor),
        "error": None if photo.error is None else photo.error.model_dump(),
    }


def desk_of(request: Request) -> Desk:
    """The desk of the app."""
    desk: Desk = request.app.state.desk
    return desk


def _open_desk(request: Request) -> Desk:
    desk = desk_of(request)
    if not desk.is_on:
        raise Problem(FEEDBACK_OFF, "feedback_database is null: set it in service.yaml to keep records and feedback.")
    return desk


OpenDesk = Annotated[Desk, Depends(_open_desk)]
