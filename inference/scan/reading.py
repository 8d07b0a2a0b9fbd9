"""An input -> its bytes and their digest, or the record that says why there are none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from inference.codec import PhotoError
from inference.scan.inputs import Input, InputError
from inference.scan.record import Record, failed


@dataclass(frozen=True, slots=True)
class Reading:
    """An input after reading: its bytes and their digest, or the record that says why there are none."""

    item: Input
    data: bytes = b""
    sha256: str = ""
    failure: Record | None = None


def read_input(item: Input) -> Reading:
    """Read and hash an input; never raises."""
    return hashed(item, content(item))


def content(item: Input) -> bytes | Record:
    """The bytes of an input, or the record that says why there are none."""
    try:
        return item.read()
    except (InputError, PhotoError) as error:
        detail = error.detail if isinstance(error, InputError) else str(error)
        return failed(item.source, item.path, error.code, detail)
    except OSError as error:
        return failed(item.source, item.path, "unreadable", f"the system says: {error.strerror or error}")
    except Exception as error:  # a reader's surprise must not cost the other million
        return failed(item.source, item.path, "internal-error", f"{type(error).__name__}: {error}")


def hashed(item: Input, data: bytes | Record) -> Reading:
    """What `content` gave, with its digest."""
    if isinstance(data, Record):
        return Reading(item, failure=data)
    return Reading(item, data, hashlib.sha256(data).hexdigest())
