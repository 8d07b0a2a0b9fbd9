"""Checkpoint -> ONNX, with the photo's embedding as a second output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnxslim
import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import load_checkpoint

OPSET = 17
CANDIDATES = "candidates"
EMBEDDING = "embedding"


class ExportedDetector(nn.Module):
    """A detector that returns its candidates and what its backbone saw.

    Args:
        detector: An ultralytics DetectionModel.

    `forward` maps (batch, 3, height, width) in [0, 1] to candidates (batch, 4 + categories, anchors) and embedding
    (batch, d): the mean over the picture of the backbone's last feature map.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.layers: Any = detector.model
        self.backbone_end = len(detector.yaml["backbone"]) - 1
        head: Any = self.layers[-1]
        head.export = True
        head.format = "onnx"
        head.dynamic = False

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        outputs: list[Any] = []
        value: Any = images
        embedding = images
        for index, layer in enumerate(self.layers):
            if layer.f != -1:
                value = (
                    outputs[layer.f]
                    if isinstance(layer.f, int)
                    else [value if source == -1 else outputs[source] for source in layer.f]
                )
            value = layer(value)
            outputs.append(value)
            if index == self.backbone_end:
                embedding = value.mean(dim=(2, 3))
        return value, embedding


def load_detector(checkpoint: Path) -> ExportedDetector:
    """A checkpoint's EMA weights, fused, in eval mode and fp32."""
    model, _ = load_checkpoint(checkpoint, fuse=True)
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    return ExportedDetector(model).eval()


def export_onnx(detector: ExportedDetector, size: int, target: Path) -> None:
    """Write `target` for input (1, 3, size, size); constants are folded, the file is checked.

    Batch size is fixed to one: on CPU a larger batch costs as much time per photo, and fixed shapes are faster.
    """
    with torch.no_grad():
        torch.onnx.export(
            detector,
            (torch.zeros(1, 3, size, size),),
            str(target),
            input_names=["images"],
            output_names=[CANDIDATES, EMBEDDING],
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnxslim.slim(onnx.load(target))
    onnx.checker.check_model(model)
    onnx.save(model, target)
