"""Seconds per photo of one training step on this CPU: `python -m benchmarks.training_step [--size 448]`.

Forward, loss and backward of the nano detector, best of three, on random pixels: layout, precision and frozen stem.
"""

from __future__ import annotations

import os
import time

import torch
import typer
from rich.console import Console
from rich.table import Table
from ultralytics.cfg import get_cfg

from training.trainer import PartialLabelModel

_CATEGORIES, _BOXES, _REPEATS = 20, 4, 3


def _seconds(size: int, batch: int, *, channels_last: bool, bf16: bool, frozen: int) -> float:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = PartialLabelModel("yolo11n.yaml", nc=_CATEGORIES, verbose=False).train().to(memory_format=layout)
    model.args = get_cfg()
    model.bf16 = bf16
    for layer in list(model.model)[:frozen]:
        layer.requires_grad_(requires_grad=False)
    photos = {
        "img": torch.rand(batch, 3, size, size).to(memory_format=layout),
        "batch_idx": torch.arange(batch).repeat_interleave(_BOXES).float(),
        "cls": torch.zeros(batch * _BOXES, 1),
        "bboxes": torch.rand(batch * _BOXES, 4) * 0.3 + 0.3,
    }
    best = float("inf")
    for _ in range(_REPEATS + 1):  # the first one warms up
        started = time.perf_counter()
        loss, _ = model.loss(photos)
        loss.sum().backward()
        best = min(best, time.perf_counter() - started)
    return best / batch


def main(size: int = 448, batch: int = 16, *, with_bf16: bool = True) -> None:
    """Print one row per variant."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    variants = [(False, False, 0), (True, False, 0), (True, False, 4)] + [(True, True, 4)] * with_bf16
    table = Table("layout", "precision", "frozen layers", "s/photo")
    for channels_last, bf16, frozen in variants:
        seconds = _seconds(size, batch, channels_last=channels_last, bf16=bf16, frozen=frozen)
        layout = "channels last" if channels_last else "channels first"
        table.add_row(layout, "bf16" if bf16 else "fp32", str(frozen), f"{seconds:.3f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
