"""CVAT for images, XML 1.1: one file for all photos, shapes in pixels, read one photo at a time.

    annotations.xml    the labels; also read under any other name
    images/<name>      where CVAT's exports keep the photos

Carries boxes, sizes and photo-level tags that say a class is shown (`tag`). No tags that say it is not, no
exhaustive sets, no remarks. Attributes are ignored. A turned box and every other shape (polygon, polyline, points,
ellipse, mask, cuboid, skeleton) is reduced to the upright box around it, with a note of how many there were; shapes
`outside` the photo are left out, occluded ones count.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from datasets.faults import Fault, Severity
from datasets.label_paths import below, label_files, stated_name
from datasets.photo_size import known_size, size_beside
from datasets.raw import RawBox, RawPhoto, Report
from datasets.shapes import Corners, Point, around, as_fractions, as_pixels, centre, ellipse, run_length_mask, turned
from datasets.xml_file import read_children, root_tag

NAME = "cvat"
WRITTEN: Final = "annotations.xml"

_ROOT: Final = "annotations"
_SNIFFED_FILES: Final = 20
_DECIMALS: Final = 6  # of a pixel
_NO_SHAPES: Final = frozenset({"tag", "attribute"})
_CUBOID: Final = tuple(f"{side}{face}" for face in "12" for side in ("tl", "bl", "tr", "br"))


def recognises(folder: Path) -> bool:
    """Whether one of the first XML files below the folder has a root `annotations`."""
    return any(root_tag(path) == _ROOT for path in islice(label_files(folder, ".xml"), _SNIFFED_FILES))


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The photos of all `annotations` files below the folder."""
    for path in label_files(folder, ".xml"):
        if root_tag(path) == _ROOT:
            yield from _CvatFile(path, folder, below(folder, report)).photos()


class _CvatFile:
    def __init__(self, path: Path, folder: Path, report: Report) -> None:
        self._path = path
        self._folder = folder
        self._report = report
        self._reduced: Counter[str] = Counter()

    def photos(self) -> Iterator[RawPhoto]:
        for element in read_children(self._path, self._report):
            if element.tag == "image" and (photo := self._photo(element)) is not None:
                yield photo
            if element.tag == "track":
                message = "这是视频标注，没有照片名 / tracks of a video name no photos; export as 'CVAT for images 1.1'"
                self._fault("video-track", "error", message, f"track[@id='{element.get('id', '')}']")
        for shape, count in sorted(self._reduced.items()):
            message = f"{count} 个 {shape} 已取外接框 / {count} shapes '{shape}' were reduced to the box around them"
            self._fault("shape-reduced", "note", message)

    def _photo(self, image: Element) -> RawPhoto | None:
        where = f"image[@id='{image.get('id', '')}']"
        name = stated_name(image.get("name", ""))
        if not name:
            self._fault("name-missing", "error", "照片没有名字 / an image without a name is left out", where)
            return None
        shapes = [element for element in image if element.tag not in _NO_SHAPES]
        size = _size(image) or (size_beside(self._path, self._folder, name) if shapes else None)
        if shapes and size is None:
            message = "缺少照片尺寸，像素坐标无法换算 / no width and height, so pixels mean nothing; add the photo"
            self._fault("size-missing", "error", message, where, name)
            return None
        boxes = [box for shape in self._numbered(shapes, where) if size and (box := self._box(*shape, name, size))]
        tags = frozenset(label for tag in image.findall("tag") if (label := tag.get("label", "").strip()))
        shown = self._path.relative_to(self._folder).as_posix()
        return RawPhoto(name, tuple(boxes), size, present=tags, file=shown, where=where)

    @staticmethod
    def _numbered(shapes: Iterable[Element], where: str) -> Iterator[tuple[Element, str]]:
        seen: Counter[str] = Counter()
        for shape in shapes:
            seen[shape.tag] += 1
            yield shape, f"{where}/{shape.tag}[{seen[shape.tag]}]"

    def _box(self, shape: Element, where: str, name: str, size: tuple[int, int]) -> RawBox | None:
        if shape.get("outside") == "1":
            return None
        label, corners = shape.get("label", "").strip(), self._corners(shape, where, name)
        if corners is None:
            return None
        if not label:
            self._fault("box-broken", "error", "缺少类别名 / no label: the box is left out", where, name)
            return None
        if shape.tag != "box":
            self._reduced[shape.tag] += 1
        return RawBox(label, as_fractions(corners, size), where)

    def _corners(self, shape: Element, where: str, name: str) -> Corners | None:
        """Pixels; None, with the fault reported, where the shape says too little."""
        if shape.tag not in _SHAPES:
            message = f"未知形状 {shape.tag}，已略过 / unknown shape, left out"
            self._fault("shape-unknown", "error", message, where, name)
            return None
        try:
            return _SHAPES[shape.tag](shape)
        except KeyError as error:
            problem = f"缺少 {error} / {error} is missing"
        except ValueError as error:
            problem = f"坐标不可用 / no usable numbers: {error}"
        self._fault("box-broken", "error", f"{problem}; the {shape.tag} is left out", where, name)
        return None

    def _fault(self, code: str, severity: Severity, message: str, where: str = "", name: str = "") -> None:
        self._report(Fault(code, severity, message, name=name, file=str(self._path), where=where))


