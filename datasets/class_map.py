"""Class names of label files to category ids: by name through an explicit map, never by position or likeness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from datasets.errors import LabelError
from inference.categories import Catalogue

ClassNames = Mapping[str, str | None]
"""Class name -> category id, or None for a class that is left out on purpose."""

_LEFT_OUT = frozenset(("", "null", "~"))


class UnmappedClassesError(LabelError):
    """Classes that nothing maps; all of them are listed, with how often they occur and the nearest ids.

    Args:
        path: Where the labels come from.
        counts: Class name -> how often it occurs.
        catalogue: The categories there are.
    """

    def __init__(self, path: Path, counts: Mapping[str, int], catalogue: Catalogue) -> None:
        self.counts = dict(counts)
        lines = [_unmapped_line(name, count, catalogue) for name, count in counts.items()]
        remedy = "map each to an id, or to null to leave it out: --map NAME=ID, --map FILE, or class_map in SOURCE.json"
        super().__init__(path, "", "\n  ".join([*lines, remedy]))


def _unmapped_line(name: str, count: int, catalogue: Catalogue) -> str:
    near = catalogue.nearest(name)
    hint = f"; nearest ids: {', '.join(near)}" if near else "; no id is like it"
    return f"class {name!r} is not mapped to a category{hint} ({count:,} labels)"


class ClassMap:
    """Looks categories up, and remembers the names it could not.

    Args:
        names: The map; a name that is an id maps to itself unless it stands here.
        catalogue: The categories there are.
        path: Where the labels come from, for errors.

    Raises:
        LabelError: the map leads to an id that does not exist.
    """

    def __init__(self, names: ClassNames, catalogue: Catalogue, path: Path) -> None:
        self.used: dict[str, str | None] = {}
        self._names = names
        self._catalogue = catalogue
        self._path = path
        self._unmapped: Counter[str] = Counter()
        for name, target in names.items():
            if target is not None and target not in catalogue:
                near = ", ".join(catalogue.nearest(target)) or "see categories.yaml"
                raise LabelError(path, name, f"is mapped to {target!r}, which is no category; nearest ids: {near}")

    def category(self, name: str) -> str | None:
        """The id of a class; None where it is left out or nothing maps it."""
        target = self._names.get(name, name)
        if target is None or target in self._catalogue:
            self.used[name] = target
            return target
        self._unmapped[name] += 1
        return None

    def categories(self, names: Iterable[str]) -> frozenset[str]:
        """The ids of classes that are not left out."""
        return frozenset(c for c in map(self.category, names) if c is not None)

    def parents(self) -> dict[str, str]:
        """Class name -> roll-up, of the classes met that go to one."""
        parents = {category.id for category in self._catalogue.parents}
        return {name: target for name, target in sorted(self.used.items()) if target in parents}

    def children(self, parent: str) -> str:
        """The ids below a roll-up, for a message."""
        return ", ".join(category.id for category in self._catalogue.children(parent))

    def raise_if_unmapped(self) -> None:
        """Stop where a class was met that nothing maps.

        Raises:
            UnmappedClassesError: naming every one.
        """
        if self._unmapped:
            raise UnmappedClassesError(self._path, dict(self._unmapped.most_common()), self._catalogue)


def parse_class_map(entries: Iterable[str]) -> dict[str, str | None]:
    """The map that `--map` options state: NAME=ID, NAME=null, or a YAML or JSON file.

    Raises:
        LabelError: an entry is neither.
    """
    names: dict[str, str | None] = {}
    for entry in entries:
        path = Path(entry)
        if path.is_file():
            names |= read_class_map(path)
        elif "=" in entry:
            name, _, target = entry.rpartition("=")
            names[name] = None if target in _LEFT_OUT else target
        else:
            raise LabelError(
                Path("--map"), "", f"{entry!r} is neither NAME=ID nor a file; write for example Bin=waste_bin"
            )
    return names


def read_class_map(path: Path) -> dict[str, str | None]:
    """A YAML or JSON file of NAME: ID or NAME: null.

    Raises:
        LabelError: it is no such map.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeError) as error:
        raise LabelError(path, "", f"not valid UTF-8 YAML or JSON ({error})") from error
    if not isinstance(document, dict):
        raise LabelError(path, "", "expected a map of class name to category id, such as `Bin: waste_bin`")
    for name, target in document.items():
        if not isinstance(name, str) or not (target is None or isinstance(target, str)):
            raise LabelError(path, str(name), "names and ids must be text, null leaves a class out; put it in quotes")
    return document
