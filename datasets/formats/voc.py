"""Pascal VOC: one XML file a photo, boxes in pixels.

    Annotations/<name>.xml    the labels; also read from any other folder, such as beside the photos
    JPEGImages/<name>         where tools expect the photo

Carries boxes and sizes, and nothing else: no photo-level tags, no exhaustive sets, no remarks. `difficult`,
`truncated`, `pose`, parts and polygons are ignored; of roLabelImg's turned boxes the box around them is taken.

Coordinates are written with decimals, which every reader that was looked at (datumaro, labelImg, mmdetection)
accepts, and counted from 0, as labelling tools do today. The original VOC2007 and VOC2012 files count from 1:
read as they are, their boxes lie one pixel to the lower right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from math import degrees, isfinite
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from datasets.faults import Fault
from datasets.label_paths import LabelPaths, below, beside, is_small, label_files, stated_name
from datasets.photo_size import known_size, size_beside
from datasets.raw import RawBox, RawPhoto, Report
from datasets.shapes import Corners, as_fractions, as_pixels, turned
from datasets.xml_file import read_root, root_tag

NAME = "voc"

_ROOT, _FOLDER = "annotation", "Annotations"
_SNIFFED_FILES: Final = 20
_DECIMALS: Final = 6  # of a pixel


def recognises(folder: Path) -> bool:
    """Whether one of the first XML files below the folder is an `annotation`."""
    return any(root_tag(path) == _ROOT for path in islice(label_files(folder, ".xml"), _SNIFFED_FILES))


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The photos of all `annotation` files below the folder."""
    report = below(folder, report)
    for path in label_files(folder, ".xml"):
        if not is_small(path, report) or (root := read_root(path, report)) is None or root.tag != _ROOT:
            continue
        photo = _photo(root, path, folder, report)
        if photo is not None:
            yield photo


def _photo(root: Element, path: Path, folder: Path, report: Report) -> RawPhoto | None:
    name = _name(root, path, folder)
    objects = root.findall("object")
    size = _size(root) or (size_beside(path, folder, name) if objects else None)
    if objects and size is None:
        message = "缺少照片尺寸，像素坐标无法换算 / no photo size, so pixels mean nothing; put the photo beside it"
        report(Fault("size-missing", "error", message, name=name, file=str(path), where="size"))
        return None
    boxes: list[RawBox] = []
    for number, item in enumerate(objects, start=1):
        where = f"object[{number}]"
        label, corners = _text(item, "name"), _corners(item)
        if label and corners and size:
            boxes.append(RawBox(label, as_fractions(corners, size), where))
            continue
        missing = "bndbox 坐标 / four numbers in bndbox" if label else "name 类别名 / a class name"
        message = f"缺少{missing} missing; the box is left out"
        report(Fault("box-broken", "error", message, name=name, file=str(path), where=where))
    return RawPhoto(name, tuple(boxes), size, file=path.relative_to(folder).as_posix())


def _name(root: Element, path: Path, folder: Path) -> str:
    """What the file states; the name of the XML file, without ending, where it states nothing."""
    parts = list(path.parent.relative_to(folder).parts)
    if _FOLDER in parts:
        parts.remove(_FOLDER)
    stated = stated_name(_text(root, "filename")) or stated_name(_text(root, "path"))
    return beside(stated or path.stem, "/".join(parts))


def _size(root: Element) -> tuple[int, int] | None:
    """Tools that do not know the size leave it out or write 0."""
    sides = [_number(_text(root, f"size/{side}")) for side in ("width", "height")]
    width, height = (int(side) if side else 0 for side in sides)
    return (width, height) if width > 0 and height > 0 else None


def _corners(item: Element) -> Corners | None:
    """Pixels, as stated; None where a number is missing."""
    plain = _numbers(item, "bndbox", ("xmin", "ymin", "xmax", "ymax"))
    if plain is not None:
        return plain[0], plain[1], plain[2], plain[3]
    slanted = _numbers(item, "robndbox", ("cx", "cy", "w", "h", "angle"))
    if slanted is None:
        return None
    x, y, width, height, angle = slanted
    return turned((x - width / 2, y - height / 2, x + width / 2, y + height / 2), degrees(angle), (x, y))


def _numbers(item: Element, parent: str, keys: tuple[str, ...]) -> list[float] | None:
    values = [_number(_text(item, f"{parent}/{key}")) for key in keys]
    return [value for value in values if value is not None] if None not in values else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """Annotations/<name>.xml for each photo; what VOC does not carry is left out.

    Raises:
        LabelError: The size of a photo is not known, or its name leads out of the folder.
    """
    paths = LabelPaths(folder / _FOLDER, ".xml")
    for photo in photos:
        tree = ElementTree(_element(photo))
        indent(tree)
        tree.write(paths.path(photo.name), encoding="utf-8", xml_declaration=True)


def _element(photo: RawPhoto) -> Element:
    size = known_size(photo)
    root = Element(_ROOT)
    _add(root, "filename", photo.name)
    sides = SubElement(root, "size")
    for key, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        _add(sides, key, str(value))
    _add(root, "segmented", "0")
    for box in photo.boxes:
        item = SubElement(root, "object")
        _add(item, "name", box.label)
        for key, text in (("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
            _add(item, key, text)
        corners = SubElement(item, "bndbox")
        for key, number in zip(("xmin", "ymin", "xmax", "ymax"), as_pixels(box.xyxy, size), strict=True):
            _add(corners, key, str(round(number, _DECIMALS)))
    return root


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