def _size(image: Element) -> tuple[int, int] | None:
    try:
        width, height = int(image.get("width", "")), int(image.get("height", ""))
    except ValueError:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _number(shape: Element, key: str) -> float:
    value = float(shape.attrib[key])
    if not isfinite(value):
        raise ValueError(f"{key}={shape.attrib[key]!r}")
    return value


def _angle(shape: Element) -> float:
    return _number(shape, "rotation") if "rotation" in shape.attrib else 0.0


def _of_box(shape: Element) -> Corners:
    corners = _number(shape, "xtl"), _number(shape, "ytl"), _number(shape, "xbr"), _number(shape, "ybr")
    return turned(corners, _angle(shape), centre(corners))


def _of_points(shape: Element) -> Corners:
    return around(_points(shape))


def _points(shape: Element) -> Iterator[Point]:
    for pair in shape.attrib["points"].split(";"):
        x, y = (float(value) for value in pair.split(","))
        if not (isfinite(x) and isfinite(y)):
            raise ValueError(pair)
        yield x, y


def _of_ellipse(shape: Element) -> Corners:
    middle = _number(shape, "cx"), _number(shape, "cy")
    return ellipse(middle, (_number(shape, "rx"), _number(shape, "ry")), _angle(shape))


def _of_mask(shape: Element) -> Corners:
    left, top = _number(shape, "left"), _number(shape, "top")
    inside = run_length_mask([int(run) for run in shape.attrib["rle"].split(",")], int(shape.attrib["width"]))
    if inside is None:
        raise ValueError("the mask is empty")
    return left + inside[0], top + inside[1], left + inside[2], top + inside[3]


def _of_cuboid(shape: Element) -> Corners:
    return around((_number(shape, f"x{corner}"), _number(shape, f"y{corner}")) for corner in _CUBOID)


def _of_skeleton(shape: Element) -> Corners:
    joints = [point for joint in shape.findall("points") if joint.get("outside") != "1" for point in _points(joint)]
    if not joints:
        raise ValueError("no joint of the skeleton lies in the photo")
    return around(joints)


_SHAPES: Final[Mapping[str, Callable[[Element], Corners]]] = {
    "box": _of_box,
    "polygon": _of_points,
    "polyline": _of_points,
    "points": _of_points,
    "ellipse": _of_ellipse,
    "mask": _of_mask,
    "cuboid": _of_cuboid,
    "skeleton": _of_skeleton,
}


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """annotations.xml; what CVAT does not carry is left out.

    The names of all classes come first in the file and are known last: the photos wait in a temporary file.

    Raises:
        LabelError: The size of a photo is not known.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, None] = {}
    with TemporaryFile("w+b") as waiting, (folder / WRITTEN).open("wb") as file:
        count = 0
        for count, photo in enumerate(photos, start=1):
            labels.update(dict.fromkeys([*(box.label for box in photo.boxes), *sorted(photo.present)]))
            _put(_image(count - 1, photo), waiting)
        file.write(b"<?xml version='1.0' encoding='utf-8'?>\n<annotations>\n  <version>1.1</version>\n")
        _put(_meta(labels, count), file)
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write(b"</annotations>\n")


def _put(element: Element, file: IO[bytes]) -> None:
    indent(element, level=1)
    file.write(b"  " + tostring(element, encoding="utf-8", xml_declaration=False).strip() + b"\n")


def _meta(labels: Iterable[str], photos: int) -> Element:
    meta = Element("meta")
    task = SubElement(meta, "task")
    for key, text in (("name", "street-patrol"), ("size", str(photos)), ("mode", "annotation")):
        SubElement(task, key).text = text
    names = SubElement(task, "labels")
    for label in labels:
        entry = SubElement(names, "label")
        SubElement(entry, "name").text = label
        SubElement(entry, "attributes")
    return meta


def _image(number: int, photo: RawPhoto) -> Element:
    size = known_size(photo)
    image = Element("image", id=str(number), name=photo.name, width=str(size[0]), height=str(size[1]))
    for box in photo.boxes:
        numbers = (str(round(value, _DECIMALS)) for value in as_pixels(box.xyxy, size))
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), numbers, strict=True))
        SubElement(image, "box", {"label": box.label, "source": "manual", "occluded": "0", **corners, "z_order": "0"})
    for label in sorted(photo.present):
        SubElement(image, "tag", {"label": label, "source": "manual"})
    return image
