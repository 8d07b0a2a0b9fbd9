"""Every category keeps its own outputs when the list of categories changes."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from torch import Tensor
from ultralytics.nn.tasks import load_checkpoint

from inference.package import load_package
from inference.paths import MODELS
from training.warm_start import warm_start

SHIPPED = MODELS / "street-patrol-n"
WEIGHTS = SHIPPED / "weights.pt"
CATEGORIES = load_package(SHIPPED).description.categories


def logits(checkpoint: Path) -> Tensor:
    """(categories, anchors) for a picture of noise, so that small scores count as well."""
    model, _ = load_checkpoint(checkpoint)
    with torch.no_grad():
        scores = model.eval().float()(torch.rand(1, 3, 64, 64, generator=torch.manual_seed(0)))[0][0, 4:]
    found: Tensor = torch.logit(scores)
    return found


@pytest.mark.parametrize(
    "after",
    [[*CATEGORIES[5:], "brand_new", *CATEGORIES[:3]], [CATEGORIES[7], "brand_new", CATEGORIES[2]]],
    ids=["some moved, two gone, one new", "three left, for which a head would be narrower"],
)
def test_categories_that_move_keep_their_scores(tmp_path: Path, after: list[str]) -> None:
    moved, original = logits(warm_start(WEIGHTS, CATEGORIES, after, tmp_path / "start.pt")), logits(WEIGHTS)
    assert moved.shape[0] == len(after)
    for position, category in enumerate(after):
        if category in CATEGORIES:
            assert torch.allclose(moved[position], original[CATEGORIES.index(category)], atol=0.1)  # kept in fp16


def test_the_same_categories_need_no_new_file(tmp_path: Path) -> None:
    assert warm_start(WEIGHTS, CATEGORIES, CATEGORIES, tmp_path / "start.pt") == WEIGHTS
    assert list(tmp_path.iterdir()) == []
