"""Model input -> raw output: one ONNX Runtime session, many concurrent runs."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

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
        self.threads = threads or len(os.sched_getaffinity(0))
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
        log.info("engine ready: provider=%s threads=%d refused=%s", self.provider, self.threads, refused)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, 3, height, width) the model was exported for."""
        return tuple(self._session.get_inputs()[0].shape)

    def run(self, tensor: NDArray[np.float32]) -> RawOutput:
        """One photo through the model.

        Args:
            tensor: (1, 3, height, width) float32, see `inference.letterbox.letterbox`.
        """
        values = self._session.run(self._outputs, {self._input: tensor})
        named = dict(zip(self._outputs, values, strict=True))
        embedding = named.get("embedding")
        return RawOutput(named["candidates"][0], None if embedding is None else embedding[0])


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
        _require_built_in(provider)
        return ort.InferenceSession(model, options, providers=[_ORT_NAMES[provider]])
    except _UnavailableError:
        raise
    except Exception as error:  # ONNX Runtime raises a family of unrelated types
        raise _UnavailableError(str(error).strip().splitlines()[0]) from error


def _require_built_in(provider: Provider) -> None:
    if _ORT_NAMES[provider] not in ort.get_available_providers():
        raise _UnavailableError("this ONNX Runtime was built without it")


def _openvino_cpu() -> ort.OrtEpDevice:
    """The CPU as OpenVINO's plugin sees it; the plugin is registered once per process."""
    if importlib.util.find_spec("onnxruntime_ep_openvino") is None:
        raise _UnavailableError("the package onnxruntime-ep-openvino is not installed (extra `openvino`)")
    import onnxruntime_ep_openvino as plugin  # noqa: PLC0415 - optional, and 0.1 s to load

    with _registering:
        devices = _devices(plugin.get_ep_name())
        if not devices:
            ort.register_execution_provider_library(_REGISTRATION, plugin.get_library_path())
            devices = _devices(plugin.get_ep_name())
    if not devices:
        raise _UnavailableError("the OpenVINO plugin does not support this CPU")
    return devices[0]


def _devices(name: str) -> list[ort.OrtEpDevice]:
    found = (device for device in ort.get_ep_devices() if device.ep_name == name)
    return [device for device in found if device.ep_metadata.get("ov_device") == "CPU"]
