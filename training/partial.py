"""Learning from partial labels: a category nobody looked for gives no negative signal.

A photo of a source that labels bins but not cables may well show cables. Stock training would teach the detector
that those cables are background. Here each anchor carries the set of categories that were labelled at its place
(per photo, and per tile inside a mosaic); the classification loss of every other category is cut out there, unless
the anchor is assigned to a labelled box of that very category.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.utils.loss import v8DetectionLoss

LABELLED = "labelled"
"""Batch key of the mask: bool (batch, anchors, categories), True where absence is evidence."""


class PartialLabelBCE(nn.Module):
    """Element-wise binary cross-entropy that is exactly zero where a category is neither labelled nor assigned."""

    def __init__(self) -> None:
        super().__init__()
        self.labelled: Tensor | None = None

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Loss per element.

        Args:
            scores: Logits (batch, anchors, categories).
            targets: Soft targets in [0, 1], same shape.
        """
        loss = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        if self.labelled is None:
            return loss
        return torch.where(self.labelled | (targets > 0), loss, torch.zeros((), dtype=loss.dtype, device=loss.device))


class PartialLabelLoss(v8DetectionLoss):  # type: ignore[misc]
    """ultralytics' detection loss with the classification term masked by `batch["labelled"]`.

    Without that key, or with everything labelled, it is the stock loss.
    """

    def __init__(self, model: nn.Module, tal_topk: int = 10) -> None:
        super().__init__(model, tal_topk)
        self.bce = PartialLabelBCE()

    def loss(self, preds: dict[str, Tensor], batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Box, classification and DFL loss of a batch, times its size; and their values for the log."""
        scores = preds["scores"]  # (batch, categories, anchors)
        labelled: Tensor | None = batch.get(LABELLED)
        expected = (scores.shape[0], scores.shape[2], scores.shape[1])
        if labelled is not None and tuple(labelled.shape) != expected:
            raise ValueError(f"batch[{LABELLED!r}] must have shape {expected}, but got {tuple(labelled.shape)}")
        self.bce.labelled = labelled
        try:
            result: tuple[Tensor, dict[str, Tensor]] = super().loss(preds, batch)
        finally:
            self.bce.labelled = None
        return result
