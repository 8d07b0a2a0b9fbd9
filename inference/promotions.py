"""Which model is in production, and how that came to be: one numbered file a change, never written over.

    _promotions/000007.json    champion, the ones before it, who, when, why, and the gate's report

The file with the highest number holds. A change is made by creating the next file, which only one of several writers
can: so aliases and history cannot disagree, whatever is killed when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.model_files import ModelFiles, StoreError

FOLDER: Final = "_promotions"
_NAME: Final = re.compile(r"(\d{6,})\.json")


class Pinned(BaseModel):
    """A package, and the hash of the description that it had.

    Attributes:
        reference: `name/version`.
        sha256: Of its model.json, which holds the hashes of all other files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class GateReport(BaseModel):
    """What a promotion needs of the report that `patrol gate` writes; the rest is kept as it is.

    Attributes:
        passed: Whether the candidate may take the champion's place.
        candidate: Who was judged.
        champion: Against whom.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    passed: bool
    candidate: Pinned
    champion: Pinned


class Promotion(BaseModel):
    """One change of the champion.

    Attributes:
        schema_version: Of this file.
        revision: Its number, from 1.
        action: What was done.
        champion: Who is in production since.
        before: Who was before, the latest first; a rollback takes the first of them.
        at: When, ISO 8601, UTC.
        by: Who did it.
        why: The reason given.
        gate: The gate's report; None: nobody asked the gate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    revision: int = Field(ge=1)
    action: Literal["promote", "rollback"]
    champion: Pinned
    before: tuple[Pinned, ...]
    at: str
    by: str
    why: str
    gate: dict[str, Any] | None = None

    @property
    def previous(self) -> Pinned | None:
        """Whom a rollback would bring back."""
        return self.before[0] if self.before else None

    @property
    def aliases(self) -> Mapping[str, Pinned]:
        """The names that stand for packages."""
        named = {"champion": self.champion, "previous": self.previous}
        return {name: pinned for name, pinned in named.items() if pinned is not None}


class Promotions:
    """The changes of a store.

    Args:
        files: Its files.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._files = files

    def current(self) -> Promotion | None:
        """The change that holds, or None before the first."""
        revisions = self._revisions()
        return self._read(revisions[-1]) if revisions else None

    def history(self) -> list[Promotion]:
        """All changes, the latest first."""
        return [self._read(revision) for revision in reversed(self._revisions())]

    def append(self, promotion: Promotion) -> None:
        """Make a change hold; raises FileExistsError when another one of its number was made meanwhile."""
        text = promotion.model_dump_json(indent=1) + "\n"
        self._files.create(_path(promotion.revision), text.encode())

    def _revisions(self) -> list[int]:
        found = (_NAME.fullmatch(name) for name in self._files.names(FOLDER))
        return sorted(int(match[1]) for match in found if match)

    def _read(self, revision: int) -> Promotion:
        path = _path(revision)
        try:
            return Promotion.model_validate_json(self._files.read(path))
        except (ValidationError, FileNotFoundError) as error:
            raise StoreError(f"{self._files.shown(path)}: damaged; restore it from a copy of the store") from error


def _path(revision: int) -> str:
    return f"{FOLDER}/{revision:06}.json"
