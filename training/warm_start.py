"""Weights to go on from, whose outputs are those of the categories to come.

Trainers take weights over where shapes agree, by position. With other categories, or the same in another order, the
scores of one category would become those of another: here each keeps its own, and a new one starts from their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor
from ultralytics.nn.tasks import DetectionModel, load_checkpoint


def warm_start(checkpoint: Path, before: Sequence[str], after: Sequence[str], target: Path) -> Path:
    """Write the weights of a model for other categories.

    Args:
        checkpoint: Of a model whose outputs are `before`, in this order.
        before: Category ids.
        after: Category ids of the model to come.
        target: The new checkpoint.

    Returns:
        `target`, or the checkpoint itself where the categories are the same.
    """
    if list(before) == list(after):
        return checkpoint
    model, _ = load_checkpoint(checkpoint)
    fresh = _untrained(model, len(after))
    fresh.load(model, verbose=False)  # everything but the outputs, whose hidden layers it widens where it must
    outputs = _by_category(model)
    old = model.float().state_dict()
    moved = {name: _rows(old[name], before, after) if name in outputs else v for name, v in fresh.state_dict().items()}
    fresh.load_state_dict(moved)
    fresh.names = dict(enumerate(after))
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": fresh.half(), "epoch": -1, "train_args": {}}, target)
    return target


def _by_category(model: DetectionModel) -> set[str]:
    """Names of the tensors with one row a category: those whose number of rows changes with that of the categories."""
    shapes = [
        {name: value.shape for name, value in _untrained(model, n).state_dict().items()}
        for n in (model.model[-1].nc, model.model[-1].nc + 1)
    ]
    return {name for name, shape in shapes[0].items() if shape != shapes[1][name]}


def _untrained(like: DetectionModel, categories: int) -> DetectionModel:
    """The same architecture for another number of categories."""
    return DetectionModel({**deepcopy(like.yaml), "nc": categories}, verbose=False)


def _rows(value: Tensor, before: Sequence[str], after: Sequence[str]) -> Tensor:
    """One row a category at its new place; a new category starts from the mean."""
    mean = value.mean(dim=0)
    return torch.stack([value[before.index(category)] if category in before else mean for category in after])
