"""The engine under threads, its choice of provider, and the same numbers from every arithmetic."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from inference.classify import Classifier
from inference.engine import PROVIDER_TOLERANCE, Engine, EngineError, Provider, RawOutput
from inference.golden import generated_picture
from inference.letterbox import letterbox
from inference.photo import read_photo
from tests.photos import noisy_scene

Tensor = NDArray[np.float32]

PREFERENCE: tuple[Provider, ...] = ("cuda", "openvino", "cpu")
VISIBLE = 0.05  # boxes of candidates weaker than any floor are arbitrary
PIXEL_TOLERANCE = 0.5
_PHOTOS = 5


@pytest.fixture(scope="module")
def generated(classifier: Classifier) -> dict[str, Tensor]:
    """Inputs that need no photos."""
    pictures = {name: generated_picture(name) for name in ("blocks", "noise")}
    pictures |= {"scene": noisy_scene(800, 600), "strip": noisy_scene(4000, 16)}
    return {name: tensor(classifier, rgb) for name, rgb in pictures.items()}


@pytest.fixture(scope="module")
def real(classifier: Classifier, patrol_photos: list[Path]) -> dict[str, Tensor]:
    paths = patrol_photos[:: len(patrol_photos) // _PHOTOS]
    return {path.name: tensor(classifier, read_photo(path.read_bytes(), target_side=640).rgb) for path in paths}


@pytest.fixture(params=["generated", "real"])
def tensors(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    chosen: dict[str, Tensor] = request.getfixturevalue(request.param)
    return chosen


def tensor(classifier: Classifier, rgb: NDArray[np.uint8]) -> Tensor:
    return letterbox(rgb, classifier.package.description.input, rgb.shape[1], rgb.shape[0])[0]


def assert_same(found: RawOutput, expected: RawOutput) -> None:
    np.testing.assert_array_equal(found.candidates, expected.candidates)
    assert found.embedding is not None
    assert expected.embedding is not None
    np.testing.assert_array_equal(found.embedding, expected.embedding)


def assert_close(found: RawOutput, expected: RawOutput) -> None:
    """Scores within the tolerance, boxes of visible candidates within a fraction of a pixel."""
    assert np.abs(found.candidates[4:] - expected.candidates[4:]).max() <= PROVIDER_TOLERANCE
    visible = expected.candidates[4:].max(axis=0) >= VISIBLE
    boxes = np.abs(found.candidates[:4, visible] - expected.candidates[:4, visible])
    assert boxes.max(initial=0) <= PIXEL_TOLERANCE
    assert found.embedding is not None
    assert expected.embedding is not None
    assert np.abs(found.embedding - expected.embedding).max() <= 10 * PROVIDER_TOLERANCE


# ------------------------------------------------------------------------------------------------- output


def test_output_has_the_documented_shape(classifier: Classifier, generated: dict[str, Tensor]) -> None:
    raw = classifier.engine.run(generated["blocks"])
    description = classifier.package.description
    assert classifier.engine.input_shape == (1, 3, description.input.height, description.input.width)
    assert raw.candidates.dtype == np.float32
    assert raw.candidates.shape[0] == 4 + len(description.categories)
    assert np.isfinite(raw.candidates).all()
    assert raw.candidates[4:].min() >= 0
    assert raw.candidates[4:].max() <= 1
    assert raw.embedding is not None
    assert raw.embedding.shape == (raw.embedding.size,)


def test_eight_threads_get_what_one_gets(classifier: Classifier, tensors: dict[str, Tensor]) -> None:
    """Pain 1: a detector shared by threads goes blind or mixes results."""
    alone = {name: classifier.engine.run(value) for name, value in tensors.items()}
    work = [*tensors] * 3
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda name: classifier.engine.run(tensors[name]), work))
    for name, raw in zip(work, together, strict=True):
        assert_same(raw, alone[name])


def test_an_answer_is_not_overwritten_by_the_next(classifier: Classifier, generated: dict[str, Tensor]) -> None:
    first = classifier.engine.run(generated["blocks"])
    copy = RawOutput(first.candidates.copy(), None if first.embedding is None else first.embedding.copy())
    classifier.engine.run(generated["noise"])
    assert_same(first, copy)


# ------------------------------------------------------------------------------------- another arithmetic


def unoptimised(model: Path) -> ort.InferenceSession:
    """Every node of the graph as it stands, none fused or laid out anew: other kernels, other order of sums."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def test_scores_do_not_depend_on_graph_optimisation(classifier: Classifier, tensors: dict[str, Tensor]) -> None:
    session = unoptimised(classifier.package.model_path)
    for value in tensors.values():
        candidates, embedding = session.run(["candidates", "embedding"], {session.get_inputs()[0].name: value})
        assert_close(classifier.engine.run(value), RawOutput(candidates[0], embedding[0]))


