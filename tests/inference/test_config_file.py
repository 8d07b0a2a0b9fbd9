"""A YAML file of an operator as checked values: every mistake with its line, no traceback whatever is in there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from inference.config_file import load_model
from inference.errors import ConfigError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(gt=0, lt=1)
    names: list[str] = []


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: str
    part: Part
    parts: dict[str, Part] = {}


GOOD = "version: 0.1.0\npart:\n  share: 0.5\n"


def load(tmp_path: Path, content: bytes) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    return load_model(path, Recipe, "See the comments.")


def test_a_right_file_is_read(tmp_path: Path) -> None:
    recipe = load(tmp_path, (GOOD + "parts:\n  a: {share: 0.1, names: [飞线]}\n").encode())
    assert recipe.version == "0.1.0"
    assert recipe.parts["a"].names == ["飞线"]


def test_a_date_is_text(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("0.1.0", "2026-02-30").encode()).version == "2026-02-30"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (GOOD.replace("0.5", "1.5").encode(), r"recipe\.yaml:3: part\.share is 1\.5: .*less than 1"),
        (GOOD.replace("share", "shar").encode(), r"recipe\.yaml:3: part\.shar is 0\.5: Extra inputs"),
        (GOOD.replace("share", "shar").encode(), r"recipe\.yaml:2: part\.share Field required"),
        (b"version: 1.0.0\n", r"recipe\.yaml: part Field required"),
        ((GOOD + "parts:\n  a:\n    share: no\n").encode(), r"recipe\.yaml:6: parts\.a\.share is False"),
        ((GOOD + "  names: [a, [b]]\n").encode(), r"recipe\.yaml:4: part\.names\.1 is"),
        ((GOOD + "version: 2\n").encode(), r"recipe\.yaml:4: sets version twice"),
        (GOOD.replace("0.5", "!!int x").encode(), r"recipe\.yaml:3: 'x' cannot be read"),
        (b"- a\n", r"recipe\.yaml: the file is .*dictionary"),
        (b"part: [\n", r"recipe\.yaml:2: is not valid YAML"),
        ("version: 版本\n".encode("gbk"), r"recipe\.yaml:1: is not UTF-8"),
        (b"", r"recipe\.yaml: version Field required"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, content: bytes, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        load_model(tmp_path / "absent.yaml", Recipe, "")


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, b"part:\n  share: 3\nother: 1\n")
    assert [line.split(": ")[0].rpartition(":")[2] for line in str(caught.value).splitlines()][-2:] == ["2", "3"]
