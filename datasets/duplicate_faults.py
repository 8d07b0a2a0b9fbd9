"""What duplicates do to a data set: photos counted twice, parts that leak, labels that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from datasets.alignment import Alignment
from datasets.box_faults import shown
from datasets.check_settings import AgreementSettings
from datasets.duplicates import Pair
from datasets.faults import Fault
from datasets.geometry import area, iou, within
from datasets.labels import Box, LabelledPhoto
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
        lonely = _unmatched(first.photo, second.photo, category, pair.alignment, settings)
        tags_differ = category in first.photo.present ^ second.photo.present
        if here != there and (lonely or tags_differ):
            code, what = "labels-contradict", "一张标了，另一张没有 / one of the two shows it, the other does not"
        elif here and there and lonely:
            code, what = "boxes-contradict", f"{len(lonely)} 个框对不上 / boxes without a partner in the other photo"
        else:
            continue
        boxes, other_boxes = (_shown(checked.photo, category, lonely) for checked in (first, second))
        details = _other(second, pair, category=category, boxes=boxes, other_boxes=other_boxes)
        message = f"重复照片标注矛盾 / duplicates disagree: {what}: {second.photo.key}"
        yield first.fault(code, "warning", message, 1.0 if code == "labels-contradict" else 0.8, details)


def _shown(photo: LabelledPhoto, category: str, lonely: Iterable[Box]) -> list[dict[str, object]]:
    """The photo's boxes of a category, those without a partner marked; told apart by identity, as copies are equal."""
    marked = {id(box) for box in lonely}
    return [shown(b, "suspect" if id(b) in marked else "label") for b in photo.boxes if b.category == category]


def _judged(photo: LabelledPhoto) -> frozenset[str]:
    """Categories about which the photo's labels say shown or not shown."""
    shown_here = photo.present | {box.category for box in photo.boxes}
    return (photo.exhaustive_for | shown_here) - photo.unsure


def _unmatched(
    first: LabelledPhoto, second: LabelledPhoto, category: str, alignment: Alignment | None, settings: AgreementSettings
) -> list[Box]:
    """Boxes of either photo that the other should have, and has not.

    A box is only missed where its category was searched for exhaustively.
    """
    here, there = ([box for box in photo.boxes if box.category == category] for photo in (first, second))
    back = alignment.inverse() if alignment else None
    lonely = [box for box in here if category in second.exhaustive_for and _is_missed(box, there, alignment, settings)]
    return lonely + [box for box in there if category in first.exhaustive_for and _is_missed(box, here, back, settings)]


def _is_missed(box: Box, others: Iterable[Box], alignment: Alignment | None, settings: AgreementSettings) -> bool:
    mapped = alignment.maps(box.xyxy) if alignment else box.xyxy
    visible = within(mapped)
    if area(visible) < settings.visible_share * area(mapped):
        return False
    return all(iou(visible, other.xyxy) < settings.box_iou for other in others)
