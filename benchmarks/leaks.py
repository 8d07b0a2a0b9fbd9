"""Looks for leaks between train, val and test by another way than the one that made the split.

    python -m benchmarks.leaks VERSION [--data DIR] [--sheet FILE]
    python -m benchmarks.leaks --collect          the split of configs/train.yaml

Splits are made with perceptual hashes and binary corner features. Here the detector's embeddings, which hardly
change when a photo is mirrored, cropped or scaled, propose for each photo of val and test its nearest photos in other
parts; SIFT matches that one affine map explains (RANSAC) confirm, for the photo and its mirror image. Lists every
confirmed pair and exits with 1 when there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from datasets.files import read_file
from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from datasets.settings import DataSettings
from inference.categories import load_catalogue
from inference.engine import Engine
from inference.letterbox import letterbox
from inference.package import ModelPackage, load_package
from inference.paths import CONFIGS, MODELS
from inference.photo import read_photo
from training.settings import load_train_settings

NEIGHBOURS = 10
"""Photos of other parts that each photo is compared with."""
LEAST_COSINE = 0.96
"""Of embeddings, below which a neighbour is not compared: planted copies, crops and mirror images lay above 0.974."""
RATIO = 0.75
"""Lowe's ratio between the best and the second best match."""
INLIERS = 25
"""SIFT matches that one affine map must explain."""
SPREAD = 0.08
"""Share of both photos that the hull of those matches must cover: a shared watermark covers less."""
_SIDE = 480
_FEATURES = 500
_TOLD_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Leak:
    """Two photos of different parts that show the same thing.

    Attributes:
        first: One.
        second: The other.
        cosine: Of their embeddings.
        inliers: SIFT matches explained by one affine map.
    """

    first: LabelledPhoto
    second: LabelledPhoto
    cosine: float
    inliers: int


def rgb(photo: LabelledPhoto) -> NDArray[np.uint8]:
    """Its pixels, at a scale that keeps `_SIDE`."""
    return read_photo(read_file(photo.path), target_side=_SIDE, allow_degraded=True).rgb


def embeddings(photos: Sequence[LabelledPhoto], package: ModelPackage) -> NDArray[np.float32]:
    """(n, d) unit vectors."""
    engine, recipe = Engine(package.model_path, "cpu"), package.description.input

    def one(photo: LabelledPhoto) -> NDArray[np.float32]:
        pixels = rgb(photo)
        tensor, _ = letterbox(pixels, recipe, pixels.shape[1], pixels.shape[0])
        embedding = engine.run(tensor).embedding
        return np.zeros(1, np.float32) if embedding is None else embedding.ravel()

    with ThreadPoolExecutor(2) as pool:
        vectors = np.stack(list(pool.map(one, photos)))
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def candidates(photos: Sequence[LabelledPhoto], vectors: NDArray[np.float32]) -> dict[tuple[int, int], float]:
    """(photo of val or test, photo of another part) -> cosine, for the nearest ones."""
    part = np.array([photo.split or "" for photo in photos])
    found: dict[tuple[int, int], float] = {}
    for i in np.flatnonzero(part != "train").tolist():
        cosine = np.where(part == part[i], -1.0, vectors @ vectors[i])
        for j in np.argsort(-cosine)[:NEIGHBOURS].tolist():
            if cosine[j] >= LEAST_COSINE and (j, i) not in found:
                found[i, j] = float(cosine[j])
    return found


