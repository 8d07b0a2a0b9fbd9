"""The keys a running service accepts."""

from __future__ import annotations

import logging
from pathlib import Path

from inference.api_key import ApiKey, KeyRecord
from inference.errors import ConfigError
from inference.key_file import KeyFile

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int] | None


class Keyring:
    """Keys of a file, read again when it changes, so that a key works or stops working without a restart.

    A file that is broken changes nothing until it is mended (its end would lock everybody out); one that is gone
    leaves no key.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = KeyFile(path)
        self._stamp: _Stamp = None
        self._records: dict[str, KeyRecord] = {}

    def find(self, text: str) -> KeyRecord | None:
        """The record of a key as it was sent, whatever its state; None if there is no such key."""
        key = ApiKey.read(text)
        if key is None:
            return None
        self._refresh()
        record = self._records.get(key.id)
        return record if record is not None and record.is_of(key) else None

    def _refresh(self) -> None:
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._records = {record.id: record for record in self._file.records()}
        except ConfigError as error:
            log.error("keys not read, the former ones are kept", extra={"fields": {"error": str(error)}})  # noqa: TRY400
            return
        log.info("keys read", extra={"fields": {"keys": len(self._records)}})

    def _stamp_now(self) -> _Stamp:
        try:
            found = self._file.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
