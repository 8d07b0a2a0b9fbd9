"""API keys: what one looks like, and what is kept of it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

_PREFIX: Final = "patrol_"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH: Final = 8
_SECRET_LENGTH: Final = 43  # 62 ** 43 is just over 2 ** 256
_CHECKSUM_LENGTH: Final = 6  # 62 ** 6 is over 2 ** 32
_PATTERN: Final = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_ID_LENGTH + _SECRET_LENGTH + _CHECKSUM_LENGTH}}}")


class Scope(StrEnum):
    """What a key may be used for."""

    CLASSIFY = "classify"
    FEEDBACK = "feedback"
    ADMIN = "admin"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner holds it: `patrol_`, 8 characters that name it, 43 secret ones, 6 of checksum.

    The prefix makes a leaked key findable (`grep -rE 'patrol_[0-9A-Za-z]{57}'`), the checksum tells it from a look-
    alike without asking the service.

    Attributes:
        text: The whole key.
    """

    text: str

    @classmethod
    def new(cls) -> ApiKey:
        """A key of 256 random bits."""
        body = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH + _SECRET_LENGTH))
        return cls(f"{_PREFIX}{body}{_checksum(body)}")

    @classmethod
    def read(cls, text: str) -> ApiKey | None:
        """The key of a text, or None if it cannot be one: wrong form, or a typing mistake."""
        if not _PATTERN.fullmatch(text):
            return None
        body = text[len(_PREFIX) : -_CHECKSUM_LENGTH]
        return cls(text) if text.endswith(_checksum(body)) else None

    @property
    def id(self) -> str:
        """What names the key in lists; no secret."""
        return self.text[len(_PREFIX) : len(_PREFIX) + _ID_LENGTH]

    @property
    def sha256(self) -> str:
        """What is kept of it.

        Slow hashes protect secrets that people choose, which can be guessed. These 256 random bits cannot, at any
        speed, so that a fast hash is as safe and costs a request nothing.
        """
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What the service knows of a key.

    Attributes:
        id: Its public part.
        name: Who uses it; what logs and the audit say.
        sha256: Of the whole key, in hexadecimal.
        scopes: What it may be used for.
        created_at: When.
        expires_at: From when it is no longer accepted, or None.
        revoked_at: Since when it is no longer accepted, or None.
        rate: Its own rate limit, such as 60/minute, or None for the service's.
    """

    id: str
    name: str
    sha256: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    rate: str | None = None

    def is_of(self, key: ApiKey) -> bool:
        """Whether this is the record of a key, in a time that does not tell how nearly it is."""
        return hmac.compare_digest(self.sha256, key.sha256)

    @property
    def state(self) -> Literal["active", "expired", "revoked"]:
        """Whether the key is accepted now, or why not."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            return "expired"
        return "active"


def _checksum(body: str) -> str:
    """CRC-32 in the alphabet of keys."""
    rest = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