@pytest.mark.parametrize("threads", [1, 3])
def test_scores_do_not_depend_on_threads(classifier: Classifier, tensors: dict[str, Tensor], threads: int) -> None:
    other = Engine(classifier.package.model_path, "cpu", threads)
    assert other.threads == threads
    for value in tensors.values():
        assert_close(other.run(value), classifier.engine.run(value))


@pytest.mark.parametrize("provider", ["cuda", "openvino"])
def test_scores_do_not_depend_on_the_provider(
    classifier: Classifier, tensors: dict[str, Tensor], provider: Provider
) -> None:
    try:
        other = Engine(classifier.package.model_path, provider)
    except EngineError as error:
        pytest.skip(str(error))
    for value in tensors.values():
        assert_close(other.run(value), classifier.engine.run(value))


# ----------------------------------------------------------------------------------------------- provider


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime_ep_openvino" else find_spec(name)
    )


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])


@pytest.fixture
def with_broken_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with onnxruntime-gpu where CUDA's own libraries are missing: it is listed, and does not start."""
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("CUDA works here")
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])


def test_auto_takes_the_best_and_says_why_not_a_better_one(model_folder: Path) -> None:
    engine = Engine(model_folder / "model.onnx")
    better = PREFERENCE[: PREFERENCE.index(engine.provider)]
    assert [reason.partition(": ")[0] for reason in engine.refused] == [*better]
    assert all(reason.partition(": ")[2] for reason in engine.refused)


@pytest.mark.usefixtures("without_cuda", "without_openvino")
def test_auto_falls_back_to_the_cpu(model_folder: Path) -> None:
    engine = Engine(model_folder / "model.onnx")
    assert engine.provider == "cpu"
    assert engine.refused == (
        "cuda: this ONNX Runtime was built without it",
        "openvino: the package onnxruntime-ep-openvino is not installed (extra `openvino`)",
    )


@pytest.mark.usefixtures("without_cuda", "without_openvino")
@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        ("cuda", "cuda: this ONNX Runtime was built without it"),
        ("openvino", "openvino: the package onnxruntime-ep-openvino is not installed"),
    ],
)
def test_a_named_provider_is_taken_or_refused(model_folder: Path, provider: Provider, reason: str) -> None:
    with pytest.raises(EngineError) as caught:
        Engine(model_folder / "model.onnx", provider)
    assert reason in str(caught.value)
    assert str(model_folder / "model.onnx") in str(caught.value)


def test_a_second_engine_is_refused_for_the_same_reason(model_folder: Path) -> None:
    first, second = (Engine(model_folder / "model.onnx") for _ in range(2))
    assert (second.provider, second.refused) == (first.provider, first.refused)


@pytest.mark.usefixtures("with_broken_cuda")
@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider':UserWarning")
def test_a_gpu_that_does_not_start_is_not_replaced_by_the_cpu_in_silence(
    model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineError, match="cuda: ONNX Runtime could not start it"):
        Engine(model_folder / "model.onnx", "cuda")
    engine = Engine(model_folder / "model.onnx")
    assert engine.provider != "cuda"
    assert engine.refused[0].startswith("cuda: ONNX Runtime could not start it")
    assert "EP Error" not in capfd.readouterr().out


def test_every_provider_refuses_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(EngineError, match=r"model.onnx: no session \(cuda: .+; openvino: .+; cpu: .+\)"):
        Engine(path)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="extra `train` is not installed")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    result = onnx.helper.make_tensor_value_info("boxes", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["boxes"])], "other", [value], [result])
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(onnx.helper.make_model(graph, ir_version=9, opset_imports=[opset]), tmp_path / "model.onnx")
    with pytest.raises(EngineError, match=r"outputs \['boxes'\]"):
        Engine(tmp_path / "model.onnx", "cpu")


def test_an_engine_that_rested_computes_the_same(model_folder: Path, generated: dict[str, Tensor]) -> None:
    engine = Engine(model_folder / "model.onnx", "cpu", 1)
    before = engine.run(generated["scene"])
    engine.rest()
    assert_same(engine.run(generated["scene"]), before)


def test_threads_default_to_the_cores_of_this_process(classifier: Classifier) -> None:
    assert classifier.engine.threads == len(os.sched_getaffinity(0))
