"""LabelMe (the desktop tool): one JSON file a photo, beside the photo, shapes in pixels.

    <name>.json    the labels of <name>.jpg

Carries boxes, sizes and photo-level tags both ways: a flag that is true says the photo shows a class, one that is
false that it does not. What LabelMe has no place for (exhaustive set, unsure classes, remarks, digest, group) stands
under the key `street_patrol`, which LabelMe keeps when somebody edits the file. The photo that LabelMe may have put
into the file (`imageData`) is ignored. Shapes other than rectangles are reduced to the box around them, with a note.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import hypot, isfinite
from pathlib import Path
from posixpath import join, normpath
from typing import Any, Final

from datasets.faults import Fault, Severity
from datasets.json_keys import json_head
from datasets.label_paths import LabelPaths, below, is_small, label_files, stated_name
from datasets.photo_names import is_absolute
from datasets.photo_size import known_size, size_beside
from datasets.raw import RawBox, RawPhoto, Report
from datasets.shapes import Corners, Point, around, as_fractions, as_pixels
from datasets.text import open_text

NAME = "labelme"

_KEYS: Final = frozenset({"shapes", "imagePath"})
_FIRST_KEY: Final = "shapes"
_EXTRA: Final = "street_patrol"
_WRITTEN_AS: Final = "5.5.0"  # the version of LabelMe that wrote files of this shape
_SNIFFED_FILES: Final = 20
_DECIMALS: Final = 6  # of a pixel
_CIRCLE_POINTS: Final = 2
_SHAPES: Final = frozenset(
    {"rectangle", "polygon", "circle", "point", "points", "line", "linestrip", "mask", "rotation", "oriented_rectangle"}
)


class _UnusableError(ValueError):
    """A shape that says too little to be a box."""


def recognises(folder: Path) -> bool:
    """Whether one of the first JSON files below the folder is LabelMe's."""
    return any(_FIRST_KEY in json_head(path).keys for path in islice(label_files(folder, ".json"), _SNIFFED_FILES))


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The photos of all of LabelMe's files below the folder; JSON files of other kinds are passed over."""
    report = below(folder, report)
    reduced: Counter[str] = Counter()
    for path in label_files(folder, ".json"):
        head = json_head(path)
        content = _load(path, report) if head.is_broken or _FIRST_KEY in head.keys else None
        if content is not None:
            yield from _LabelMeFile(path, folder, report, reduced).photos(content)
    for shape, count in sorted(reduced.items()):
        message = f"{count} 个 {shape} 已取外接框 / {count} shapes '{shape}' were reduced to the box around them"
        report(Fault("shape-reduced", "note", message))


def _load(path: Path, report: Report) -> Mapping[str, Any] | None:
    """The file; None where it is not LabelMe's, or broken."""
    if not is_small(path, report):
        return None
    try:
        with open_text(path, report) as file:
            content = json.load(file)
    except json.JSONDecodeError as error:
        message = f"JSON 语法错误，修正或重新导出 / broken JSON, mend or export it again: {error.msg}"
        report(Fault("json-broken", "error", message, file=str(path), where=f"{error.lineno}"))
        return None
    except RecursionError:
        report(Fault("json-broken", "error", "JSON 嵌套过深 / nested too deeply to be labels", file=str(path)))
        return None
    return content if isinstance(content, dict) and content.keys() >= _KEYS else None


class _LabelMeFile:
    def __init__(self, path: Path, folder: Path, report: Report, reduced: Counter[str]) -> None:
        self._path = path
        self._folder = folder
        self._report = report
        self._reduced = reduced

    def photos(self, content: Mapping[str, Any]) -> Iterator[RawPhoto]:
        """The photo the file is about, or none."""
        stated = stated_name(str(content["imagePath"] or "")) or self._path.stem
        place = self._path.parent.relative_to(self._folder).as_posix()
        name = stated if is_absolute(stated) else normpath(join(place, stated))
        shapes = content["shapes"] if isinstance(content["shapes"], list) else []
        size = _size(content) or (size_beside(self._path, self._folder, name) if shapes else None)
        if shapes and size is None:
            message = "缺少照片尺寸，像素坐标无法换算 / no imageWidth and imageHeight: put the photo beside the file"
            self._fault("size-missing", "error", message, "imageWidth", name)
            return
        boxes = [box for number, shape in enumerate(shapes) if size and (box := self._box(number, shape, name, size))]
        extra = content.get(_EXTRA)
        yield RawPhoto(
            name,
            tuple(boxes),
            size,
            present=_flags(content, is_set=True),
            absent=_flags(content, is_set=False),
            file=self._path.relative_to(self._folder).as_posix(),
            **(_extra(extra) if isinstance(extra, dict) else {}),
        )

    def _box(self, number: int, shape: Any, name: str, size: tuple[int, int]) -> RawBox | None:
        where = f"shapes[{number}]"
        try:
            label, kind, corners = _shape(shape)
        except _UnusableError as error:
            self._fault("box-broken", "error", f"{error}; the shape is left out", where, name)
            return None
        if kind not in _SHAPES:
            self._fault("shape-unknown", "error", f"未知形状 {kind!r}，已略过 / unknown shape, left out", where, name)
            return None
        if kind != "rectangle":
            self._reduced[kind] += 1
        return RawBox(label, as_fractions(corners, size), where)

    def _fault(self, code: str, severity: Severity, message: str, where: str, name: str) -> None:
        self._report(Fault(code, severity, message, name=name, file=str(self._path), where=where))


