"""YOLO text labels: a line a box, `class cx cy w h` as fractions, or `class x1 y1 x2 y2 ...` around a shape.

Class names come from data.yaml (or another YAML with `names`, or classes.txt, obj.names). Labels of
`images/a/b.jpg` stand in `labels/a/b.txt`, of a photo elsewhere beside it. A folder `labels_<x>` is a second label
set of the same photos, with its own names in `<x>_names`. A photo without a label file is not labelled; an empty
label file says that nothing is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.formats.yolo_layout import LabelFile, label_files, label_folders
from datasets.raw import RawBox, RawPhoto, Report
from datasets.text import open_text

NAME = "yolo"

_NAMES_FILES: Final = ("classes.txt", "obj.names", "labels/classes.txt")
_PLAIN, _WITH_SCORE, _LEAST_POLYGON = 5, 6, 7  # values of a line: box, box with a confidence, class and 3 points
_CORNERS: Final = 4


def recognises(folder: Path) -> bool:
    """Whether there are YOLO label files, with or without the names of their classes."""
    return any(True for _ in label_folders(folder)) or _settings_file(folder) is not None


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The photos that have a label file, one label set after the other.

    Raises:
        LabelError: there are no class names.
    """
    settings_file, settings = _settings(folder, report)
    folders = list(label_folders(folder))
    if not folders and settings_file is not None:
        problem = "有类别名，但没有标注文件 / names classes, but there is no labels/ folder with .txt files"
        report(Fault("labels-missing", "error", problem, file=settings_file.name))
    for labels in folders:
        names = _names(folder, settings_file, settings, labels)
        reader = _Reader(folder, names, settings.get("kpt_shape") is not None, report)
        for file in label_files(folder, labels, settings, report):
            yield reader.photo(file)
        reader.report_polygons()


def _settings_file(folder: Path) -> Path | None:
    """The YAML that names the classes."""
    candidates = [folder / "data.yaml", *sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])]
    return next((path for path in candidates if path.is_file() and _may_name_classes(path)), None)


def _may_name_classes(path: Path) -> bool:
    try:
        return "names" in _yaml(path)
    except LabelError:
        return path.name == "data.yaml"  # of any other file that is no YAML nobody said that it is about labels


def _settings(folder: Path, report: Report) -> tuple[Path | None, Mapping[str, Any]]:
    path = _settings_file(folder)
    return path, {} if path is None else _yaml(path, report)


def _yaml(path: Path, report: Report = lambda _: None) -> Mapping[str, Any]:
    with open_text(path, report) as file:
        try:
            document = yaml.safe_load(file)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise LabelError(path, str(mark.line + 1) if mark else "", f"not valid YAML ({error})") from error
    return document if isinstance(document, Mapping) else {}


def _names(folder: Path, path: Path | None, settings: Mapping[str, Any], labels: Path) -> dict[int, str]:
    """Class names by index; of `labels_<x>` those under `<x>_names`.

    Raises:
        LabelError: there are none, or they are no list and no map.
    """
    extra = labels.name.removeprefix("labels_") if labels.name.startswith("labels_") else ""
    key = f"{extra}_names" if extra else "names"
    if path is None:
        return _listed_names(folder, labels)
    if key not in settings:
        raise LabelError(path, key, f"no class names for {labels.name}/: write `{key}: [first, second]`")
    return _indexed(path, key, settings[key])


def _listed_names(folder: Path, labels: Path) -> dict[int, str]:
    for name in _NAMES_FILES:
        if (folder / name).is_file():
            with open_text(folder / name, lambda _: None) as file:
                return dict(enumerate(line.strip() for line in file.read().splitlines() if line.strip()))
    problem = f"{labels.name}/ holds YOLO labels, but nothing names their classes: write data.yaml with `names: [...]`"
    raise LabelError(folder / "data.yaml", "names", f"缺少 data.yaml 的类别名 / {problem}")


def _indexed(path: Path, key: str, names: object) -> dict[int, str]:
    if isinstance(names, Sequence) and not isinstance(names, str):
        return {index: str(name) for index, name in enumerate(names)}
    try:
        return {int(index): str(name) for index, name in names.items()}  # type: ignore[attr-defined]
    except (AttributeError, ValueError) as error:
        raise LabelError(path, key, "expected a list of class names, or a map of number to name") from error


