"""The file that holds what is kept of API keys."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from inference.api_key import KeyRecord, Scope
from inference.errors import ConfigError, PatrolError
from inference.rates import checked_rate

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION: Final = 1
_PRIVATE: Final = 0o600
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_REMEDY: Final = "Put back a copy of it, or move it away and create keys anew: patrol keys create NAME."


class KeyNameError(PatrolError):
    """There is a key of this name already, or there is none."""


def is_name(text: str) -> bool:
    """Whether a key may have this name, which goes into log lines."""
    return _NAME.fullmatch(text) is not None


def _checked_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("a name has up to 64 letters, digits, dots, hyphens and underscores")
    return text


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: Annotated[str, AfterValidator(_checked_name)]
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    rate: Annotated[str, AfterValidator(checked_rate)] | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    keys: list[_Entry]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Records of keys in a JSON file that only its owner reads; several processes may change it.

    Attributes:
        path: The file; it need not exist.
    """

    path: Path

    def records(self) -> tuple[KeyRecord, ...]:
        """All records, the oldest first; none if there is no file.

        Raises:
            ConfigError: It cannot be read or is broken, or others may change it.
        """
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            remedy = "Let the user that runs the service read it."
            raise ConfigError(self.path, None, f"cannot be read ({error.strerror})", remedy) from error
        if mode & _OTHERS_MAY_WRITE:
            problem = "may be changed by other users, who could add keys of their own"
            raise ConfigError(self.path, None, problem, f"Look for keys you do not know, then: chmod 600 {self.path}")
        return self._parsed(text)

    def add(self, record: KeyRecord) -> None:
        """Keep one more record.

        Raises:
            KeyNameError: Its name is taken, also by a key that is no longer accepted: logs must stay unambiguous.
            ConfigError: The file cannot be read or written.
        """
        with self._changing():
            records = self.records()
            if record.name in {each.name for each in records}:
                raise KeyNameError(
                    f"{self.path}: there is or was a key named {record.name}; give another name, such as "
                    f"{record.name}-{datetime.now(UTC):%Y-%m}"
                )
            self._write((*records, record))

    def revoke(self, name: str) -> KeyRecord:
        """Have a key refused from now on; a key that is revoked already stays as it is.

        Raises:
            KeyNameError: There is no key of this name or id.
            ConfigError: The file cannot be read or written.
        """
        with self._changing():
            records = self.records()
            found = next((each for each in records if name in (each.name, each.id)), None)
            if found is None:
                names = ", ".join(each.name for each in records) or "none"
                raise KeyNameError(f"{self.path}: there is no key named {name}; there are: {names}")
            if found.revoked_at is not None:
                return found
            revoked = replace(found, revoked_at=datetime.now(UTC))
            self._write(tuple(revoked if each is found else each for each in records))
            return revoked

    def _parsed(self, text: bytes) -> tuple[KeyRecord, ...]:
        try:
            document = _Document.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise ConfigError(self.path, None, f"is no file of keys ({where}: {first['msg']})", _REMEDY) from error
        return tuple(KeyRecord(**dict(entry)) for entry in document.keys)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One process at a time reads and writes; the lock ends with it, however it ends."""
        try:
            folder = os.open(self._target.parent, os.O_RDONLY)
        except OSError as error:
            raise ConfigError(self.path, None, f"has no folder ({error.strerror})", "Make it first.") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, records: tuple[KeyRecord, ...]) -> None:
        """Replace the file in one step, so that a reader sees the old or the new one."""
        document = {"version": _VERSION, "keys": [_told(record) for record in records]}
        target = self._target
        try:
            with NamedTemporaryFile("w", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
                temporary = Path(file.name)
                os.fchmod(file.fileno(), _PRIVATE)
                _give_to_owner(file.fileno(), target)
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync(target.parent)
        except OSError as error:
            remedy = "Run the command as the user that runs the service."
            raise ConfigError(self.path, None, f"cannot be written ({error.strerror})", remedy) from error

    @property
    def _target(self) -> Path:
        return self.path.resolve()  # a link stays a link


def _give_to_owner(descriptor: int, target: Path) -> None:
    """Written by root, the file stays its owner's, or becomes its folder's owner's, so that the service reads it."""
    if os.geteuid() == 0:
        owner = (target if target.exists() else target.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(record: KeyRecord) -> Mapping[str, Any]:
    return _Entry(**{name: getattr(record, name) for name in _Entry.model_fields}).model_dump(mode="json")
