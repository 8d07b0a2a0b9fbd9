"""The catalogue of categories, and reading it from categories.yaml with every mistake named by its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Final, Literal, cast, get_args

import yaml

from inference.config_file import Mistakes, read_yaml
from inference.errors import PatrolError
from inference.paths import CONFIGS

Role = Literal["problem", "parent", "context"]
Tier = Literal["A", "B", "C"]
PhotoVisible = Literal["yes", "partly"]

_ID: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "role": get_args(Role),
    "tier": get_args(Tier),
    "photo_visible": get_args(PhotoVisible),
}
_LISTS: Final = frozenset({"synonyms"})
_REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "problem": frozenset({"role", "tier", "zh", "en", "department", "tag_when", "tag_not"}),
    "parent": frozenset({"role", "zh", "en", "department"}),
    "context": frozenset({"role", "zh", "en"}),
}
_OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "problem": frozenset({"parent", "synonyms", "photo_visible", "photo_note"}),
    "parent": frozenset({"synonyms"}),  # one level: a parent of parents would be rolled up nowhere
    "context": frozenset({"synonyms", "tag_when", "tag_not"}),
}
_FIELDS: Final = sorted(frozenset().union(*_REQUIRED.values(), *_OPTIONAL.values()))
_LEAST_LIKENESS: Final = 0.5  # of nearest(): below it a "did you mean" names unrelated categories
_CONTAINED: Final = 0.8  # likeness of a name that is part of a longer one, whatever the rest


@dataclass(frozen=True, slots=True)
class Category:
    """One entry of the catalogue.

    Attributes:
        id: The snake_case id, the only identity of a category.
        name_zh: Chinese name, unique in the catalogue.
        name_en: English name.
        role: A problem that may be suggested, a roll-up parent of problems, or a context class.
        tier: A core, B and C later; None unless the role is problem.
        parent: Id of the roll-up parent, if it has one.
        department: Who usually handles it; empty for context classes.
        tag_when: What labellers box.
        tag_not: What they do not box.
        synonyms: Other words that find it.
        photo_visible: Whether a photo can show that it is a problem, or only the thing itself.
        photo_note: What a photo cannot show.
    """

    id: str
    name_zh: str
    name_en: str
    role: Role
    tier: Tier | None = None
    parent: str | None = None
    department: str = ""
    tag_when: str = ""
    tag_not: str = ""
    synonyms: tuple[str, ...] = ()
    photo_visible: PhotoVisible = "yes"
    photo_note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it is called: id, names and synonyms."""
        return (self.id, self.name_zh, self.name_en, *self.synonyms)


class UnknownCategory(PatrolError):  # noqa: N818 - reads as the lookup's answer
    """No category has this id.

    Args:
        category_id: What was asked for.
        nearest: Ids that it may have been meant to be, the likeliest first.
    """

    def __init__(self, category_id: str, nearest: Sequence[str]) -> None:
        self.category_id = category_id
        self.nearest = tuple(nearest)
        self.problem = f"Unknown category '{category_id}'"
        self.remedy = _did_you_mean(nearest, "See categories.yaml for those there are.")
        super().__init__(f"{self.problem}. {self.remedy}")


