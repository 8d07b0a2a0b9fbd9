"""Sources with labels, made by code, and importing them into a store of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from datasets.faults import Fault
from datasets.importing import Imported, ImportOptions, import_source
from datasets.labels import LabelledPhoto
from datasets.raw import Format, RawPhoto
from datasets.store import LabelStore
from inference.categories import Catalogue, load_catalogue
from tests.photos import encode, scene

SIZE = (64, 48)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def photo_bytes(orientation: int = 1, size: tuple[int, int] = SIZE) -> bytes:
    return encode(scene(*size), "jpeg", orientation=orientation)


def put_photos(folder: Path, names: Iterable[str], data: bytes | None = None) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or photo_bytes())


def put_coco(path: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]], names: list[str]) -> Path:
    categories = [{"id": index, "name": name} for index, name in enumerate(names)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def image(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1], **more}


def box(number: int, category: int = 0, bbox: tuple[float, ...] = (8, 8, 16, 16)) -> dict[str, Any]:
    return {"image_id": number, "category_id": category, "bbox": list(bbox)}


def read_all(label_format: Format, folder: Path) -> tuple[list[RawPhoto], list[Fault]]:
    faults: list[Fault] = []
    return list(label_format.read(folder, faults.append)), faults


class Store:
    """A label store, and what was last imported into it."""

    def __init__(self, root: Path) -> None:
        self.labels = LabelStore(root)
        self.name = ""

    def take(self, path: Path, name: str = "src", **options: Any) -> Imported:
        self.name = name
        return import_source(path, self.labels, catalogue(), ImportOptions(name, **options))

    @property
    def photos(self) -> dict[str, LabelledPhoto]:
        return {photo.name: photo for photo in self.labels.photos(self.name)}

    @property
    def faults(self) -> list[Fault]:
        return list(self.labels.faults(self.name))

    def codes(self) -> list[str]:
        return sorted(fault.code for fault in self.faults)


def tree(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
