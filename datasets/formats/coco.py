"""COCO instances, with what this project adds to an image.

An image may carry `exhaustive_for`, `unsure`, `present`, `absent`, `flags` (lists of class names), `sha256` and
`group`. Boxes are [x, y, width, height] in pixels of the image's `width` x `height`; where an annotation has polygons
only, their box is taken. A crowd says that the class is there, not where each one is.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.formats.coco_store import Annotation, CocoStore
from datasets.json_stream import JsonFile
from datasets.raw import RawBox, RawPhoto, Report

NAME = "coco"
WRITTEN: Final = "labels.coco.json"

_HEAD_BYTES: Final = 1 << 20
_HEAD: Final = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_SETS: Final = ("unsure", "present", "absent", "flags")
_CORNERS: Final = 4
_LOST: Final = ""  # class name of an annotation that could not be read


def recognises(folder: Path) -> bool:
    """Whether a JSON file with COCO's lists lies in the folder or its `annotations`."""
    return any(True for _ in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for place in (folder, folder / "annotations"):
        for path in sorted(place.glob("*.json")):
            if path.is_file() and _looks_like_coco(path):
                yield path


def _looks_like_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"{") and _HEAD.search(head) is not None


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The images of every COCO file of the folder, in the order of the files."""
    for path in _files(folder):
        with closing(CocoStore()) as store:
            yield from _CocoFile(path, path.relative_to(folder).as_posix(), store, report).photos()


class _CocoFile:
    """One file, read in one pass a list, because they may stand in any order and none fits into memory."""

    def __init__(self, path: Path, shown: str, store: CocoStore, report: Report) -> None:
        self._json = JsonFile(path, shown, report)
        self._shown = shown
        self._store = store
        self._report = report
        self._names: dict[object, str] = {}

    def photos(self) -> Iterator[RawPhoto]:
        self._read_names()
        self._store.add_annotations(self._annotations())
        for number, image in enumerate(self._json.items("images.item")):
            photo = self._photo(f"images[{number}]", image)
            if photo is not None:
                yield photo
        self._report_orphans()

    def _fault(self, code: str, where: str, message: str, *, name: str = "") -> None:
        self._report(Fault(code, "error", message, name=name, file=self._shown, where=where))

    def _read_names(self) -> None:
        for number, entry in enumerate(self._json.items("categories.item")):
            where = f"categories[{number}]"
            if not isinstance(entry, Mapping) or "id" not in entry or not isinstance(entry.get("name"), str):
                self._fault("category-broken", where, f"类别缺少 id 或 name / a category needs id and name: {entry!r}")
            elif self._names.setdefault(entry["id"], entry["name"]) != entry["name"]:
                first = self._names[entry["id"]]
                problem = f"id {entry['id']!r} 已用于 / is already that of {first!r}; {entry['name']!r} is not read"
                self._fault("category-broken", where, problem)

    def _annotations(self) -> Iterator[Annotation]:
        for number, entry in enumerate(self._json.items("annotations.item")):
            where = f"annotations[{number}]"
            try:
                yield self._annotation(number, entry)
            except (KeyError, TypeError, ValueError) as error:
                what = f"缺少 / lacks {error}" if isinstance(error, KeyError) else str(error)
                self._fault("box-broken", where, f"标注不可用，已跳过 / annotation left out: {what}")
                if isinstance(entry, Mapping) and "image_id" in entry:
                    yield Annotation(_key(entry["image_id"]), number, _LOST, 0, 0, 0, 0, is_crowd=False)

    def _annotation(self, number: int, entry: Mapping[str, Any]) -> Annotation:
        label = self._names.get(entry["category_id"])
        if label is None:
            raise ValueError(f"category_id {entry['category_id']!r} is not in categories")
        is_crowd = bool(entry.get("iscrowd"))
        x, y, width, height = (0.0, 0.0, 0.0, 0.0) if is_crowd else _bbox(entry)
        return Annotation(_key(entry["image_id"]), number, label, x, y, width, height, is_crowd)

    def _photo(self, where: str, image: Any) -> RawPhoto | None:
        if not isinstance(image, Mapping) or "id" not in image or not isinstance(image.get("file_name"), str):
            problem = f"照片缺少 id 或 file_name / an image needs id and file_name: {str(image)[:100]}"
            self._fault("photo-broken", where, problem)
            return None
        name = image["file_name"]
        annotations = self._store.annotations_of(_key(image["id"]))
        if annotations is None:
            problem = f"id {image['id']!r} 重复，标注归第一张 / used twice: the first image has the annotations"
            self._fault("photo-broken", where, problem, name=name)
            return None
        size = _size(image)
        kept = [a for a in annotations if a.label != _LOST]
        if size is None and kept:
            problem = f"没有宽高，框无法换算，已跳过 / without width and height its {len(kept)} boxes mean nothing"
            self._fault("size-missing", where, problem, name=name)
        is_complete = len(kept) == len(annotations) and not (self._json.is_broken or (kept and size is None))
        return self._stated(where, image, size, kept, is_complete=is_complete)

    def _stated(
        self,
        where: str,
        image: Mapping[str, Any],
        size: tuple[int, int] | None,
        annotations: list[Annotation],
        *,
        is_complete: bool,
    ) -> RawPhoto:
        crowds = frozenset(a.label for a in annotations if a.is_crowd)
        sets = {key: _names(image, key) for key in _SETS}
        return RawPhoto(
            name=image["file_name"],
            boxes=tuple(_raw_box(a, size) for a in annotations if size and not a.is_crowd),
            size_wh=size,
            exhaustive=self._exhaustive(image, crowds, is_complete=is_complete),
            present=sets["present"] | crowds,
            absent=sets["absent"],
            unsure=sets["unsure"],
            flags=sets["flags"],
            sha256=str(image.get("sha256", "")),
            group=str(image.get("group", "")),
            file=self._shown,
            where=where,
        )

    def _exhaustive(
        self, image: Mapping[str, Any], crowds: frozenset[str], *, is_complete: bool
    ) -> frozenset[str] | None:
        """None where the image does not say; nothing where labels of it may be lost."""
        if not is_complete:
            return frozenset()
        if "exhaustive_for" not in image and not crowds:
            return None
        return _names(image, "exhaustive_for") - crowds

    def _report_orphans(self) -> None:
        if self._json.is_broken:
            return  # their images may have stood after the break
        for orphan in self._store.orphans():
            problem = f"image_id {json.loads(orphan.image)!r} 不在 images 中 / is not in images"
            self._fault("photo-missing", f"annotations[{orphan.number}]", problem)


def _key(image_id: object) -> str:
    """1 and "1" are two ids."""
    return json.dumps(image_id, sort_keys=True)


def _names(image: Mapping[str, Any], key: str) -> frozenset[str]:
    value = image.get(key) or ()
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if not isinstance(width, (int, float)) or not isinstance(height, (int, float)) or min(width, height) <= 0:
        return None
    return int(width), int(height)


def _bbox(entry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """[x, y, width, height] of an annotation, from its polygons where it has no box."""
    bbox = entry.get("bbox") or _polygons_box(entry.get("segmentation"))
    if not isinstance(bbox, list) or len(bbox) != _CORNERS:
        raise ValueError(f"bbox must be [x, y, width, height], but is {bbox!r}")
    x, y, width, height = (float(value) for value in bbox)
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError(f"bbox holds a number that is none: {bbox!r}")
    return x, y, width, height


def _polygons_box(polygons: Any) -> list[float] | None:
    if not isinstance(polygons, list) or not all(isinstance(p, list) and p for p in polygons) or not polygons:
        return None
    xs = [float(v) for polygon in polygons for v in polygon[0::2]]
    ys = [float(v) for polygon in polygons for v in polygon[1::2]]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _raw_box(a: Annotation, size: tuple[int, int]) -> RawBox:
    width, height = size
    corners = (a.x / width, a.y / height, (a.x + a.width) / width, (a.y + a.height) / height)
    return RawBox(a.label, corners, f"annotations[{a.number}]")


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """One file, `labels.coco.json`, written photo by photo.

    Raises:
        LabelError: the size of a photo with boxes is not known.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids: dict[str, int] = {}
    with (
        (folder / WRITTEN).open("w", encoding="utf-8") as file,
        TemporaryFile("w+", encoding="utf-8") as annotations,
    ):
        file.write('{"images": [')
        count = 0
        for number, photo in enumerate(photos, start=1):
            _dump(file, number == 1, _image(number, photo))
            for box in photo.boxes:
                count += 1
                _dump(annotations, count == 1, _annotation_of(count, number, photo, box, ids))
        file.write('],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
        file.write('],\n"categories": ')
        json.dump([{"id": index, "name": name} for name, index in ids.items()], file, ensure_ascii=False)
        file.write("}\n")


def _dump(file: IO[str], is_first: bool, entry: Mapping[str, Any]) -> None:
    file.write("\n" if is_first else ",\n")
    json.dump(entry, file, ensure_ascii=False)


def _image(number: int, photo: RawPhoto) -> dict[str, Any]:
    if photo.boxes and photo.size_wh is None:
        raise LabelError(Path(photo.name), "", "COCO boxes are in pixels: the size of the photo must be known")
    width, height = photo.size_wh or (None, None)
    entry: dict[str, Any] = {"id": number, "file_name": photo.name, "width": width, "height": height}
    if photo.exhaustive is not None:
        entry["exhaustive_for"] = sorted(photo.exhaustive)
    entry |= {key: sorted(getattr(photo, key)) for key in _SETS if getattr(photo, key)}
    return entry | {key: getattr(photo, key) for key in ("sha256", "group") if getattr(photo, key)}


def _annotation_of(count: int, image: int, photo: RawPhoto, box: RawBox, ids: dict[str, int]) -> dict[str, Any]:
    width, height = photo.size_wh or (1, 1)
    x1, y1, x2, y2 = box.xyxy
    bbox = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
    area = abs(bbox[2] * bbox[3])
    category = ids.setdefault(box.label, len(ids) + 1)
    return {"id": count, "image_id": image, "category_id": category, "bbox": bbox, "area": area, "iscrowd": 0}
