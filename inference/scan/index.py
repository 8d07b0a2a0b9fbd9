"""Which inputs have a record, and where the record of a content lies: 8 and 16 bytes each, all in memory."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

_FIRST_SLOTS: Final = 1 << 18
"""Of a table at the beginning, so that it takes the same memory at 1,000 and at 100,000 inputs."""
_FULL: Final = 0.6  # share of used slots beyond which probing gets slow


class Table:
    """A hash table of 64-bit keys and values: open addressing in two arrays; 0 is no key.

    Args:
        has_values: Whether keys have values.
        slots: Room at the beginning, a power of two.
    """

    def __init__(self, *, has_values: bool, slots: int = _FIRST_SLOTS) -> None:
        self._has_values = has_values
        self._count = 0
        self._make(slots)

    def __len__(self) -> int:
        return self._count

    def _make(self, slots: int) -> None:
        self._mask = slots - 1
        self._keys = array("Q", bytes(8 * slots))
        self._values = array("Q", bytes(8 * slots if self._has_values else 0))

    def _slot(self, key: int) -> int:
        """Where a key is, or would be."""
        keys, mask = self._keys, self._mask
        slot = key & mask
        while keys[slot] not in (0, key):
            slot = (slot + 1) & mask
        return slot

    def add(self, key: int, value: int = 0) -> bool:
        """Add a key, unless it is there; whether it was not."""
        slot = self._slot(key)
        if self._keys[slot]:
            return False
        self._keys[slot] = key
        if self._has_values:
            self._values[slot] = value
        self._count += 1
        if self._count > _FULL * len(self._keys):
            self._grow()
        return True

    def get(self, key: int) -> int | None:
        """The value of a key, or None."""
        slot = self._slot(key)
        return self._values[slot] if self._keys[slot] else None

    def _grow(self) -> None:
        keys, values = self._keys, self._values
        self._make(2 * len(keys))
        for index, key in enumerate(keys):
            if key:
                slot = self._slot(key)
                self._keys[slot] = key
                if self._has_values:
                    self._values[slot] = values[index]


class Index:
    """What has been recorded.

    Two places of a million share a 64-bit hash with a probability of 3 in 100,000,000. Contents are told apart by
    the whole SHA-256, which stands in the record that is found.
    """

    def __init__(self) -> None:
        self._places = Table(has_values=False)
        self._contents = Table(has_values=True)

    def __len__(self) -> int:
        return len(self._places)

    def add_place(self, location: str) -> bool:
        """Note that an input has a record, or will have; whether that is new."""
        digest = blake2b(location.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return self._places.add(int.from_bytes(digest, "little") or 1)

    def add_content(self, sha256: str, position: int) -> None:
        """Note where the first record of a content lies."""
        self._contents.add(_content_key(sha256), position)

    def position(self, sha256: str) -> int | None:
        """Where the first record of a content lies, or None."""
        return self._contents.get(_content_key(sha256))


def _content_key(sha256: str) -> int:
    return int(sha256[:16], 16) or 1
