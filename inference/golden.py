"""Golden outputs: proof that a package computes here what it computed where it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from inference.engine import Engine, RawOutput
from inference.letterbox import InputRecipe, letterbox
from inference.package import GOLDEN, ModelPackage, PackageError
from inference.photo import read_photo

_GENERATED: dict[str, tuple[int, int, int]] = {"blocks": (480, 640, 16), "noise": (375, 500, 2)}
"""Name -> (height, width, block size) of a generated picture."""
_ANCHORS = 12
_BOX_ROWS = 4


class GoldenOutput(BaseModel):
    """What the model said about one picture.

    Attributes:
        anchors: Positions of its strongest candidates.
        candidates: Their columns: centre, size in input pixels, then scores.
        embedding: The photo's embedding, or empty.
        photo_sha256: For a real photo, the hash by which it is found; None for a generated picture.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchors: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    candidates: tuple[tuple[float, ...], ...] = Field(min_length=1)
    embedding: tuple[float, ...]
    photo_sha256: str | None = None


class Golden(BaseModel):
    """golden.json.

    Attributes:
        score_tolerance: Allowed difference of a score or embedding value.
        pixel_tolerance: Allowed difference of a centre or size, in input pixels.
        outputs: Picture name -> expected output.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    score_tolerance: float = Field(gt=0)
    pixel_tolerance: float = Field(gt=0)
    outputs: dict[str, GoldenOutput] = Field(min_length=1)


def generated_picture(name: str) -> NDArray[np.uint8]:
    """A picture that is the same on every machine: MT19937's stream is frozen, and block edges are exact."""
    height, width, block = _GENERATED[name]
    stream = np.random.RandomState(sum(name.encode()))
    coarse = stream.randint(0, 256, (-(-height // block), -(-width // block), 3)).astype(np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((block, block, 1), np.uint8))[:height, :width])


def make_golden(
    engine: Engine,
    recipe: InputRecipe,
    photos: Mapping[str, Path],
    score_tolerance: float,
    pixel_tolerance: float,
) -> Golden:
    """Golden outputs for the generated pictures and some real photos (name -> file)."""
    outputs = {name: _observe(engine, recipe, generated_picture(name), None, None) for name in _GENERATED}
    for name, path in photos.items():
        data = path.read_bytes()
        rgb = read_photo(data, target_side=recipe.longest_side).rgb
        outputs[name] = _observe(engine, recipe, rgb, None, hashlib.sha256(data).hexdigest())
    return Golden(score_tolerance=score_tolerance, pixel_tolerance=pixel_tolerance, outputs=outputs)


def _run(engine: Engine, recipe: InputRecipe, rgb: NDArray[np.uint8]) -> RawOutput:
    tensor, _ = letterbox(rgb, recipe, rgb.shape[1], rgb.shape[0])
    return engine.run(tensor)


def _observe(
    engine: Engine,
    recipe: InputRecipe,
    rgb: NDArray[np.uint8],
    anchors: Iterable[int] | None,
    sha256: str | None,
) -> GoldenOutput:
    raw = _run(engine, recipe, rgb)
    if anchors is None:
        anchors = np.argsort(-raw.candidates[_BOX_ROWS:].max(axis=0), kind="stable")[:_ANCHORS].tolist()
    chosen = tuple(anchors)
    embedding: list[float] = [] if raw.embedding is None else raw.embedding.tolist()
    return GoldenOutput(
        anchors=chosen,
        candidates=tuple(tuple(raw.candidates[:, anchor].tolist()) for anchor in chosen),
        embedding=tuple(embedding),
        photo_sha256=sha256,
    )


def check_golden(
    package: ModelPackage, engine: Engine, photos: Iterable[Path] = (), golden: Golden | None = None
) -> dict[str, float]:
    """Replay the golden outputs.

    Args:
        package: The package under check.
        engine: Its engine.
        photos: Files among which golden photos are looked for by hash; absent ones are skipped.
        golden: What the outputs must be, where they were read before; None: as the package's file says.

    Returns:
        Picture name -> largest score difference, for the pictures replayed.

    Raises:
        PackageError: naming the picture and the difference.
    """
    if engine.input_shape != (1, 3, package.description.input.height, package.description.input.width):
        raise PackageError(f"{package.folder}: model.onnx takes {engine.input_shape}, model.json says otherwise")
    golden = golden or read_golden(package)
    found = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in photos}
    differences: dict[str, float] = {}
    for name, expected in golden.outputs.items():
        if expected.photo_sha256 is None:
            if name not in _GENERATED:
                raise PackageError(
                    f"{package.folder / GOLDEN}: {name!r} is no generated picture this program knows "
                    f"({', '.join(_GENERATED)}); use a matching release"
                )
            rgb = generated_picture(name)
        elif expected.photo_sha256 in found:
            data = found[expected.photo_sha256].read_bytes()
            rgb = read_photo(data, target_side=package.description.input.longest_side).rgb
        else:
            continue
        try:
            actual = _observe(engine, package.description.input, rgb, expected.anchors, expected.photo_sha256)
        except IndexError as error:
            raise PackageError(f"{package.folder}: golden picture {name!r}: {error}") from error
        _check_output(package, actual)
        differences[name] = _compare(package, name, golden, expected, actual)
    return differences


def read_golden(package: ModelPackage) -> Golden:
    """The golden outputs of a package.

    Raises:
        PackageError: They cannot be read.
    """
    try:
        raw: dict[str, Any] = package.golden()
        return Golden.model_validate(raw)
    except (OSError, ValueError) as error:
        raise PackageError(f"{package.folder / GOLDEN}: {error}") from error


def _check_output(package: ModelPackage, actual: GoldenOutput) -> None:
    """Refuses a model whose output has another shape than its description."""
    description = package.description
    scores = len(actual.candidates[0]) - _BOX_ROWS
    if scores != len(description.categories):
        raise PackageError(
            f"{package.folder}: model.onnx scores {scores} categories, model.json lists "
            f"{len(description.categories)}; they are not of one training"
        )
    if description.scene is not None and len(description.scene.weights) != len(actual.embedding):
        raise PackageError(
            f"{package.folder}: model.onnx gives an embedding of {len(actual.embedding)} values, the scene head in "
            f"model.json weighs {len(description.scene.weights)}; they are not of one training"
        )


def _shape(output: GoldenOutput) -> str:
    lengths = sorted({len(candidate) for candidate in output.candidates})
    return f"{len(output.candidates)} candidates of {lengths} values, an embedding of {len(output.embedding)}"


def _compare(package: ModelPackage, name: str, golden: Golden, expected: GoldenOutput, actual: GoldenOutput) -> float:
    if _shape(expected) != _shape(actual):
        raise PackageError(
            f"{package.folder}: golden picture {name!r} gives {_shape(actual)}; {GOLDEN} has {_shape(expected)}"
        )
    wanted, got = np.asarray(expected.candidates), np.asarray(actual.candidates)
    embedding = np.abs(np.asarray(expected.embedding) - np.asarray(actual.embedding))
    scores = float(np.concatenate([np.abs(wanted[:, _BOX_ROWS:] - got[:, _BOX_ROWS:]).ravel(), embedding]).max())
    pixels = float(np.abs(wanted[:, :_BOX_ROWS] - got[:, :_BOX_ROWS]).max())
    if not (scores <= golden.score_tolerance and pixels <= golden.pixel_tolerance):  # NaN is no agreement
        raise PackageError(
            f"{package.folder}: golden picture {name!r} differs by {scores:.5f} in scores "
            f"(at most {golden.score_tolerance} allowed) and {pixels:.2f} pixels in boxes "
            f"(at most {golden.pixel_tolerance}); this machine does not compute what the model was tested with"
        )
    return scores
