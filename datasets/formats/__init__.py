"""Label formats by name. A new one is a module that satisfies `datasets.raw.Format` and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from datasets.errors import LabelError
from datasets.formats import coco, feedback, tags, yolo
from datasets.raw import Format

FORMATS: Final[tuple[Format, ...]] = (yolo, coco, tags, feedback)
BY_NAME: Final[Mapping[str, Format]] = {each.NAME: each for each in FORMATS}


def named(name: str) -> Format:
    """The format of this name.

    Raises:
        LabelError: There is none.
    """
    if name not in BY_NAME:
        raise LabelError(Path("--format"), "", f"no label format is called {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def detect(folder: Path) -> list[Format]:
    """The formats whose label files lie in the folder; several may meet on the same photos."""
    return [each for each in FORMATS if each.recognises(folder)]
