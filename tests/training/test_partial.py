"""The loss that takes no evidence from silence."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from torch import Tensor
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss

from training.partial import LABELLED, PartialLabelBCE, PartialLabelLoss

CATEGORIES = 5
SIDE = 64
ANCHORS = 64 + 16 + 4


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    model = DetectionModel("yolo11n.yaml", nc=CATEGORIES, verbose=False)
    model.args = get_cfg()
    return model.train()


@pytest.fixture
def preds(model: Any) -> dict[str, Any]:
    """Head outputs as leaves, so that their gradients can be read."""
    torch.manual_seed(1)
    with torch.no_grad():
        raw = model(torch.rand(2, 3, SIDE, SIDE))
    return {
        "boxes": raw["boxes"].clone().requires_grad_(),
        "scores": raw["scores"].clone().requires_grad_(),
        "feats": raw["feats"],
    }


def batch(labelled: Tensor | None) -> dict[str, Any]:
    """Two photos; the first shows categories 0 and 3, the second 1."""
    values: dict[str, Any] = {
        "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
        "cls": torch.tensor([[0.0], [3.0], [1.0]]),
        "bboxes": torch.tensor([[0.3, 0.3, 0.4, 0.4], [0.7, 0.7, 0.3, 0.4], [0.5, 0.5, 0.6, 0.6]]),
    }
    return values if labelled is None else {**values, LABELLED: labelled}


def total(loss: tuple[Tensor, dict[str, Tensor]]) -> Tensor:
    return loss[0].sum()


def test_with_everything_labelled_it_is_the_stock_loss(model: Any, preds: dict[str, Any]) -> None:
    everything = torch.ones(2, ANCHORS, CATEGORIES, dtype=torch.bool)
    stock, stock_items = v8DetectionLoss(model)(preds, batch(None))
    ours, our_items = PartialLabelLoss(model)(preds, batch(everything))
    assert torch.equal(stock, ours)
    assert all(torch.equal(stock_items[name], our_items[name]) for name in stock_items)
    gradients = [torch.autograd.grad(loss.sum(), preds["scores"], retain_graph=True)[0] for loss in (stock, ours)]
    assert torch.equal(*gradients)


def test_without_the_mask_it_is_the_stock_loss(model: Any, preds: dict[str, Any]) -> None:
    assert torch.equal(v8DetectionLoss(model)(preds, batch(None))[0], PartialLabelLoss(model)(preds, batch(None))[0])


def test_gradient_of_an_unlabelled_category_is_exactly_zero(model: Any, preds: dict[str, Any]) -> None:
    labelled = torch.ones(2, ANCHORS, CATEGORIES, dtype=torch.bool)
    labelled[0, :, 2] = False  # nobody looked for category 2 on the first photo
    labelled[1, :, 4] = False
    torch.autograd.backward(total(PartialLabelLoss(model)(preds, batch(labelled))))
    gradient = preds["scores"].grad  # (batch, categories, anchors)
    assert gradient[0, 2].count_nonzero() == 0
    assert gradient[1, 4].count_nonzero() == 0
    assert gradient[0, 4].count_nonzero() == ANCHORS
    assert gradient[1, 2].count_nonzero() == ANCHORS


def test_only_the_unlabelled_tile_is_silent(model: Any, preds: dict[str, Any]) -> None:
    labelled = torch.ones(2, ANCHORS, CATEGORIES, dtype=torch.bool)
    labelled[:, :32, 2] = False  # the upper half at stride 8
    torch.autograd.backward(total(PartialLabelLoss(model)(preds, batch(labelled))))
    gradient = preds["scores"].grad[:, 2]
    assert gradient[:, :32].count_nonzero() == 0
    assert gradient[:, 32:].count_nonzero() == 2 * (ANCHORS - 32)


def test_a_box_teaches_even_where_its_category_was_not_searched(model: Any, preds: dict[str, Any]) -> None:
    labelled = torch.ones(2, ANCHORS, CATEGORIES, dtype=torch.bool)
    labelled[0, :, 3] = False  # the first photo has a box of category 3 all the same
    torch.autograd.backward(total(PartialLabelLoss(model)(preds, batch(labelled))))
    gradient = preds["scores"].grad[0, 3]
    assert 0 < gradient.count_nonzero() < ANCHORS  # at the anchors assigned to the box, and nowhere else


def test_box_and_dfl_terms_do_not_change(model: Any, preds: dict[str, Any]) -> None:
    nothing = torch.zeros(2, ANCHORS, CATEGORIES, dtype=torch.bool)
    stock = v8DetectionLoss(model)(preds, batch(None))[1]
    ours = PartialLabelLoss(model)(preds, batch(nothing))[1]
    assert torch.equal(stock["box_loss"], ours["box_loss"])
    assert torch.equal(stock["dfl_loss"], ours["dfl_loss"])
    assert ours["cls_loss"] < stock["cls_loss"]


@pytest.mark.parametrize("shape", [(2, ANCHORS, CATEGORIES + 1), (1, ANCHORS, CATEGORIES), (2, CATEGORIES, ANCHORS)])
def test_a_mask_of_the_wrong_shape_is_named(model: Any, preds: dict[str, Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must have shape \(2, 84, 5\), but got"):
        PartialLabelLoss(model)(preds, batch(torch.ones(shape, dtype=torch.bool)))


def test_the_mask_of_one_batch_does_not_reach_the_next(model: Any, preds: dict[str, Any]) -> None:
    criterion = PartialLabelLoss(model)
    criterion(preds, batch(torch.zeros(2, ANCHORS, CATEGORIES, dtype=torch.bool)))
    assert torch.equal(criterion(preds, batch(None))[0], v8DetectionLoss(model)(preds, batch(None))[0])


def test_bce_matches_torch_where_labelled() -> None:
    bce = PartialLabelBCE()
    scores, targets = torch.randn(2, 3, 4), torch.rand(2, 3, 4)
    stock = torch.nn.BCEWithLogitsLoss(reduction="none")(scores, targets)
    assert torch.equal(bce(scores, targets), stock)