class Sift:
    """SIFT features of photos, kept while they are compared."""

    def __init__(self, photos: Sequence[LabelledPhoto]) -> None:
        self._photos = photos
        self._sift = cv2.SIFT.create(nfeatures=_FEATURES)
        self._known: dict[tuple[int, bool], tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def features(self, photo: int, *, mirrored: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(points as fractions of the photo (n, 2), descriptors (n, 128))."""
        key = (photo, mirrored)
        if key not in self._known:
            grey = cv2.cvtColor(cv2.resize(rgb(self._photos[photo]), (_SIDE, _SIDE)), cv2.COLOR_RGB2GRAY)
            points, descriptors = self._sift.detectAndCompute(cv2.flip(grey, 1) if mirrored else grey, None)
            xy = (np.array([point.pt for point in points]).reshape(-1, 2) / _SIDE).astype(np.float32)
            empty = np.empty((0, 128), np.float32)
            self._known[key] = (xy, empty if descriptors is None else np.asarray(descriptors, np.float32))
        return self._known[key]

    def inliers(self, i: int, j: int, *, mirrored: bool) -> int:
        """Matches that one affine map explains and that spread over both photos; 0 where there is no such map."""
        (here, mine), (there, theirs) = self.features(i, mirrored=mirrored), self.features(j, mirrored=False)
        if min(len(mine), len(theirs)) < INLIERS:
            return 0
        pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(mine, theirs, k=2)
        good = [best for best, second in pairs if best.distance < RATIO * second.distance]
        if len(good) < INLIERS:
            return 0
        a, b = here[[match.queryIdx for match in good]], there[[match.trainIdx for match in good]]
        _, mask = cv2.estimateAffine2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=0.012)
        fits = np.zeros(len(good), bool) if mask is None else mask.ravel() > 0
        if int(fits.sum()) < INLIERS or min(_hull(a[fits]), _hull(b[fits])) < SPREAD:
            return 0
        return int(fits.sum())


def _hull(points: NDArray[np.float32]) -> float:
    return float(cv2.contourArea(cv2.convexHull(points)))


def leaks(photos: Sequence[LabelledPhoto], package: ModelPackage, console: Console) -> Iterator[Leak]:
    """Confirmed pairs, as they are found."""
    pairs = candidates(photos, embeddings(photos, package))
    console.print(f"{len(pairs):,} pairs of neighbours in different parts to compare")
    sift = Sift(photos)
    for number, ((i, j), cosine) in enumerate(pairs.items(), start=1):
        inliers = max(sift.inliers(i, j, mirrored=mirrored) for mirrored in (False, True))
        if inliers:
            yield Leak(photos[i], photos[j], cosine, inliers)
        if number % _TOLD_EVERY == 0:
            console.print(f"{number:,} compared")


def _sheet(found: Sequence[Leak], path: Path) -> None:
    """The pairs side by side, for eyes on this machine only: photos show faces and plates."""
    rows = [np.hstack([cv2.resize(rgb(photo), (320, 240)) for photo in (leak.first, leak.second)]) for leak in found]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def main(
    version: Annotated[str | None, typer.Argument(help="name, id or folder of a frozen version")] = None,
    data: Path = Path("data"),
    collect: Annotated[bool, typer.Option(help="the split of configs/train.yaml instead")] = False,
    model: Path = MODELS / "street-patrol-n",
    sheet: Annotated[Path | None, typer.Option(help="write the pairs found as one picture")] = None,
) -> None:
    """Print the leaks."""
    console = Console(highlight=False)
    if (version is None) == (not collect):
        raise typer.BadParameter("give a VERSION, or --collect")
    settings = load_train_settings().data if version is None else DataSettings(root=data, version=version)
    collection = labelled_photos(settings, load_catalogue(), CONFIGS)
    found = sorted(leaks(collection.photos, load_package(model), console), key=lambda leak: -leak.inliers)
    table = Table("part", "photo", "part", "photo", "cosine", "SIFT inliers")
    for leak in found:
        ends = (leak.first.split or "", leak.first.key, leak.second.split or "", leak.second.key)
        table.add_row(*ends, f"{leak.cosine:.3f}", str(leak.inliers))
    console.print(table)
    console.print(f"version {collection.version}: {len(collection.photos):,} photos, {len(found)} leaking pairs")
    if sheet is not None and found:
        _sheet(found, sheet)
    raise typer.Exit(1 if found else 0)


if __name__ == "__main__":
    typer.run(main)
