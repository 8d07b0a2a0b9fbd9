"""What is wrong with boxes, whatever the photo shows: improbable sizes, the same thing boxed twice."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from datasets.check_settings import BoxSettings
from datasets.faults import Fault
from datasets.geometry import area, covered, iou
from datasets.labels import Box
from datasets.photo_faults import CheckedPhoto

_NORMAL_MAD = 1.4826  # makes a median absolute deviation comparable with a standard deviation


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the boxes of a category are: median and deviation of the logarithm of their share of the photo."""

    median: float
    deviation: float

    def deviations(self, share: float) -> float:
        """How many deviations a box is larger than the median."""
        return (math.log(share) - self.median) / self.deviation


def size_distributions(photos: Iterable[CheckedPhoto], settings: BoxSettings) -> dict[str, Sizes]:
    """Category -> its sizes, of categories with enough boxes; robust, so that outliers do not hide themselves."""
    logs: dict[str, list[float]] = defaultdict(list)
    for checked in photos:
        for box in checked.photo.boxes:
            logs[box.category].append(math.log(area(box.xyxy)))
    found: dict[str, Sizes] = {}
    for category, values in logs.items():
        median = float(np.median(values))
        spread = _NORMAL_MAD * float(np.median(np.abs(np.array(values) - median)))
        if len(values) >= settings.outlier_boxes and spread > 0:
            found[category] = Sizes(median, spread)
    return found


def box_faults(photos: Sequence[CheckedPhoto], settings: BoxSettings) -> Iterator[Fault]:
    """Suspicious boxes, one finding each."""
    sizes = size_distributions(photos, settings)
    for checked in photos:
        for box in checked.photo.boxes:
            yield from _size(checked, box, sizes, settings)
        yield from _twice(checked, settings)


def _size(checked: CheckedPhoto, box: Box, sizes: Mapping[str, Sizes], settings: BoxSettings) -> Iterator[Fault]:
    share, details = area(box.xyxy), {"category": box.category, "boxes": [shown(box)]}
    deviations = sizes[box.category].deviations(share) if box.category in sizes else 0.0
    if share >= settings.large_share:
        message = f"框几乎覆盖整张照片 / the box covers {share:.0%} of the photo; tag the photo, or box the thing"
        yield checked.fault("box-large", "warning", message, share, details)
    elif deviations > settings.outlier_deviations:
        message = f"框比同类大得多 / covers {share:.0%}, {deviations:.1f} deviations above its category's median"
        yield checked.fault("box-large", "warning", message, deviations / (2 * settings.outlier_deviations), details)
    x1, y1, x2, y2 = box.xyxy
    shorter = min((x2 - x1) * checked.facts.width, (y2 - y1) * checked.facts.height)
    if checked.facts.width and shorter < settings.tiny_pixels:
        message = f"框太小 / the box is {shorter:.1f} pixels on its shorter side; delete it, or draw it again"
        yield checked.fault("box-tiny", "warning", message, 1 - shorter / settings.tiny_pixels, details)


def _twice(checked: CheckedPhoto, settings: BoxSettings) -> Iterator[Fault]:
    """Pairs of boxes of one category that are one box drawn twice, or one inside the other."""
    for first, second in combinations(checked.photo.boxes, 2):
        if first.category != second.category:
            continue
        details = {"category": first.category, "boxes": [shown(first), shown(second)]}
        overlap = iou(first.xyxy, second.xyxy)
        if overlap >= settings.duplicate_iou:
            message = f"同一物体框了两次 / two boxes of one category overlap by {overlap:.0%}; delete one"
            yield checked.fault("box-duplicated", "warning", message, overlap, details)
        elif (inside := covered(first.xyxy, second.xyxy)) >= settings.nested_share:
            message = f"同类框互相嵌套 / {inside:.0%} of one box lies in another of its category; keep one, or split"
            yield checked.fault("box-nested", "note", message, inside * (0.5 + overlap / 2), details)


def shown(box: Box, role: str = "label") -> dict[str, object]:
    """A box for programs and the gallery; roles: `label`, `suspect`, `context` (of the same photo), `model`."""
    return {"category": box.category, "xyxy": [round(value, 5) for value in box.xyxy], "role": role}
