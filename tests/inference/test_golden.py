"""Golden outputs: replayed they agree, and any other output is refused with its name and by how much."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from inference.classify import Classifier
from inference.engine import PROVIDER_TOLERANCE, Engine, RawOutput
from inference.golden import check_golden, generated_picture, make_golden
from inference.letterbox import InputRecipe
from inference.package import ModelDescription, ModelPackage, PackageError, SceneHead
from tests.photos import encode, noisy_scene
from tests.shared import shared

Document = dict[str, Any]
Tampering = Callable[[Document], None]


def test_the_shipped_package_computes_here_what_it_should(classifier: Classifier) -> None:
    differences = check_golden(classifier.package, classifier.engine)
    assert {*differences} == {"blocks", "noise"}
    assert max(differences.values()) <= PROVIDER_TOLERANCE


@pytest.mark.parametrize(
    ("name", "shape", "sha256"),
    [
        ("blocks", (480, 640, 3), "15cdffc393b2bcfec8aa33541f1f0c440ad156691eda795bef4150aa7c56ff93"),
        ("noise", (375, 500, 3), "b0fb11506f8fa815b2bce5c3e50b51a585e6b72ca29068981624a8f18401bd91"),
    ],
)
def test_generated_pictures_are_the_same_everywhere(name: str, shape: tuple[int, ...], sha256: str) -> None:
    picture = generated_picture(name)
    assert picture.dtype == np.uint8
    assert picture.shape == shape
    assert hashlib.sha256(picture.tobytes()).hexdigest() == sha256


# ------------------------------------------------------------------------------------------------ tampering


@pytest.fixture
def copy(classifier: Classifier, tmp_path: Path) -> ModelPackage:
    """The package with a golden.json that can be edited."""
    shutil.copy(classifier.package.folder / "golden.json", tmp_path)
    return replace(classifier.package, folder=tmp_path)


def tamper(package: ModelPackage, change: Tampering) -> None:
    path = package.folder / "golden.json"
    document: Document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")


def candidate(value: int, amount: float) -> Tampering:
    """Adds an amount to a value of the second candidate of "noise"."""

    def change(document: Document) -> None:
        document["outputs"]["noise"]["candidates"][1][value] += amount

    return change


def output(**fields: object) -> Tampering:
    return lambda document: document["outputs"]["noise"].update(fields)


def embedding(document: Document) -> None:
    document["outputs"]["noise"]["embedding"][-1] += 0.5


def shorter_embedding(document: Document) -> None:
    document["outputs"]["noise"]["embedding"].pop()


def shorter_candidate(document: Document) -> None:
    document["outputs"]["noise"]["candidates"][1].pop()


def one_candidate_less(document: Document) -> None:
    document["outputs"]["noise"]["candidates"].pop()


def renamed(document: Document) -> None:
    document["outputs"]["stripes"] = document["outputs"].pop("noise")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(candidate(6, 0.25), r"'noise' differs by 0\.2[45]\d+ in scores \(at most", id="a score"),
        pytest.param(candidate(0, 7), r"'noise' differs by 0\.0\d+ in scores .* [67]\.\d\d pixels", id="a centre"),
        pytest.param(candidate(3, -7), r"'noise' differs by .* [67]\.\d\d pixels in boxes", id="a size"),
        pytest.param(embedding, r"'noise' differs by 0\.(49|50)\d+ in scores", id="the embedding"),
        pytest.param(candidate(6, float("nan")), r"'noise' differs by nan in scores", id="a score is no number"),
        pytest.param(candidate(0, float("nan")), r"'noise' differs by .* nan pixels", id="a centre is no number"),
        pytest.param(shorter_embedding, r"'noise' gives 12 candidates .* embedding of \d+; golden", id="embedding cut"),
        pytest.param(
            shorter_candidate, r"'noise' gives 12 candidates of \[\d+\] values.* of \[\d+, \d+\]", id="ragged"
        ),
        pytest.param(one_candidate_less, r"'noise' gives 12 candidates .* has 11 candidates", id="one too few"),
        pytest.param(output(anchors=[10**6] * 12), r"'noise': index 1000000 is out of bounds", id="no such anchor"),
        pytest.param(output(anchors=[-1] * 12), r"golden\.json: .*anchors", id="anchor below zero"),
        pytest.param(output(candidates=[]), r"golden\.json: .*candidates", id="no candidates"),
        pytest.param(output(colour="BGR"), r"golden\.json: .*colour", id="unknown key"),
        pytest.param(renamed, r"'stripes' is no generated picture .* \(blocks, noise\)", id="unknown picture"),
        pytest.param(lambda document: document.update(outputs={}), r"golden\.json: .*outputs", id="proves nothing"),
        pytest.param(
            lambda document: document.update(score_tolerance=0), r"golden\.json: .*score_tolerance", id="tolerance"
        ),
    ],
)
def test_other_values_are_refused(classifier: Classifier, copy: ModelPackage, change: Tampering, message: str) -> None:
    tamper(copy, change)
    with pytest.raises(PackageError, match=f"(?s){message}") as caught:
        check_golden(copy, classifier.engine)
    assert str(copy.folder) in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff"])
def test_unreadable_golden_outputs_are_refused(
    classifier: Classifier, copy: ModelPackage, content: bytes | None
) -> None:
    path = copy.folder / "golden.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(PackageError, match=r"golden\.json: "):
        check_golden(copy, classifier.engine)


def test_a_change_within_the_tolerance_passes(classifier: Classifier, copy: ModelPackage) -> None:
    tamper(copy, candidate(6, 0.004))
    assert check_golden(copy, classifier.engine)["noise"] == pytest.approx(0.004, abs=PROVIDER_TOLERANCE)


# ----------------------------------------------------------------------------------- model and description


class BrokenEngine:
    """A provider that computes, and computes nothing but NaN."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.input_shape = engine.input_shape

    def run(self, tensor: np.typing.NDArray[np.float32]) -> RawOutput:
        raw = self._engine.run(tensor)
        return RawOutput(np.full_like(raw.candidates, np.nan), raw.embedding)


