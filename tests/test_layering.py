"""What may depend on what, and habits that hold everywhere: read from the sources, and from a process of its own."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("inference", "datasets", "training")
NEVER_ON_A_SERVER = ("datasets", "sklearn", "torch", "torchvision", "training", "ultralytics")

# DESIGN: training -> datasets -> categories; training -> inference; inference -> neither. Beside the categories,
# datasets needs the base of all errors, the decoder, so that training sees photos as the service does, the
# classifier, whose opinion of labels is asked as the service would ask it (0007), what a photo's name ends with,
# the reader of files that operators edit, the number of cores, the blurring of faces, which reports share, the size of
# the Earth, and the printer, which alone writes to the terminal.
MAY_IMPORT = {
    "inference": {"inference"},
    "datasets": {
        "datasets",
        "inference.categories",
        "inference.classify",
        "inference.config_file",
        "inference.cores",
        "inference.errors",
        "inference.faces",
        "inference.geography",
        "inference.paths",
        "inference.photo",
        "inference.photo_files",
        "inference.plugins",
        "inference.printer",
        "inference.quality",
    },
    "training": {"training", "datasets", "inference"},
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def everything_but_tests() -> list[Path]:
    folders = (path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [*ROOT.glob("*.py"), *sources(*(name for name in folders if name not in ("tests", "runs", "build", "dist")))]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, wherever it stands; relative ones made absolute."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            is_package = (ROOT / module.replace(".", "/")).is_dir()
            yield from ((node.lineno, f"{module}.{alias.name}" if is_package else module) for alias in node.names)


def is_within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources(package)
        for line, module in imports(path)
        if module.partition(".")[0] in (*PACKAGES, "tests", "benchmarks") and not is_within(module, MAY_IMPORT[package])
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import inference.photo as p", ["inference.photo"]),
        ("from inference import photo, paths", ["inference.photo", "inference.paths"]),
        ("from inference.photo import read_photo", ["inference.photo"]),
        ("def f():\n    from training import cli", ["training.cli"]),
        ("from . import labels", ["datasets.labels"]),
        ("from .labels import Box", ["datasets.labels"]),
    ],
)
def test_no_way_of_importing_is_overlooked(
    source: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for name in ("inference", "datasets", "training"):
        (tmp_path / name).mkdir()
    path = tmp_path / "datasets" / "some.py"
    path.write_text(source)
    assert [module for _, module in imports(path)] == expected


def test_the_core_imports_without_training_data_sets_or_torch() -> None:
    script = """
import importlib, json, pkgutil, sys
import inference
names = [module.name for module in pkgutil.walk_packages(inference.__path__, "inference.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(json.dumps({"names": names, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"inference.photo", "inference.engine", "inference.decide", "inference.service.app"} <= {*found["names"]}
    assert not {*NEVER_ON_A_SERVER} & {*found["loaded"]}


def calls_of(name: str, tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node.lineno


def test_nothing_prints_past_the_printer_and_nothing_asserts_about_input() -> None:
    wrong = []
    for path in everything_but_tests():
        tree = ast.parse(path.read_text("utf-8"))
        where = path.relative_to(ROOT)
        wrong += [f"{where}:{line} calls print()" for line in calls_of("print", tree)]
        wrong += [f"{where}:{n.lineno} asserts" for n in ast.walk(tree) if isinstance(n, ast.Assert)]
    assert not wrong


def test_every_package_is_looked_at() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in everything_but_tests()}
    assert {*PACKAGES, "benchmarks"} <= names
    assert "tests" not in names
