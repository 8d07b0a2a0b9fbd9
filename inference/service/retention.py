"""The job that deletes photos and records when their days are over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from inference.feedback.database import OUTAGES, Database, DatabaseError, reason
from inference.feedback.kept_photos import Stores
from inference.feedback.retention import Purged, purge
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)

_SHOWN: Final = 5
_JOIN_SECONDS: Final = 10.0


class RetentionJob:
    """Looks for what is to be deleted, at once and then again and again.

    Args:
        settings: How long photos and records are kept, and how often to look.
        database: Gives the database; raises DatabaseError.
        stores: Where photos are.
    """

    def __init__(self, settings: ServiceSettings, database: Callable[[], Database], stores: Stores) -> None:
        self._settings = settings
        self._database = database
        self._stores = stores
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End soon; what is left is deleted after the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._tell(self._purge())
            except (*OUTAGES, DatabaseError) as error:
                log.warning("nothing could be deleted", extra={"fields": {"error": reason(error)}})
            except Exception:
                log.exception("deleting what is over its days failed")
            self._stop.wait(self._settings.retention_minutes * 60)

    def _purge(self) -> Purged:
        now, days = datetime.now(UTC), self._settings.keep_records_days
        return purge(
            self._database(),
            self._stores,
            now - timedelta(days=self._settings.keep_photos_days),
            None if days is None else now - timedelta(days=days),
            lambda: not self._stop.is_set(),
        )

    @staticmethod
    def _tell(purged: Purged) -> None:
        if purged.photos or purged.records:
            log.info("deleted", extra={"fields": {"photos": purged.photos, "records": purged.records}})
        if purged.failures:
            fields = {"photos": len(purged.failures), "why": purged.failures[:_SHOWN]}
            log.warning("photos are over their days, but cannot be deleted", extra={"fields": fields})