def test_a_provider_that_computes_nan_is_refused(classifier: Classifier) -> None:
    broken = cast(Engine, BrokenEngine(classifier.engine))
    with pytest.raises(PackageError, match="differs by nan in scores"):
        check_golden(classifier.package, broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda _: {"input": InputRecipe(width=320, height=320)},
            r"model\.onnx takes \(1, 3, \d+, \d+\), model\.json says",
            id="input size",
        ),
        pytest.param(
            lambda d: {"categories": d.categories[:-1]},
            r"model\.onnx scores (\d+) categories, model\.json lists \d+",
            id="categories",
        ),
        pytest.param(
            lambda _: {"scene": SceneHead(weights=(1.0,), bias=0, unrelated_below=0.5, evidence={})},
            r"embedding of \d+ values, the scene head in model\.json weighs 1;",
            id="scene head",
        ),
    ],
)
def test_a_description_of_another_model_is_refused(
    classifier: Classifier, change: Callable[[ModelDescription], Document], message: str
) -> None:
    description = classifier.package.description
    other = replace(classifier.package, description=description.model_copy(update=change(description)))
    with pytest.raises(PackageError, match=message):
        check_golden(other, classifier.engine)


# -------------------------------------------------------------------------------------------------- photos


@pytest.fixture
def with_photo(classifier: Classifier, tmp_path: Path) -> tuple[ModelPackage, Path]:
    """A package whose golden outputs include a photo, and that photo under another name."""
    photo = tmp_path / "renamed.jpg"
    photo.write_bytes(encode(noisy_scene(1400, 1000), "jpeg", orientation=6))
    recipe = classifier.package.description.input
    golden = make_golden(classifier.engine, recipe, {"street": photo}, score_tolerance=0.01, pixel_tolerance=1.0)
    (tmp_path / "golden.json").write_text(golden.model_dump_json(), "utf-8")
    return replace(classifier.package, folder=tmp_path), photo


def test_a_golden_photo_is_found_by_its_hash(
    classifier: Classifier, with_photo: tuple[ModelPackage, Path], tmp_path: Path
) -> None:
    package, photo = with_photo
    other = tmp_path / "street"
    other.write_bytes(b"of the same name, with other bytes")
    differences = check_golden(package, classifier.engine, [other, photo])
    assert {*differences} == {"blocks", "noise", "street"}
    assert differences["street"] <= 1e-5


def test_an_absent_golden_photo_is_skipped(classifier: Classifier, with_photo: tuple[ModelPackage, Path]) -> None:
    assert {*check_golden(with_photo[0], classifier.engine)} == {"blocks", "noise"}


def test_the_shipped_golden_photos_agree_where_they_are_present(classifier: Classifier) -> None:
    outputs = classifier.package.golden()["outputs"]
    names = {name for name, expected in outputs.items() if expected["photo_sha256"] is not None}
    present = [path for path in shared("data").glob("*/images/*") if path.name in names]
    if not present:
        pytest.skip("../shared holds none of the photos in golden.json")
    differences = check_golden(classifier.package, classifier.engine, present)
    assert names & {*differences}
    assert max(differences.values()) <= PROVIDER_TOLERANCE