class Catalogue(Mapping[str, Category]):
    """The categories by id, in the order of their file."""

    def __init__(self, categories: Iterable[Category]) -> None:
        self._by_id = {category.id: category for category in categories}

    def __getitem__(self, category_id: str) -> Category:
        return self._by_id[category_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return f"Catalogue({', '.join(self)})"

    @property
    def problems(self) -> tuple[Category, ...]:
        """The categories that may be suggested for a photo."""
        return self._with_role("problem")

    @property
    def parents(self) -> tuple[Category, ...]:
        """The roll-ups, suggested when their children are unsure."""
        return self._with_role("parent")

    @property
    def contexts(self) -> tuple[Category, ...]:
        """The classes that help the detector and are never suggested."""
        return self._with_role("context")

    def _with_role(self, role: Role) -> tuple[Category, ...]:
        return tuple(category for category in self.values() if category.role == role)

    def children(self, parent_id: str) -> tuple[Category, ...]:
        """The categories right below a parent; none for anything else.

        Raises:
            UnknownCategory: There is no such id.
        """
        parent = self.require(parent_id)
        return tuple(category for category in self.values() if category.parent == parent.id)

    def require(self, category_id: str) -> Category:
        """The category of this id.

        Raises:
            UnknownCategory: There is none; it names the nearest ids.
        """
        try:
            return self._by_id[category_id]
        except KeyError:
            raise UnknownCategory(category_id, self.nearest(category_id)) from None

    def nearest(self, name: str, n: int = 3) -> tuple[str, ...]:
        """Ids of the categories whose id, name or synonym is most like `name`, the likeliest first."""
        scores = {category.id: _likeness(name, category.names) for category in self.values()}
        ranked = sorted(scores, key=lambda category_id: -scores[category_id])
        return tuple(category_id for category_id in ranked[:n] if scores[category_id] >= _LEAST_LIKENESS)


def _likeness(name: str, candidates: Iterable[str]) -> float:
    """How like the most similar candidate is, in [0, 1]."""
    wanted = name.casefold()
    matcher = SequenceMatcher(autojunk=False, b=wanted)
    best = 0.0
    for candidate in map(str.casefold, candidates):
        matcher.set_seq1(candidate)
        contained = _CONTAINED if len(wanted) > 1 and wanted in candidate else 0.0
        best = max(best, contained, matcher.ratio())
    return best


def _did_you_mean(nearest: Sequence[str], otherwise: str) -> str:
    return f"Did you mean {' or '.join(nearest)}?" if nearest else otherwise


def load_catalogue(path: Path = CONFIGS / "categories.yaml") -> Catalogue:
    """Read the catalogue.

    Raises:
        ConfigError: The file cannot be read, or is not YAML.
        ConfigFileError: Its content has mistakes; all of them are listed.
    """
    mistakes = Mistakes(path)
    entries = _read_entries(path, mistakes)
    _check_problems(entries, mistakes)
    _check_names(entries, mistakes)
    _check_parents(entries, mistakes)
    mistakes.raise_if_any()
    return Catalogue(_category(entry) for entry in entries.values())


@dataclass(eq=False, slots=True)
class _Entry:
    """An entry as far as it could be read; `lines` holds where each field's value is."""

    id: str
    line: int
    texts: dict[str, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def parent(self) -> str | None:
        return self.texts.get("parent")


def _category(entry: _Entry) -> Category:
    texts = entry.texts
    return Category(
        id=entry.id,
        name_zh=texts["zh"],
        name_en=texts["en"],
        role=cast(Role, texts["role"]),
        tier=cast("Tier | None", texts.get("tier")),
        parent=entry.parent,
        department=texts.get("department", ""),
        tag_when=texts.get("tag_when", ""),
        tag_not=texts.get("tag_not", ""),
        synonyms=entry.synonyms,
        photo_visible=cast(PhotoVisible, texts.get("photo_visible", "yes")),
        photo_note=texts.get("photo_note", ""),
    )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(node: yaml.Node) -> str:
    """A node as it is written, or what it is."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a block of fields"


def _read_entries(path: Path, mistakes: Mistakes) -> dict[str, _Entry]:
    root = read_yaml(path)
    entries: dict[str, _Entry] = {}
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        entry = _read_entry(key, value, mistakes)
        first = entries.setdefault(entry.id, entry)
        if first is not entry:
            problem = f"id '{entry.id}' is already used in line {first.line}"
            mistakes.add(entry.line, problem, "Choose another id.")
    return entries


def _read_entry(key: yaml.Node, value: yaml.Node, mistakes: Mistakes) -> _Entry:
    entry = _Entry(id=_shown(key), line=_line(key))
    if not _ID.fullmatch(entry.id):
        remedy = "Use snake_case: a letter a-z first, then a-z, 0-9 and single underscores."
        mistakes.add(entry.line, f"'{entry.id}' is not a valid id", remedy)
    if not isinstance(value, yaml.MappingNode):
        mistakes.add(entry.line, f"'{entry.id}' has no fields", "Indent them below the id, one per line.")
        return entry
    for field_key, field_value in value.value:
        _read_field(entry, field_key, field_value, mistakes)
    _check_fields(entry, mistakes)
    return entry


def _read_field(entry: _Entry, key: yaml.Node, value: yaml.Node, mistakes: Mistakes) -> None:
    name = _shown(key)
    if name not in _FIELDS:
        remedy = _did_you_mean(get_close_matches(name, _FIELDS, 1), f"The fields are {', '.join(_FIELDS)}.")
        mistakes.add(_line(key), f"'{entry.id}' has an unknown field '{name}'", remedy)
    elif name in entry.lines:
        problem = f"'{entry.id}' has '{name}' twice, first in line {entry.lines[name]}"
        mistakes.add(_line(key), problem, "Keep one of them.")
    else:
        entry.lines[name] = _line(value)
        _read_value(entry, name, value, mistakes)


def _read_value(entry: _Entry, name: str, value: yaml.Node, mistakes: Mistakes) -> None:
    where = f"'{entry.id}': {name}"
    if name in _LISTS:
        entry.synonyms = _texts(value, where, mistakes)
        return
    choices = _CHOICES.get(name)
    text = _choice(value, where, choices, mistakes) if choices else _text(value, where, mistakes)
    if text:
        entry.texts[name] = text


def _text(node: yaml.Node, where: str, mistakes: Mistakes) -> str | None:
    """The text of a node; None, and a mistake, when it has none."""
    if not isinstance(node, yaml.ScalarNode):
        problem, remedy = f"must be text, not {_shown(node)}", "Write it after the colon."
    elif node.tag == "tag:yaml.org,2002:null" or not node.value.strip():
        problem, remedy = "is empty", "Write it down, or delete it if it may be left out."
    elif node.tag != "tag:yaml.org,2002:str":
        kind = node.tag.rpartition(":")[2]
        problem, remedy = f"must be text, but YAML reads {node.value} as {kind}", "Put it in quotes."
    else:
        return str(node.value).strip()
    mistakes.add(_line(node), f"{where} {problem}", remedy)
    return None


def _texts(node: yaml.Node, where: str, mistakes: Mistakes) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        mistakes.add(_line(node), f"{where} must be a list", "Write it as [first, second].")
        return ()
    texts = (_text(item, where, mistakes) for item in node.value)
    return tuple(text for text in texts if text)


def _choice(node: yaml.Node, where: str, choices: Sequence[str], mistakes: Mistakes) -> str | None:
    """The chosen word as it is written: YAML itself would read a bare yes as true."""
    word = _shown(node)
    if word in choices:
        return word
    mistakes.add(_line(node), f"{where} is '{word}'", _one_of(choices))
    return None


def _one_of(choices: Sequence[str]) -> str:
    return f"It must be {', '.join(choices[:-1])} or {choices[-1]}."


def _check_fields(entry: _Entry, mistakes: Mistakes) -> None:
    """Missing and unfitting fields; which they are depends on the role."""
    role = entry.texts.get("role")
    if role is None:
        if "role" not in entry.lines:
            mistakes.add(entry.line, f"'{entry.id}' has no role", _one_of(_CHOICES["role"]))
        return
    missing = sorted(_REQUIRED[role] - entry.lines.keys())
    if missing:
        problem = f"'{entry.id}' has no {', '.join(missing)}"
        mistakes.add(entry.line, problem, f"Add what is missing: every {role} has it.")
    for name in sorted(entry.lines.keys() - _REQUIRED[role] - _OPTIONAL[role]):
        problem = f"'{entry.id}' has a field '{name}', which a {role} does not have"
        mistakes.add(entry.lines[name], problem, "Delete it, or correct the role.")


def _check_problems(entries: Mapping[str, _Entry], mistakes: Mistakes) -> None:
    if not any(entry.texts.get("role", "problem") == "problem" for entry in entries.values()):
        remedy = "Write an entry per category: its id, a colon, and below it its fields with role: problem."
        mistakes.add(None, "holds no problem category", remedy)


def _check_names(entries: Mapping[str, _Entry], mistakes: Mistakes) -> None:
    owners: dict[str, _Entry] = {}
    for entry in entries.values():
        if not (name := entry.texts.get("zh")):
            continue
        first = owners.setdefault(name, entry)
        if first is not entry:
            problem = f"'{entry.id}' has the Chinese name of '{first.id}' (line {first.lines['zh']}): {name}"
            mistakes.add(entry.lines["zh"], problem, "Give it a name that people can tell apart.")


def _check_parents(entries: Mapping[str, _Entry], mistakes: Mistakes) -> None:
    parents = [entry for entry in entries.values() if entry.texts.get("role") == "parent"]
    known = ", ".join(entry.id for entry in parents)
    remedy = f"The parents are {known}." if known else "Add an entry with role: parent."
    for entry in entries.values():
        if not entry.parent:
            continue
        if entry.parent not in entries:
            problem = f"parent '{entry.parent}' of '{entry.id}' does not exist"
            mistakes.add(entry.lines["parent"], problem, remedy)
        elif entries[entry.parent].texts.get("role", "parent") != "parent":
            problem = f"'{entry.parent}', given as parent of '{entry.id}', has another role"
            mistakes.add(entry.lines["parent"], problem, remedy)
    used = {entry.parent for entry in entries.values()}
    for entry in parents:
        if entry.id not in used:
            remedy = f"Write 'parent: {entry.id}' in some category, or delete this entry."
            mistakes.add(entry.line, f"parent '{entry.id}' has no children", remedy)
