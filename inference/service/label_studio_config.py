"""The interface of a Label Studio project: which photo it shows, and which of its labels are categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from inference.categories import Catalogue, Category
from inference.service.options import shortened
from inference.service.problems import INVALID_LABEL_CONFIG, Problem
from inference.wording import short

_BOXES: Final = "RectangleLabels"
_TAGS: Final = "Choices"
_ENTRY: Final = {_BOXES: "Label", _TAGS: "Choice"}
_OTHER_MEANING: Final = frozenset({"absent", "unsure", "exhaustive", "flags"})
"""Choices of these names say something else than that the photo shows it; see docs/label-formats.md."""


@dataclass(frozen=True, slots=True)
class Control:
    """A tag by which labellers answer.

    Attributes:
        name: `from_name` of a result.
        to_name: Name of the photo it is about.
        labels: What it calls our categories, by their id.
        is_single: Whether only one answer may be given.
    """

    name: str
    to_name: str
    labels: Mapping[str, str]
    is_single: bool

    def label(self, category: Category) -> str | None:
        """What it calls a category, or else the roll-up above it; None: it has neither."""
        return self.labels.get(category.id) or self.labels.get(category.parent or "")


@dataclass(frozen=True, slots=True)
class Interface:
    """A labelling interface.

    Attributes:
        key: Member of a task's data that holds the photo.
        boxes: Its RectangleLabels.
        tags: Its Choices.
        unknown: Labels that are no category, or more than one.
    """

    key: str
    boxes: tuple[Control, ...]
    tags: tuple[Control, ...]
    unknown: tuple[str, ...]


def read_interface(label_config: str, catalogue: Catalogue) -> Interface:
    """Read a project's labelling interface; labels are ids, Chinese or English names, or synonyms of categories.

    Raises:
        Problem: It is no XML, or asks for nothing that a photo can be given.
    """
    root = _parsed(label_config)
    images = {image.get("name", ""): image.get("value", "") for image in root.iter("Image")}
    if not images:
        raise Problem(INVALID_LABEL_CONFIG, "The labelling interface has no <Image>; only photos can be judged.")
    name, value = next(iter(images.items()))
    if not value.startswith("$") or not value[1:]:
        detail = f"The value of <Image> is {shortened(value)!r}; write $ and the key of a task's data."
        raise Problem(INVALID_LABEL_CONFIG, detail)
    names = _Names(catalogue)
    boxes = tuple(_controls(root, _BOXES, name, names))
    tags = tuple(each for each in _controls(root, _TAGS, name, names) if each.name not in _OTHER_MEANING)
    if not boxes and not tags:
        detail = f"The labelling interface has neither {_BOXES} nor {_TAGS} for the photo {shortened(name)!r}."
        raise Problem(INVALID_LABEL_CONFIG, detail)
    return Interface(value[1:], boxes, tags, tuple(names.unknown))


def _parsed(label_config: str) -> Element:
    try:
        root: Element = fromstring(label_config, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Problem(INVALID_LABEL_CONFIG, f"The labelling interface is not usable XML: {error}.") from error
    return root


def _controls(root: Element, tag: str, to_name: str, names: _Names) -> Iterator[Control]:
    for element in root.iter(tag):
        if element.get("toName") != to_name or element.get("perRegion") == "true":
            continue
        labels = dict(_labels(element, _ENTRY[tag], names))
        yield Control(element.get("name", ""), to_name, labels, element.get("choice", "single") == "single")


def _labels(element: Element, entry: str, names: _Names) -> Iterator[tuple[str, str]]:
    for label in element.iter(entry):
        value = label.get("value", "")
        alias = label.get("alias") or value  # what Label Studio stores
        category = names.find(alias) or names.find(value)
        if category is not None:
            yield category, alias
        elif value:
            names.unknown[value] = None


class _Names:
    """Finds categories by what people call them.

    Attributes:
        unknown: Names that could not be found, in their order.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.unknown: dict[str, None] = {}
        shared = Counter(_folded(word) for each in catalogue.values() for word in set(each.synonyms))
        self._ids = {
            _folded(word): each.id
            for each in catalogue.values()
            for word in each.synonyms
            if shared[_folded(word)] == 1
        }
        for each in catalogue.values():  # after the synonyms: a name of its own goes before another's synonym
            for word in (short(each.name_zh), each.name_en, each.name_zh, each.id):
                self._ids[_folded(word)] = each.id

    def find(self, name: str) -> str | None:
        """The id of the category of this name."""
        return self._ids.get(_folded(name))


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())
