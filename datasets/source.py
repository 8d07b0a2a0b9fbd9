"""A source folder (SOURCE.json, images/, label files) read into labelled photos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.errors import LabelError
from datasets.label_files import ClassMap, Photos, read_coco, read_tags, read_yolo, yolo_names
from datasets.labels import LabelledPhoto, Source
from inference.categories import Catalogue

_EXTRA_LABELS = "labels_"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What train.yaml adds to a SOURCE.json.

    Attributes:
        class_map: Further source class -> category id entries.
        negatives: File listing photos that a person found to show none of the categories, or None.
    """

    class_map: Mapping[str, str | None] = field(default_factory=dict)
    negatives: Path | None = None


def read_source(folder: Path, catalogue: Catalogue, options: SourceOptions | None = None) -> Source:
    """All labelled photos of a folder, label sets of one photo merged.

    Raises:
        LabelError: a label file is broken, a class is not mapped, or a labelled photo is missing.
    """
    options = options or SourceOptions()
    about: dict[str, Any] = json.loads((folder / "SOURCE.json").read_text(encoding="utf-8"))
    mapping = {**about.get("class_map", {}), **options.class_map}
    photos: Photos = {}
    for label_set in _label_sets(folder, about, mapping, catalogue):
        for name, photo in label_set.items():
            photos[name] = photos[name].merged(photo) if name in photos else photo
    if options.negatives is not None:
        photos.update(_reviewed_negatives(folder, options.negatives, catalogue))
    missing = [name for name, photo in photos.items() if not photo.path.is_file()]
    if missing:
        raise LabelError(folder, "images", f"labelled photos are missing: {', '.join(missing[:5])} ({len(missing)})")
    return Source(
        name=folder.name,
        licence=about["licence"],
        attribution=about["attribution"],
        photos=tuple(photos[name] for name in sorted(photos)),
    )


def _label_sets(
    folder: Path, about: Mapping[str, Any], mapping: Mapping[str, str | None], catalogue: Catalogue
) -> list[Photos]:
    images, name = folder / "images", folder.name
    class_map = _class_map(mapping, catalogue)
    exhaustive = [catalogue.require(c).id for c in about.get("exhaustive_for", ())]
    sets = [read_coco(path, images, name, class_map) for path in sorted(folder.glob("*labels.coco.json"))]
    data = folder / "data.yaml"
    if (folder / "labels").is_dir():
        sets.append(read_yolo(folder / "labels", images, name, yolo_names(data), class_map, exhaustive))
    for extra in sorted(folder.glob(f"{_EXTRA_LABELS}*")):
        names = yolo_names(data, f"{extra.name.removeprefix(_EXTRA_LABELS)}_names")
        sets.append(read_yolo(extra, images, name, names, class_map, exhaustive))
    if (tags := folder / "image_labels.csv").exists():
        mapped = {tag: category for tag, category in mapping.items() if category is not None}
        sets.append(read_tags(tags, images, name, mapped))
    return sets


def _class_map(mapping: Mapping[str, str | None], catalogue: Catalogue) -> ClassMap:
    def category(path: Path, name: str) -> str | None:
        target = mapping.get(name, name)
        if target is not None and target not in catalogue:
            near = ", ".join(catalogue.nearest(name))
            raise LabelError(path, name, f"class {name!r} is not mapped to a category; nearest ids: {near}")
        return target

    return category


def _reviewed_negatives(folder: Path, listing: Path, catalogue: Catalogue) -> Photos:
    """Photos that a person looked at and found to show no category at all."""
    everything = frozenset(catalogue)
    names = [line for line in listing.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    empty = LabelledPhoto(folder.name, folder, exhaustive_for=everything, flags=frozenset({"unrelated"}))
    return {name: replace(empty, path=folder / "images" / name) for name in names}
