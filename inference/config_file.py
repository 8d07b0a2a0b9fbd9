"""The mistakes in a file that an operator edits, collected so that all of them are named at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inference.errors import ConfigError

_MISTAKES_SHOWN: Final = 30
_VALUE_SHOWN: Final = 60

Model = TypeVar("Model", bound=BaseModel)


class ConfigFileError(ConfigError):
    """Everything that is wrong in one or several files, so that an operator can mend it in one go.

    Args:
        mistakes: At least one, in the order to show them; the attributes of ConfigError are the first's.
    """

    def __init__(self, mistakes: Sequence[ConfigError]) -> None:
        self.mistakes = tuple(mistakes)
        first = self.mistakes[0]
        super().__init__(first.path, first.line, first.problem, first.remedy)

    def __str__(self) -> str:
        lines = [ConfigError.__str__(mistake) for mistake in self.mistakes[:_MISTAKES_SHOWN]]
        hidden = len(self.mistakes) - len(lines)
        if hidden:
            lines.append(f"... and {hidden} more. Mend these first.")
        return "\n".join(lines)


class Mistakes:
    """Collects the mistakes of one file that an operator edits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[ConfigError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, line: int | None, problem: str, remedy: str) -> None:
        """Note a mistake; `line` is 1-based, None when it is about the whole file."""
        self._found.append(ConfigError(self._path, line, problem, remedy))

    def add_wrong(
        self,
        wrong: ErrorDetails,
        root: yaml.Node | None,
        model: type[BaseModel],
        remedy: str,
        options: Mapping[str, object],
    ) -> None:
        """Note what pydantic found wrong, at its line or at the option that gave it."""
        loc = [part for part in wrong["loc"] if isinstance(part, int) or not part.startswith("function-")]
        key = str(loc[0]) if loc else ""
        field = model.model_fields.get(key)
        given = "" if wrong["type"] == "missing" else f" is {repr(wrong['input'])[:_VALUE_SHOWN]}:"
        problem = f"{given} {wrong['msg'].removeprefix('Value error, ')}"
        remedy = (field.description if field else None) or remedy
        if key in options:
            self._found.append(ConfigError(Path(f"option --{key.replace('_', '-')}"), None, problem.strip(), remedy))
        else:
            self.add(_line_of(root, loc), f"{'.'.join(map(str, loc)) or 'the file'}{problem}", remedy)

    def raise_if_any(self) -> None:
        """Raise what was found, in the order of the file.

        Raises:
            ConfigFileError: Something was.
        """
        if self._found:
            raise ConfigFileError(sorted(self._found, key=lambda mistake: mistake.line or 0))


def read_text(path: Path) -> str:
    """The text of a file that an operator edits: UTF-8, a byte order mark allowed.

    Raises:
        ConfigError: It cannot be read, or is in another encoding.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        remedy = "Check that the file is there and that this user may read it."
        raise ConfigError(path, None, f"cannot be read ({error.strerror})", remedy) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"is not UTF-8{_other_encoding(raw)}"
        remedy = "Save it as UTF-8 (spreadsheets: 'CSV UTF-8'; editors: encoding UTF-8)."
        raise ConfigError(path, line, problem, remedy) from error


def read_yaml(path: Path) -> yaml.Node | None:
    """The YAML nodes of a file that an operator edits; None when it holds none.

    Unlike plain loading, nodes keep lines, repeated keys and every value as it is written.

    Raises:
        ConfigError: It cannot be read, or is not YAML.
    """
    text = read_text(path)
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = " ".join(filter(None, (error.context, error.problem)))
        remedy = "Indent with spaces, not tabs, and put text that holds ': ' or ' #' in quotes."
        raise ConfigError(path, line, f"is not valid YAML: {problem}", remedy) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"holds U+{ord(text[error.position]):04X}, a character that YAML forbids"
        raise ConfigError(path, line, problem, "Delete that character.") from error
    except RecursionError as error:
        remedy = "Look for brackets that nobody closed or meant."
        raise ConfigError(path, None, "nests lists or fields thousands deep", remedy) from error


def load_model(
    path: Path, model: type[Model], remedy: str, options: Mapping[str, object] = MappingProxyType({})
) -> Model:
    """A YAML file that an operator edits, as checked values.

    Args:
        path: The file.
        model: What its fields may be; the description of a field says what to do when it is wrong.
        remedy: What to do about a wrong field without a description.
        options: Fields given on the command line, which win.

    Raises:
        ConfigError: It cannot be read, or is not YAML.
        ConfigFileError: Some fields are wrong; all of them are listed, with their lines.
    """
    root = read_yaml(path)
    mistakes = Mistakes(path)
    document = {} if root is None else _plain(root, mistakes)
    mistakes.raise_if_any()
    try:
        return model.model_validate({**document, **options} if isinstance(document, dict) else document)
    except ValidationError as error:
        for wrong in error.errors():
            mistakes.add_wrong(wrong, root, model, remedy, options)
        mistakes.raise_if_any()
        raise


def _plain(node: yaml.Node, mistakes: Mistakes) -> Any:
    """A node as dicts, lists and values; a repeated key or a value YAML cannot make sense of is a mistake."""
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, mistakes) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, mistakes)
    fields: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in fields:
            mistakes.add(key.start_mark.line + 1, f"sets {name} twice", "Keep one of them.")
        fields[name] = _plain(value, mistakes)
    return fields


def _scalar(node: yaml.Node, mistakes: Mistakes) -> Any:
    if node.tag == "tag:yaml.org,2002:timestamp":  # a version or name that looks like a date is text
        return node.value
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        mistakes.add(node.start_mark.line + 1, f"{node.value!r} cannot be read ({error})", "Put it in quotes.")
        return None


def _line_of(root: yaml.Node | None, loc: Sequence[str | int]) -> int | None:
    """The 1-based line of a field, or of the innermost block around it that is there."""
    line = None
    for part in loc:
        found = _child(root, part)
        if found is None:
            return line
        key, root = found
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """(Where it starts, its value) of a field or an item."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if str(key.value) == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _other_encoding(raw: bytes) -> str:
    """What the bytes look like instead, as a clause."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ", it looks like UTF-16"
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return ", it looks like GBK"
