"""The shipped model package, and real photos on which it is sure of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.decide import calibrated
from inference.paths import MODELS
from inference.photo import PhotoError
from tests.shared import shared

SURE = 0.1
"""Distance in probability from every threshold that no re-encoding bridges."""
_TRIED = 40


@pytest.fixture(scope="session")
def model_folder() -> Path:
    return MODELS / "street-patrol-n"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def classifier(model_folder: Path, catalogue: Catalogue) -> Classifier:
    return Classifier.load(model_folder, catalogue, "cpu")


def margin(classifier: Classifier, data: bytes) -> float:
    """How far the photo's probabilities are from the nearest threshold; 0 when nothing is suggested."""
    description = classifier.package.description
    floor = description.nms.score_floor
    result = classifier.classify(data, min_score=floor)
    scores = result.detections.photo_scores()
    distances = [0.0]
    for category, decision in description.decisions.items():
        if not result.suggestions or classifier.catalogue[category].role == "context":
            continue
        members = [child.id for child in classifier.catalogue.children(category)] or [category]
        strongest = max(scores.get(member, floor) for member in members)
        probability = calibrated(strongest, decision.calibration)
        distances += [abs(probability - t) for t in (decision.suggest, decision.prefill) if t is not None]
    return min(distances[1:], default=0.0)


def clear_photo(classifier: Classifier, paths: Iterable[Path]) -> Path:
    """The first of some photos whose suggestions are far from every threshold, else the one farthest from them."""
    best: tuple[float, Path] | None = None
    for path in paths:
        try:
            found = margin(classifier, path.read_bytes())
        except PhotoError:
            continue
        if best is None or found > best[0]:
            best = found, path
        if found >= SURE:
            break
    if best is None or best[0] == 0:
        pytest.skip("the shipped model suggests nothing on any of the photos tried")
    return best[1]


@pytest.fixture(scope="session")
def patrol_photos() -> list[Path]:
    """Validation photos of gbs111-cn, which the shipped model was not trained on."""
    source = shared("data", "gbs111-cn")
    names = json.loads((source / "splits.json").read_text("utf-8"))["val"]
    return [source / "images" / name for name in names]


@pytest.fixture(scope="session")
def clear_patrol_photo(classifier: Classifier, patrol_photos: list[Path]) -> Path:
    """A small photo with a sure suggestion."""
    return clear_photo(classifier, patrol_photos[:_TRIED])


@pytest.fixture(scope="session")
def clear_phone_photo(classifier: Classifier) -> Path:
    """A JPEG of several megapixels, decoded at reduced scale, with a sure suggestion."""
    photos = sorted(shared("data", "amsterdam-patrol", "images").glob("*.jpg"))
    return clear_photo(classifier, (path for path in photos[:_TRIED] if path.stat().st_size > 400_000))
