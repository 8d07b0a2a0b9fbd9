"""What duplicates do to a data set: photos counted twice, parts that leak, labels that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from datasets.alignment import Alignment
from datasets.box_faults import shown
from datasets.check_settings import AgreementSettings
from datasets.duplicates import Pair
from datasets.faults import Fault
from datasets.geometry import Box as Corners
from datasets.geometry import area, iou, within
from datasets.labels import LabelledPhoto
from datasets.photo_faults import CheckedPhoto

_NAMES = {
    "exact": "完全相同 / the same file",
    "near": "近似重复 / the same photo",
    "same-scene": "同一场景 / the same scene",
}


def duplicate_faults(
    photos: Sequence[CheckedPhoto], pairs: Iterable[Pair], settings: AgreementSettings
) -> Iterator[Fault]:
    """Findings about pairs, each told of its first photo and naming the other."""
    for pair in pairs:
        first, second = photos[pair.first], photos[pair.second]
        yield _relation(first, second, pair)
        if pair.relation != "same-scene":
            yield from _contradictions(first, second, pair, settings)


def _relation(first: CheckedPhoto, second: CheckedPhoto, pair: Pair) -> Fault:
    what, other = _NAMES[pair.relation], second.photo.key
    parts = (first.photo.split, second.photo.split)
    if None not in parts and parts[0] != parts[1]:
        message = f"跨训练与评估 / {parts[0]} and {parts[1]} share it ({what}): {other}; put both on one side"
        if pair.relation == "same-scene":
            return first.fault("split-same-scene", "warning", message, pair.score, _other(second, pair))
        return first.fault("split-leak", "error", message, pair.score, _other(second, pair))
    code = {"exact": "exact-duplicate", "near": "near-duplicate", "same-scene": "same-scene"}[pair.relation]
    across = "，跨来源 / across sources" if first.photo.source != second.photo.source else ""
    message = f"{what}{across}: {other}"
    return first.fault(code, "note" if code == "same-scene" else "warning", message, pair.score, _other(second, pair))


def _other(second: CheckedPhoto, pair: Pair, **more: object) -> dict[str, object]:
    name = second.photo.key.partition("/")[2]
    mirrored = pair.alignment is not None and pair.alignment.mirrored
    found: dict[str, object] = {"other": {"source": second.photo.source, "name": name}, "relation": pair.relation}
    return {**found, **({"mirrored": True} if mirrored else {}), **more}


def _contradictions(
    first: CheckedPhoto, second: CheckedPhoto, pair: Pair, settings: AgreementSettings
) -> Iterator[Fault]:
    for category in sorted(_judged(first.photo) & _judged(second.photo)):
        here, there = first.photo.shows(category), second.photo.shows(category)
        unmatched = _unmatched(first.photo, second.photo, category, pair.alignment, settings)
        if here != there and (unmatched or category in first.photo.present ^ second.photo.present):
            code, what = "labels-contradict", "一张标了，另一张没有 / one of the two shows it, the other does not"
        elif here and there and unmatched:
            code, what = "boxes-contradict", f"{unmatched} 个框对不上 / boxes without a partner in the other photo"
        else:
            continue
        details = _other(
            second,
            pair,
            category=category,
            boxes=[shown(box) for box in first.photo.boxes if box.category == category],
            other_boxes=[shown(box) for box in second.photo.boxes if box.category == category],
        )
        message = f"重复照片标注矛盾 / duplicates disagree: {what}: {second.photo.key}"
        yield first.fault(code, "warning", message, 1.0 if code == "labels-contradict" else 0.8, details)


def _judged(photo: LabelledPhoto) -> frozenset[str]:
    """Categories about which the photo's labels say shown or not shown."""
    shown_here = photo.present | {box.category for box in photo.boxes}
    return (photo.exhaustive_for | shown_here) - photo.unsure


def _unmatched(
    first: LabelledPhoto, second: LabelledPhoto, category: str, alignment: Alignment | None, settings: AgreementSettings
) -> int:
    """Boxes of either photo that the other should have, and has not.

    A box is only missed where its category was searched for exhaustively.
    """
    here, there = _boxes(first, category), _boxes(second, category)
    mapped = [alignment.maps(box) if alignment else box for box in here]
    back = [alignment.inverse().maps(box) if alignment else box for box in there]
    missed = 0
    if category in second.exhaustive_for:
        missed += sum(_is_missed(box, there, settings) for box in mapped)
    if category in first.exhaustive_for:
        missed += sum(_is_missed(box, here, settings) for box in back)
    return missed


def _boxes(photo: LabelledPhoto, category: str) -> list[Corners]:
    return [box.xyxy for box in photo.boxes if box.category == category]


def _is_missed(box: Corners, others: Iterable[Corners], settings: AgreementSettings) -> bool:
    visible = within(box)
    if area(visible) < settings.visible_share * area(box):
        return False
    return all(iou(visible, other) < settings.box_iou for other in others)