@dataclass(slots=True)
class _Reader:
    """Reads the label files of one label set."""

    folder: Path
    names: Mapping[int, str]
    has_keypoints: bool
    report: Report
    polygons: int = 0
    first_polygon: tuple[str, int] = ("", 0)

    def photo(self, file: LabelFile) -> RawPhoto:
        """What one label file says; a broken line is reported, and then nothing is known to be absent."""
        shown = file.path.relative_to(self.folder).as_posix()
        photo = RawPhoto(name=file.photo, file=shown)
        boxes: list[RawBox] = []
        with open_text(file.path, self.report) as text:
            for number, line in enumerate(text, start=1):
                if not line.strip():
                    continue
                try:
                    boxes.append(self._box(line.split(), shown, number))
                except ValueError as error:
                    self.report(
                        Fault("line-broken", "error", f"{error}", name=file.photo, file=shown, where=f"{number}")
                    )
                    photo = replace(photo, exhaustive=frozenset())
        return replace(photo, boxes=tuple(boxes))

    def _box(self, values: list[str], shown: str, number: int) -> RawBox:
        label = self._label(values)
        x1, y1, x2, y2 = self._corners(values, (shown, number))
        return RawBox(label, (x1, y1, x2, y2), str(number))

    def _label(self, values: list[str]) -> str:
        try:
            return self.names[int(values[0])]
        except (ValueError, KeyError):
            known = f"{min(self.names, default=0)}..{max(self.names, default=0)}"
            problem = f"第一个值应为类别编号 {known} / the first value must be a class in {known}, but is {values[0]!r}"
            raise ValueError(problem) from None

    def _corners(self, values: list[str], place: tuple[str, int]) -> tuple[float, float, float, float]:
        numbers = _numbers(values)
        if len(values) == _WITH_SCORE:
            problem = "6 个值是带置信度的预测，不是标注 / 6 values are a prediction with its confidence, not a label"
            raise ValueError(problem)
        if len(values) == _PLAIN or (self.has_keypoints and len(values) > _PLAIN):
            cx, cy, w, h = numbers[:_CORNERS]
            return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
        if len(values) < _LEAST_POLYGON or len(values) % 2 == 0:
            problem = (
                f"应为 `class cx cy w h` 或多边形 / expected `class cx cy w h` or a polygon, got {len(values)} values"
            )
            raise ValueError(problem)
        self.first_polygon = self.first_polygon if self.polygons else place
        self.polygons += 1
        return min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])

    def report_polygons(self) -> None:
        """One note for all shapes that became boxes."""
        if self.polygons:
            message = f"{self.polygons} 个多边形按外接框导入 / {self.polygons} shapes read as the box around them"
            file, line = self.first_polygon
            self.report(Fault("polygon-reduced", "note", message, file=file, where=str(line)))


def _numbers(values: list[str]) -> list[float]:
    try:
        numbers = [float(value) for value in values[1:]]
    except ValueError as error:
        raise ValueError(f"不是数字 / not a number: {' '.join(values)[:80]!r}") from error
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"不是有限数 / not a finite number: {' '.join(values)[:80]!r}")
    return numbers


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """data.yaml, photos.txt with the names of the photos, and labels/; the photos themselves belong into images/.

    What it cannot hold: anything but boxes.

    Raises:
        LabelError: two photos would share a label file, or a name cannot stand in a list.
    """
    names: dict[str, int] = {}
    taken: dict[Path, str] = {}
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    with (folder / "photos.txt").open("w", encoding="utf-8", newline="\n") as listing:
        for photo in photos:
            path = _label_path(folder, photo.name)
            if path in taken or photo.name != photo.name.strip() or len(photo.name.splitlines()) != 1:
                problem = f"YOLO cannot hold it beside {taken.get(path, 'others')!r}: rename the photo"
                raise LabelError(Path(photo.name), "", problem)
            taken[path] = photo.name
            listing.write(f"./images/{photo.name}\n")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(_line(box, names) for box in photo.boxes), encoding="utf-8")
    document = {"train": "photos.txt", "val": "photos.txt", "names": {index: name for name, index in names.items()}}
    (folder / "data.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def _label_path(folder: Path, name: str) -> Path:
    return (folder / "labels" / name).with_suffix(".txt")


def _line(box: RawBox, names: dict[str, int]) -> str:
    x1, y1, x2, y2 = box.xyxy
    values = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    return f"{names.setdefault(box.label, len(names))} {' '.join(map(repr, map(float, values)))}\n"
