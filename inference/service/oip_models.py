"""The models that the Open Inference Protocol shows, and how it describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from pydantic import BaseModel, Field

from inference.classify import Classifier
from inference.service.oip_tensors import Datatype
from inference.service.options import shortened
from inference.service.problems import UNKNOWN_MODEL, Problem
from inference.service.runtime import Runtime

PHOTOS: Final = "photos"
IMAGES: Final = "images"
RAW_SUFFIX: Final = "-tensor"


class ServerAnswer(BaseModel):
    """The server."""

    name: str = "street-patrol"
    version: str
    extensions: list[str] = ["binary_tensor_data"]


class ServerLive(BaseModel):
    """The process answers."""

    live: Literal[True] = True


class ServerReady(BaseModel):
    """Photos can be judged."""

    ready: Literal[True] = True


class ModelReady(BaseModel):
    """The model can be asked."""

    name: str
    ready: Literal[True] = True


class TensorAnswer(BaseModel):
    """An input or output of a model; -1: any number."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str = Field(examples=["street-patrol-n"])
    versions: list[str] = Field(examples=[["0.1.0"]])
    platform: str = Field(examples=["onnxruntime_onnx"])
    inputs: list[TensorAnswer]
    outputs: list[TensorAnswer]


class OutputTensor(TensorAnswer):
    """A tensor of an answer; values as `data`, or as many bytes behind the JSON as `parameters` says."""

    parameters: dict[str, int] | None = None
    data: list[Any] | None = None


class InferAnswer(BaseModel):
    """The answer of a model."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


_PHOTO_OUTPUTS: Final = (
    TensorAnswer(name="boxes", datatype="FP32", shape=[-1, 4]),
    TensorAnswer(name="scores", datatype="FP32", shape=[-1]),
    TensorAnswer(name="categories", datatype="BYTES", shape=[-1]),
    TensorAnswer(name="photo_indexes", datatype="INT32", shape=[-1]),
    TensorAnswer(name="answer", datatype="BYTES", shape=[1]),
)


@dataclass(frozen=True, slots=True)
class Served:
    """A model under one of its two names.

    Attributes:
        classifier: The model.
        is_raw: Whether it is the bare model.
    """

    classifier: Classifier
    is_raw: bool

    @classmethod
    def find(cls, runtime: Runtime, model: str, version: str | None) -> Served:
        """The model of a name.

        Raises:
            Problem: There is none of this name, or not in this version.
        """
        classifier = runtime.classifier
        description = classifier.package.description
        known = (description.name, description.name + RAW_SUFFIX)
        if model not in known:
            raise Problem(UNKNOWN_MODEL, f"There is no model {shortened(model)!r}; there are {' and '.join(known)}.")
        if version is not None and version != description.version:
            detail = f"Model {model!r} is not loaded in version {shortened(version)!r}, but in {description.version!r}."
            raise Problem(UNKNOWN_MODEL, detail)
        return cls(classifier, is_raw=model == known[1])

    @property
    def name(self) -> str:
        """What it is called."""
        return self.classifier.package.description.name + (RAW_SUFFIX if self.is_raw else "")

    @property
    def version(self) -> str:
        """Of the package."""
        return self.classifier.package.description.version

    def metadata(self) -> ModelMetadata:
        """What it takes and gives."""
        shape = list(self.classifier.engine.input_shape)
        photos = TensorAnswer(name=PHOTOS, datatype="BYTES", shape=[-1])
        images = TensorAnswer(name=IMAGES, datatype="FP32", shape=shape)
        return ModelMetadata(
            name=self.name,
            versions=[self.version],
            platform="onnxruntime_onnx" if self.is_raw else "street-patrol",
            inputs=[images if self.is_raw else photos],
            outputs=list(self._raw_outputs() if self.is_raw else _PHOTO_OUTPUTS),
        )

    def _raw_outputs(self) -> Sequence[TensorAnswer]:
        shapes = self.classifier.engine.output_shapes
        return [TensorAnswer(name=name, datatype="FP32", shape=list(shape)) for name, shape in shapes.items()]

    def max_values(self, runtime: Runtime) -> int:
        """Numbers or photos that a request of this model may hold in JSON."""
        return int(np.prod(self.classifier.engine.input_shape)) if self.is_raw else runtime.settings.max_photos
