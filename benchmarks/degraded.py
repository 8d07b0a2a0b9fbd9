"""Packages that are worse than one in known ways, made from its ONNX file: for the gate to refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from inference.engine import Engine
from inference.golden import make_golden
from inference.package import DESCRIPTION, GOLDEN, MODEL, file_record, load_package

Change = Callable[[str, NDArray[Any]], NDArray[Any]]
_NEVER = -30.0
"""Logit of a category that is never seen."""


def degrade(source: Path, target: Path, version: str, change: Change) -> Path:
    """A copy of a package whose weights are changed, with golden outputs and hashes that are right for it.

    Args:
        source: The package.
        target: A new folder.
        version: Of the copy.
        change: Name and value of an initialiser -> its new value.
    """
    shutil.copytree(source, target)
    model = onnx.load(target / MODEL)
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(change(tensor.name, value).astype(value.dtype), tensor.name))
    onnx.save(model, target / MODEL)
    package = load_package(source)
    golden = make_golden(Engine(target / MODEL, "cpu"), package.description.input, {}, 0.01, 1.0)
    (target / GOLDEN).write_text(golden.model_dump_json(), encoding="utf-8")
    document = json.loads((target / DESCRIPTION).read_text(encoding="utf-8"))
    document["version"] = version
    for name in (MODEL, GOLDEN):
        document["files"][name] = file_record(target / name).model_dump()
    (target / DESCRIPTION).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return target


def without(categories: int, index: int) -> Change:
    """The category at a position is never seen again."""

    def change(_: str, value: NDArray[Any]) -> NDArray[Any]:
        if value.shape != (categories,):
            return value
        return np.where(np.arange(categories) == index, _NEVER, value)

    return change


def shuffled(categories: int, first: int, second: int) -> Change:
    """Two categories take each other's place."""
    order = np.arange(categories)
    order[[first, second]] = second, first

    def change(_: str, value: NDArray[Any]) -> NDArray[Any]:
        return value[order] if value.shape[:1] == (categories,) else value

    return change


def noisy(share: float, seed: int = 0) -> Change:
    """Noise on every filter, its deviation a share of the filter's own."""
    rng = np.random.default_rng(seed)

    def change(_: str, value: NDArray[Any]) -> NDArray[Any]:
        if value.ndim < 2:  # noqa: PLR2004 - biases and constants
            return value
        return value + rng.normal(0, share * float(value.std()), value.shape)

    return change
