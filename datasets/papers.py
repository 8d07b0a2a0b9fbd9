"""SOURCE.json: where the photos of a folder come from, and how their labels are to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.errors import LabelError

ABOUT = "SOURCE.json"


class Papers(BaseModel):
    """The part of a SOURCE.json that is used; it may hold more.

    Attributes:
        licence: As the source states it; "" where nobody noted it.
        attribution: Whom to name.
        class_map: Class name there -> category id; null: left out on purpose.
        exhaustive_for: Categories of which every instance is labelled on all its photos; None: not stated.
        notes: For the data card.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    licence: str = ""
    attribution: str = ""
    class_map: dict[str, str | None] = {}
    exhaustive_for: tuple[str, ...] | None = None
    notes: str = ""


def read_papers(folder: Path) -> Papers:
    """The papers of a folder; empty ones where it has none.

    Raises:
        LabelError: they are broken.
    """
    path = folder / ABOUT
    if not path.is_file():
        return Papers()
    try:
        return Papers.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        raise LabelError(path, ".".join(map(str, first["loc"])), first["msg"]) from error
    except ValueError as error:
        raise LabelError(path, "", f"not valid JSON in UTF-8 ({error})") from error


def listed_names(path: Path) -> Iterator[tuple[int, str]]:
    """(line, photo) of a list of photos; empty lines and `#` comments are skipped.

    Raises:
        LabelError: there is no such file, or it is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise LabelError(path, "", f"cannot be read as UTF-8 text ({error})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()
