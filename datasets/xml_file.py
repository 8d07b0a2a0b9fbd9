"""XML label files: element by element, in any encoding, entities refused, faults with file and line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from datasets.faults import Fault
from datasets.raw import Report
from datasets.text import encoding_of, open_text

_DECLARED: Final = re.compile(rb"""<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""")
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE\s+([A-Za-z]+)")
_HEAD_BYTES: Final = 256
_CHINESE: Final = frozenset({"gb18030", "gbk", "gb2312", "hz", "utf-8"})


def root_tag(path: Path) -> str:
    """Name of the outermost element; "" where the file does not start like XML."""
    try:
        with _open(path, lambda _: None) as file:
            for _, element in iterparse(file, events=("start",)):
                return str(element.tag)
    except DefusedXmlException:  # recognised all the same, so that reading it says what is wrong
        return _doctype(path)
    except (ParseError, OSError):
        pass
    return ""


def _doctype(path: Path) -> str:
    with path.open("rb") as file:
        found = _DOCTYPE.search(file.read(_HEAD_BYTES))
    return found[1].decode() if found else ""


def read_root(path: Path, report: Report) -> Element | None:
    """The whole file; None, with the fault reported, where it cannot be read."""
    root: Element | None = None
    depth = 0
    for event, element in _events(path, report):
        depth += 1 if event == "start" else -1
        root = element if depth == 0 else None
    return root


def read_children(path: Path, report: Report) -> Iterator[Element]:
    """The elements right below the root, whole and in order; memory holds one of them at a time.

    Where the file breaks off, what came before has been given, and the fault is reported.
    """
    open_elements: list[Element] = []
    for event, element in _events(path, report):
        if event == "start":
            open_elements.append(element)
            continue
        open_elements.pop()
        if len(open_elements) == 1:
            yield element
            open_elements[0].clear()


def _events(path: Path, report: Report) -> Iterator[tuple[str, Element]]:
    try:
        with _open(path, report) as file:
            yield from iterparse(file, events=("start", "end"))
    except ParseError as error:
        message = f"XML 语法错误，修正或重新导出 / broken XML, mend or export it again: {error.msg}"
        report(Fault("xml-broken", "error", message, file=str(path), where=str(error.position[0])))
    except DefusedXmlException as error:
        message = f"XML 含实体定义，可能是攻击，已拒绝 / defines entities, which label files never need: {error}"
        report(Fault("xml-entities", "error", message, file=str(path)))
    except OSError as error:
        report(Fault("file-unreadable", "error", f"无法读取 / cannot be read: {error.strerror}", file=str(path)))


def _open(path: Path, report: Report) -> IO[str]:
    """As text, because the parser itself knows no Chinese encodings."""
    declared = _declared(path)
    if declared not in _CHINESE and encoding_of(path) == "gb18030":
        return path.open(encoding=declared, errors="replace", newline="")
    return open_text(path, report)


def _declared(path: Path) -> str:
    """The codec an XML declaration names, in Python's spelling; UTF-8 where it names none that is known."""
    with path.open("rb") as file:
        found = _DECLARED.search(file.read(_HEAD_BYTES))
    with suppress(LookupError):
        return codecs.lookup(found[1].decode()).name if found else "utf-8"
    return "utf-8"
