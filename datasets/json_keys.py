"""What a JSON file is about, told from the beginning of it, however large it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ijson

from datasets.text import open_utf8

LOOKED_AT: Final = 50_000
"""Values after which the search for keys ends: what follows tells no more about what the file is."""


@dataclass(frozen=True, slots=True)
class JsonHead:
    """The beginning of a JSON file.

    Attributes:
        kind: The outermost value: "map", "list" or, for anything else, "".
        keys: Those of the outermost map; in a list, those of its first element, where that is a map.
        is_broken: Whether it stops being JSON in the part that was looked at.
    """

    kind: str
    keys: frozenset[str]
    is_broken: bool = False


def json_head(path: Path) -> JsonHead:
    """The beginning of a file in any encoding."""
    kind, keys, broken = "", set(), False
    try:
        with open_utf8(path, lambda _: None) as file:
            for number, (prefix, event, value) in enumerate(ijson.parse(file, use_float=True)):
                kind = kind or event.removeprefix("start_").replace("array", "list")
                wanted = "item" if kind == "list" else ""
                if event == "map_key" and prefix == wanted:
                    keys.add(value)
                if number > LOOKED_AT or (prefix, event) == ("item", "end_map"):
                    break
    except (ijson.JSONError, UnicodeError, OSError):
        broken = True
    return JsonHead(kind if kind in ("map", "list") else "", frozenset(keys), broken)
