"""Writes one large JSON document piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_document(path: Path, parts: Mapping[str, object | Iterable[object]], lists: frozenset[str]) -> None:
    """Write an object whose long lists are never in memory.

    Args:
        path: The file.
        parts: Its members in order.
        lists: Those that are drawn item by item, and written one item per line.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("{")
        for number, (name, value) in enumerate(parts.items()):
            file.write(f"{',' if number else ''}\n{json.dumps(name)}: ")
            if name not in lists:
                file.write(json.dumps(value, ensure_ascii=False))
                continue
            file.write("[")
            items: Iterable[object] = value  # type: ignore[assignment]
            for position, item in enumerate(items):
                file.write(f"{',' if position else ''}\n{json.dumps(item, ensure_ascii=False)}")
            file.write("]")
        file.write("\n}\n")