def _size(content: Mapping[str, Any]) -> tuple[int, int] | None:
    try:
        width, height = int(content.get("imageWidth") or 0), int(content.get("imageHeight") or 0)
    except (TypeError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _flags(content: Mapping[str, Any], *, is_set: bool) -> frozenset[str]:
    flags = content.get("flags")
    return (
        frozenset(name for name, value in flags.items() if value is is_set) if isinstance(flags, dict) else frozenset()
    )


def _extra(extra: Mapping[str, Any]) -> dict[str, Any]:
    lists = {key: extra.get(key) for key in ("exhaustive", "unsure", "flags")}
    sets = {key: frozenset(map(str, names)) for key, names in lists.items() if isinstance(names, list)}
    return sets | {key: str(extra[key]) for key in ("sha256", "group") if extra.get(key)}


def _shape(shape: Any) -> tuple[str, str, Corners]:
    """(label, kind, pixels) of a shape; old files name no kind where it is a polygon."""
    if not isinstance(shape, dict) or not str(shape.get("label") or "").strip():
        raise _UnusableError("缺少类别名 / no label")
    kind = str(shape.get("shape_type") or "polygon")
    stated = shape.get("points")
    points = [_point(point) for point in stated] if isinstance(stated, list) else []
    if not points:
        raise _UnusableError("没有坐标 / no points")
    if kind != "circle":
        return str(shape["label"]).strip(), kind, around(points)
    if len(points) != _CIRCLE_POINTS:
        raise _UnusableError("圆需要圆心和圆上一点 / a circle needs its centre and a point on it")
    (x, y), edge = points
    radius = hypot(edge[0] - x, edge[1] - y)
    return str(shape["label"]).strip(), kind, (x - radius, y - radius, x + radius, y + radius)


def _point(point: Any) -> Point:
    try:
        x, y = (float(value) for value in point)
    except (TypeError, ValueError):
        raise _UnusableError(f"坐标不可用 / not a point: {point!r}") from None
    if not (isfinite(x) and isfinite(y)):
        raise _UnusableError(f"坐标不可用 / not a point: {point!r}")
    return x, y


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """<name>.json for each photo, which is expected beside it.

    Raises:
        LabelError: The size of a photo is not known, or its name leads out of the folder.
    """
    paths = LabelPaths(folder, ".json")
    for photo in photos:
        text = json.dumps(_content(photo), ensure_ascii=False, indent=2)
        paths.path(photo.name).write_text(text + "\n", encoding="utf-8")


def _content(photo: RawPhoto) -> dict[str, Any]:
    width, height = known_size(photo)
    return {
        "version": _WRITTEN_AS,
        "flags": dict.fromkeys(sorted(photo.present), True) | dict.fromkeys(sorted(photo.absent), False),
        "shapes": [_written(box, (width, height)) for box in photo.boxes],
        "imagePath": photo.name.rpartition("/")[2],
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
        _EXTRA: {
            "exhaustive": None if photo.exhaustive is None else sorted(photo.exhaustive),
            "unsure": sorted(photo.unsure),
            "flags": sorted(photo.flags),
            "sha256": photo.sha256,
            "group": photo.group,
        },
    }


def _written(box: RawBox, size: tuple[int, int]) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(value, _DECIMALS) for value in as_pixels(box.xyxy, size))
    return {
        "label": box.label,
        "points": [[x1, y1], [x2, y2]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        "flags": {},
        "mask": None,
    }
