"""Labelled photos as a training data set, each anchor knowing which categories were labelled at its place."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.data.dataset import YOLODataset

from datasets.labels import LabelledPhoto
from inference.letterbox import resize
from inference.photo import read_photo
from training.partial import LABELLED

STRIDES = (8, 16, 32)
_OUTSIDE = 255  # what ultralytics' transforms fill a mask with outside every photo
_TILES = 254


def repeat_factors(shown: NDArray[np.bool_], threshold: float, limit: float) -> NDArray[np.float64]:
    """How often a photo is shown per epoch, after LVIS (Gupta et al. 2019, section 5.1).

    Args:
        shown: (photos, categories), which photo shows what.
        threshold: Categories in a smaller share of photos than this are repeated.
        limit: No photo is shown more often than this.

    Returns:
        (photos,) factors in [1, limit]: the largest sqrt(threshold / share) of the photo's categories.
    """
    share = np.maximum(shown.mean(axis=0), 1e-9)
    per_category = np.clip(np.sqrt(threshold / share), 1.0, limit)
    return np.asarray(np.where(shown, per_category, 1.0).max(axis=1, initial=1.0), dtype=float)


class PartialLabelPhotos(YOLODataset):  # type: ignore[misc]
    """ultralytics' data set over `LabelledPhoto`s instead of label folders.

    The set of categories labelled on each photo rides through mosaic, affine and flip as a mask of tile numbers, so
    that it stays exact under any of them.

    Args:
        photos: What to train on.
        categories: Category ids in output order.
        stretched: Sources whose photos lost their aspect ratio.
        aspect_jitter: Those are shown with a ratio drawn log-uniformly from [1/(1+x), 1+x].
        repeats: (photos,) times each photo is shown per epoch; fractions are rounded at random by `seed`.
        **kwargs: ultralytics' own (imgsz, augment, hyp, ...).
    """

    def __init__(
        self,
        photos: Sequence[LabelledPhoto],
        categories: Sequence[str],
        *,
        stretched: frozenset[str] = frozenset(),
        aspect_jitter: float = 0.0,
        repeats: NDArray[np.float64] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.photos = list(photos)
        self.categories = list(categories)
        self.stretched = stretched
        self.aspect_jitter = aspect_jitter
        self.known = np.array([[c in p.exhaustive_for for c in categories] for p in photos], dtype=bool)
        self.order = _order(len(self.photos), repeats, seed)
        self._tiles = np.ones((_OUTSIDE + 1, len(self.categories)), dtype=bool)
        self._next_tile = 0
        self._decoded: dict[int, NDArray[np.uint8]] = {}
        super().__init__(img_path="", data={"names": dict(enumerate(categories)), "channels": 3}, **kwargs)

    def get_img_files(self, img_path: object) -> list[str]:  # noqa: ARG002 - ultralytics' signature
        """The photos' files."""
        return [str(p.path) for p in self.photos]

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels in ultralytics' form: class index (n, 1) and centre-size boxes (n, 4) as fractions."""
        return [self._label(p) for p in self.photos]

    def build_transforms(self, hyp: Any = None) -> Any:
        """Ultralytics' augmentation, drawing mosaic partners from all photos rather than from a recent few."""
        self.cache = "ram"  # what makes Mosaic do so; decoded photos are kept by load_image
        return super().build_transforms(hyp)

    def _label(self, photo: LabelledPhoto) -> dict[str, Any]:
        boxes = [box for box in photo.boxes if box.category in self.categories]
        xyxy = np.array([box.xyxy for box in boxes], dtype=np.float32).reshape(-1, 4)
        centre, size = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
        return {
            "im_file": str(photo.path),
            "shape": (self.imgsz, self.imgsz),
            "cls": np.array([self.categories.index(b.category) for b in boxes], dtype=np.float32).reshape(-1, 1),
            "bboxes": np.concatenate([centre, size], axis=1),
            "segments": [],
            "keypoints": None,
            "normalized": True,
            "bbox_format": "xywh",
        }

    def __len__(self) -> int:
        return len(self.order)

    def load_image(
        self,
        i: int,
        rect_mode: bool = True,  # noqa: ARG002 - ultralytics' signature
        resize_short: bool = False,  # noqa: ARG002
    ) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
        """The photo as the service decodes it, longer side at the training size, BGR as ultralytics expects."""
        bgr = self._decoded.get(i)
        if bgr is None:
            photo = read_photo(self.photos[i].path.read_bytes(), target_side=self.imgsz, allow_degraded=True)
            scale = self.imgsz / max(photo.rgb.shape[:2])
            height, width = (max(1, round(side * scale)) for side in photo.rgb.shape[:2])
            bgr = self._decoded[i] = np.ascontiguousarray(resize(photo.rgb, width, height)[..., ::-1])
        original: tuple[int, int] = (bgr.shape[0], bgr.shape[1])
        if self.augment and self.photos[i].source in self.stretched:
            bgr = self._unstretched(bgr)
        return bgr, original, (bgr.shape[0], bgr.shape[1])

    def _unstretched(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The photo with a random aspect ratio, longer side unchanged: the true one is lost."""
        span = math.log1p(self.aspect_jitter)
        ratio = math.exp(random.uniform(-span, span))  # noqa: S311 - augmentation, no secret
        width = round(bgr.shape[1] * min(1.0, ratio))
        height = round(bgr.shape[0] * min(1.0, 1 / ratio))
        return np.asarray(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """A photo with its labels; its tile number marks where its set of labelled categories holds."""
        position = int(self.order[index])
        label: dict[str, Any] = super().get_image_and_label(position)
        tile = self._next_tile
        self._next_tile = (tile + 1) % _TILES
        self._tiles[tile] = self.known[position]
        label["semantic_mask"] = np.full(label["img"].shape[:2], tile, dtype=np.uint8)
        return label

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One training sample; `labelled` is bool (anchors, categories) in the head's anchor order."""
        sample: dict[str, Any] = super().__getitem__(index)
        tiles: NDArray[np.uint8] = sample.pop("semantic_mask")
        at_anchors = np.concatenate([tiles[s // 2 :: s, s // 2 :: s].ravel() for s in STRIDES])
        sample[LABELLED] = torch.from_numpy(self._tiles[at_anchors])
        return sample

    @staticmethod
    def collate_fn(batch: list[dict[str, Any]]) -> dict[str, Any]:
        """Samples into a batch; `labelled` becomes (batch, anchors, categories)."""
        labelled = torch.stack([sample.pop(LABELLED) for sample in batch])
        collated: dict[str, Any] = YOLODataset.collate_fn(batch)
        collated[LABELLED] = labelled
        return collated


def _order(n: int, repeats: NDArray[np.float64] | None, seed: int) -> NDArray[np.int64]:
    """Photo positions, each as often as its factor says; fractions are rounded at random."""
    if repeats is None:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    times = np.floor(repeats + rng.random(n)).astype(np.int64)
    return np.repeat(np.arange(n), np.maximum(times, 1))
