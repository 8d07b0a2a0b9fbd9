"""Model input -> raw output: one ONNX Runtime session, many concurrent runs."""

from __future__ import annotations

import importlib.util
import json
import logging
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.cores import cores
from inference.errors import PatrolError

log = logging.getLogger(__name__)

Provider = Literal["cuda", "openvino", "cpu"]
_ORT_NAMES: dict[Provider, str] = {
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_REGISTRATION = "street-patrol-openvino"
_registering = threading.Lock()

PROVIDER_TOLERANCE = 2e-3
"""Two providers' scores for one photo differ by at most this (fp32 on all; summation order differs)."""


class EngineError(PatrolError):
    """No session could be made, with what was tried."""


@dataclass(frozen=True, slots=True, eq=False)
class RawOutput:
    """What the model says about one photo.

    Attributes:
        candidates: float32 (4 + categories, anchors), see `inference.detect.detect`.
        embedding: float32 (d,) description of the whole photo, or None when the model has no such output.
    """

    candidates: NDArray[np.float32]
    embedding: NDArray[np.float32] | None


class Engine:
    """An ONNX Runtime session; `run` may be called from any number of threads at once.

    Args:
        model: The ONNX file.
        provider: `auto` takes CUDA where there is one, else OpenVINO where its plugin is installed and the CPU is
            supported, else ONNX Runtime's own CPU kernels. A named provider is taken or refused.
        threads: Threads that one run may use; None: as many as the process has cores.

    Raises:
        EngineError: the named provider is not available, or the model cannot be loaded.
    """

    def __init__(self, model: Path, provider: Provider | Literal["auto"] = "auto", threads: int | None = None) -> None:
        self.threads = threads or cores()
        wanted: list[Provider] = ["cuda", "openvino", "cpu"] if provider == "auto" else [provider]
        refused: list[str] = []
        for candidate in wanted:
            try:
                self._session = _session(model, candidate, self.threads)
            except _UnavailableError as error:
                refused.append(f"{candidate}: {error}")
                continue
            self.provider: Provider = candidate
            break
        else:
            raise EngineError(f"{model}: no session ({'; '.join(refused)})")
        self.refused = tuple(refused)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        if "candidates" not in self._outputs:
            raise EngineError(f"{model}: none of its outputs {self._outputs} is 'candidates'; export it again")
        log.info("engine ready: provider=%s threads=%d refused=%s", self.provider, self.threads, refused)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, 3, height, width) the model was exported for."""
        return tuple(self._session.get_inputs()[0].shape)

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name of what the model gives; `run` drops the first dimension, which is 1."""
        return {output.name: tuple(output.shape) for output in self._session.get_outputs()}

    def run(self, tensor: NDArray[np.float32]) -> RawOutput:
        """One photo through the model.

        Args:
            tensor: (1, 3, height, width) float32, see `inference.letterbox.letterbox`.

        Raises:
            EngineError: the provider computed values that are not numbers, which must not pass for "nothing found".
        """
        values = self._session.run(self._outputs, {self._input: tensor})
        named = dict(zip(self._outputs, values, strict=True))
        if not all(np.isfinite(value).all() for value in values):
            raise EngineError(f"provider {self.provider} computed values that are not numbers; try another provider")
        embedding = named.get("embedding")
        return RawOutput(named["candidates"][0], None if embedding is None else embedding[0])

    def rest(self) -> None:
        """Give back the memory that runs left allocated for the next one; for an engine that is only kept in reserve.

        It stays ready: the next run allocates it again.
        """
        if self.provider != "cpu":
            return  # the others manage memory of their own
        options = ort.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(self._outputs, {self._input: np.zeros(self.input_shape, np.float32)}, options)


class _UnavailableError(Exception):
    """Why a provider cannot be used here."""


def _session(model: Path, provider: Provider, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle servers must not burn a core
    options.log_severity_level = 3
    try:
        if provider == "openvino":
            device = _openvino_cpu()
            # fp32 also on CPUs with bf16 units: the same photo must get the same answer on every machine.
            exact = json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}})
            options.add_provider_for_devices([device], {"load_config": exact})
            return ort.InferenceSession(model, options)
        return _built_in_session(model, options, provider)
    except _UnavailableError:
        raise
    except Exception as error:  # ONNX Runtime raises a family of unrelated types
        raise _UnavailableError(str(error).strip().partition("\n")[0] or type(error).__name__) from error


def _built_in_session(model: Path, options: ort.SessionOptions, provider: Provider) -> ort.InferenceSession:
    name = _ORT_NAMES[provider]
    if name not in ort.get_available_providers():
        raise _UnavailableError("this ONNX Runtime was built without it")
    # TF32 would round to 10 bits on GPUs: the same photo must get the same answer on every machine.
    settings = {"use_tf32": "0"} if provider == "cuda" else {}
    # Left to itself ONNX Runtime prints a notice and computes on the CPU where a GPU's libraries are missing.
    session = ort.InferenceSession(model, options, providers=[(name, settings)], enable_fallback=0)
    if name not in session.get_providers():
        raise _UnavailableError("ONNX Runtime could not start it: its libraries or its device are missing")
    return session


def _openvino_cpu() -> ort.OrtEpDevice:
    """The CPU as OpenVINO's plugin sees it; the plugin is registered once per process."""
    if importlib.util.find_spec("onnxruntime_ep_openvino") is None:
        raise _UnavailableError("the package onnxruntime-ep-openvino is not installed (extra `openvino`)")
    import onnxruntime_ep_openvino as plugin  # optional, and 0.1 s to load

    with _registering:
        _register(plugin.get_library_path())
        devices = _devices(plugin.get_ep_name())
    if not devices:
        raise _UnavailableError("the OpenVINO plugin does not support this CPU")
    return devices[0]


@cache
def _register(library: str) -> None:
    ort.register_execution_provider_library(_REGISTRATION, library)


def _devices(name: str) -> list[ort.OrtEpDevice]:
    found = (device for device in ort.get_ep_devices() if device.ep_name == name)
    return [device for device in found if device.ep_metadata.get("ov_device") == "CPU"]
