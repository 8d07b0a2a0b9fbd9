"""A task of Label Studio, turned into what people said about its photo.

Values are in percent of the photo as it is shown without turning: `image_rotation` only says how the labeller looked
at it. A rectangle is turned about its own upper left corner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from datasets.faults import Fault, Severity
from datasets.formats.label_studio_url import photo_name
from datasets.raw import RawBox, RawPhoto, Report
from datasets.shapes import Corners, around, as_fractions, as_pixels, ellipse, turned

Json = Mapping[str, Any]

SETS: Final = ("present", "absent", "unsure", "exhaustive", "flags")
"""Choices of these names say more than which classes are shown."""

SAME_PLACE: Final = 0.5
"""Overlap (intersection over union) from which boxes of two labellers are one and the same thing."""

_SILENT: Final = frozenset(
    {"rectangle", "ellipse", "polygon", "keypoint", "brush", "relation", "textarea", "rating", "number", "datetime"}
    | {"taxonomy", "pairwise", "ranker", "chatmessage"}
)
_PHOTO_KEYS: Final = ("image", "img", "photo", "url")
_PHOTO_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif")


class _UnusableError(ValueError):
    """A result that says too little to be a box."""


@dataclass(slots=True)
class _Labels:
    """What one annotation says."""

    boxes: list[RawBox] = field(default_factory=list)
    sets: dict[str, set[str]] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    def agrees(self, other: _Labels) -> bool:
        """Whether somebody else saw the same: the same tags, and each box in about the same place."""
        if self.sets != other.sets or len(self.boxes) != len(other.boxes):
            return False
        left = list(other.boxes)
        for box in self.boxes:
            twin = next((o for o in left if o.label == box.label and _overlap(o.xyxy, box.xyxy) >= SAME_PLACE), None)
            if twin is None:
                return False
            left.remove(twin)
        return True


def _overlap(a: Corners, b: Corners) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


class TaskReader:
    """Reads tasks of one file.

    Args:
        shown: How faults name the file.
        report: Gets the faults.
    """

    def __init__(self, shown: str, report: Report) -> None:
        self._shown = shown
        self._report = report

    def photo(self, task: Any, where: str) -> RawPhoto | None:
        """The labels of a task; None, with the reason reported, where nobody labelled it or it names no photo.

        Args:
            task: An element of a JSON export.
            where: Its place in the file.
        """
        data = task.get("data") if isinstance(task, dict) else None
        name = _name(data) if isinstance(data, dict) else ""
        if not isinstance(data, dict) or not name:
            message = "任务没有照片地址，或照片写在文件里 / names no photo (one written into the file does not count)"
            self._fault("name-missing", "error", message, where)
            return None
        annotations = sorted(_finished(task), key=_rank)
        if not annotations:
            message = "无人标注，或已跳过 / nobody labelled it, or it was skipped: left out, not taken for empty"
            self._fault("task-unlabelled", "note", message, where, name)
            return None
        chosen = self._labels(annotations[-1], where, name)
        self._compare(chosen, annotations, where, name)
        return self._photo(name, data, chosen, where)

    def _photo(self, name: str, data: Json, labels: _Labels, where: str) -> RawPhoto:
        sets = {key: frozenset(names) for key, names in labels.sets.items()}
        return RawPhoto(
            name,
            tuple(labels.boxes),
            labels.size or _size(data, "width", "height"),
            exhaustive=sets.get("exhaustive"),
            present=sets.get("present", frozenset()),
            absent=sets.get("absent", frozenset()),
            unsure=sets.get("unsure", frozenset()),
            flags=sets.get("flags", frozenset()),
            sha256=str(data.get("sha256") or ""),
            group=str(data.get("group") or ""),
            file=self._shown,
            where=where,
        )

    def _compare(self, chosen: _Labels, annotations: list[Json], where: str, name: str) -> None:
        quiet = TaskReader(self._shown, lambda _: None)
        others = [quiet._labels(annotation, where, name) for annotation in annotations[:-1]]
        differing = sum(not chosen.agrees(other) for other in others)
        if differing:
            taken = annotations[-1].get("id", "")
            message = (
                f"{len(annotations)} 人标注，{differing} 人与采用的不同 / {differing} of {len(others)} further "
                f"annotations disagree with the one taken (id {taken}: ground truth first, then the latest)"
            )
            self._fault("annotators-disagree", "warning", message, where, name)

    def _labels(self, annotation: Json, where: str, name: str) -> _Labels:
        labels = _Labels()
        for number, result in enumerate(_list(annotation.get("result"))):
            place = f"{where}.result[{number}]"
            if not isinstance(result, dict):
                continue
            labels.size = labels.size or _size(result, "original_width", "original_height")
            if _kind(result) == "choices":
                _tag(result, labels)
            elif _kind(result) not in _SILENT:
                labels.boxes.extend(self._boxes(result, place, name))
        return labels

    def _boxes(self, result: Json, where: str, name: str) -> Iterator[RawBox]:
        """One for each label of a region."""
        try:
            corners = _corners(result)
            names = _names(result)
        except _UnusableError as error:
            self._fault("box-broken", "error", f"{error}; the region is left out", where, name)
            return
        if corners is None:
            kind = _kind(result)
            self._fault("shape-unknown", "error", f"未知形状 {kind!r}，已略过 / unknown shape, left out", where, name)
            return
        yield from (RawBox(label, corners, where) for label in names)

    def _fault(self, code: str, severity: Severity, message: str, where: str, name: str = "") -> None:
        self._report(Fault(code, severity, message, name=name, file=self._shown, where=where))


def _kind(result: Json) -> str:
    return str(result.get("type"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(data: Json) -> str:
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    likely = [texts[key] for key in _PHOTO_KEYS if key in texts]
    looks_right = [text for text in texts.values() if photo_name(text).lower().endswith(_PHOTO_ENDINGS)]
    return photo_name([*likely, *looks_right][0]) if likely or looks_right else ""


def _finished(task: Json) -> Iterator[Json]:
    """Annotations that were submitted and not skipped; `completions` and `skipped` are their names of old."""
    for annotation in _list(task.get("annotations", task.get("completions"))):
        if isinstance(annotation, dict) and not (annotation.get("was_cancelled") or annotation.get("skipped")):
            yield annotation


def _rank(annotation: Json) -> tuple[bool, str]:
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _tag(result: Json, labels: _Labels) -> None:
    """Choices about a region, not about the photo, are attributes and say nothing here."""
    value = result.get("value") or {}
    if not isinstance(value, dict) or value.keys() & {"x", "points"}:
        return
    key = result.get("from_name")
    names = labels.sets.setdefault(key if key in SETS else "present", set())
    names.update(text for name in _list(value.get("choices")) if (text := str(name).strip()))


def _names(result: Json) -> list[str]:
    value = result["value"]
    names = [str(name).strip() for name in _list(value.get(_kind(result), value.get("labels")))]
    if not any(names):
        raise _UnusableError("缺少类别名 / no label")
    return [name for name in names if name]


def _corners(result: Json) -> Corners | None:
    """Fractions; None where the shape has no box around it."""
    value = result.get("value")
    if not isinstance(value, dict):
        raise _UnusableError("没有坐标 / no value")
    if "points" in value:
        return around([_point(point) for point in _list(value["points"])] or _no_points())
    angle = _number(value, "rotation") if value.get("rotation") else 0.0
    size = _size(result, "original_width", "original_height")
    if angle and size is None:
        raise _UnusableError("旋转框需要 original_width / a turned shape needs original_width and original_height")
    if "radiusX" in value:
        middle = (_number(value, "x"), _number(value, "y"))
        return _turned_ellipse(middle, (_number(value, "radiusX"), _number(value, "radiusY")), angle, size)
    if not value.keys() >= {"x", "y", "width", "height"}:
        return None
    x, y, width, height = (_number(value, key) / 100 for key in ("x", "y", "width", "height"))
    box = (x, y, x + width, y + height)
    if not angle or size is None:
        return box
    pixels = as_pixels(box, size)
    return as_fractions(turned(pixels, angle, pixels[:2]), size)


def _turned_ellipse(
    middle: tuple[float, float], radii: tuple[float, float], angle: float, size: tuple[int, int] | None
) -> Corners:
    width, height = size or (1, 1)
    x, y, across, down = middle[0] * width, middle[1] * height, radii[0] * width, radii[1] * height
    return as_fractions(ellipse((x / 100, y / 100), (across / 100, down / 100), angle), (width, height))


def _no_points() -> Iterable[tuple[float, float]]:
    raise _UnusableError("没有坐标 / no points")


def _point(point: Any) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != len(("x", "y")):
        raise _UnusableError(f"坐标不可用 / not a point: {point!r}")
    return _float(point[0], "x") / 100, _float(point[1], "y") / 100


def _number(value: Json, key: str) -> float:
    return _float(value.get(key), key)


def _float(value: Any, key: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not isfinite(number):
        raise _UnusableError(f"坐标不可用 / {key} is not a number: {value!r}")
    return number


def _size(value: Json, width: str, height: str) -> tuple[int, int] | None:
    try:
        sides = int(value.get(width) or 0), int(value.get(height) or 0)
    except (TypeError, ValueError):
        return None
    return sides if min(sides) > 0 else None
