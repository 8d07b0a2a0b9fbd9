"""`patrol data export`: a source or version into a new folder or ZIP file, all of it or nothing."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Final

from datasets.errors import LabelError
from datasets.export import LAYOUTS, Exported, ExportOptions, PhotoMode, export
from datasets.export_names import Naming, class_names
from datasets.labelled_set import LabelledSet, open_set
from datasets.store import LabelStore
from inference.categories import load_catalogue
from inference.faces import FaceBlur
from inference.printer import Printer

_FAILURES_SHOWN: Final = 20
_PACKED: Final = frozenset({".jpg", ".jpeg", ".png"})
_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the command line says.

    Attributes:
        name: Of a source or version.
        format: One of `LAYOUTS`.
        out: Folder or ZIP file to make.
        data: The label store.
        photos: Whether photos are copied, linked or left out.
        naming: What classes are called.
        is_blurred: Whether faces are blurred.
        is_zipped: Whether to make a ZIP file.
        as_json: Whether a program reads the answer.
    """

    name: str
    format: str
    out: Path
    data: Path
    photos: PhotoMode = "copy"
    naming: Naming = "id"
    is_blurred: bool = False
    is_zipped: bool = False
    as_json: bool = False


def export_labels(request: ExportRequest, printer: Printer) -> bool:
    """Export, and print what came of it.

    Returns:
        Whether every photo is in it.

    Raises:
        PatrolError: Nothing was exported.
    """
    _check(request)
    store = LabelStore(request.data)
    labels = open_set(store, request.name)
    target = _target(request)
    options = ExportOptions(
        format=request.format,
        photos=request.photos,
        names=class_names(load_catalogue(), request.naming),
        blur=FaceBlur() if request.is_blurred else None,
    )
    with _new(target, is_zipped=request.is_zipped) as folder, printer.progress("export", _count(labels)) as advance:
        done = export(labels, store, folder, options, advance)
    _print(target, request, done, printer)
    return not done.failures


def _check(request: ExportRequest) -> None:
    if request.format not in LAYOUTS:
        problem = f"没有这种导出格式 / cannot export as {request.format!r}; there are {', '.join(LAYOUTS)}"
        raise LabelError(Path("--format"), "", problem)
    if request.is_blurred and request.photos != "copy":
        problem = f"只能模糊复制的照片 / only copies can be blurred: give --photos copy, not {request.photos}"
        raise LabelError(Path("--blur-faces"), "", problem)
    if request.is_zipped and request.photos == "link":
        raise LabelError(Path("--zip"), "", "ZIP 中不能有链接 / cannot hold links: give --photos copy or none")


def _target(request: ExportRequest) -> Path:
    """What is made; never in place of something."""
    out = request.out
    target = out.with_name(f"{out.name}.zip") if request.is_zipped and out.suffix.lower() != ".zip" else out
    if target.exists() and not (target.is_dir() and not any(target.iterdir()) and not request.is_zipped):
        raise LabelError(target, "", "已存在，不会覆盖 / is there already and is never overwritten; name another place")
    return target


@contextmanager
def _new(target: Path, *, is_zipped: bool) -> Iterator[Path]:
    """A folder to fill, which becomes the target when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as place:
        folder = Path(place) / target.name.removesuffix(".zip")
        folder.mkdir()
        yield folder
        if is_zipped:
            folder = _zipped(folder, Path(place) / "export.zip")
        else:
            folder.chmod(_FOLDER_MODE)
        folder.rename(target)


def _zipped(folder: Path, path: Path) -> Path:
    """All files of a folder in one ZIP file; photos are stored as they are, because they do not get smaller."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                info = zipfile.ZipInfo.from_file(file, file.relative_to(folder.parent).as_posix())
                info.compress_type = zipfile.ZIP_STORED if file.suffix.lower() in _PACKED else zipfile.ZIP_DEFLATED
                with file.open("rb") as content, archive.open(info, "w") as entry:
                    copyfileobj(content, entry)
    return path


def _count(labels: LabelledSet) -> int:
    return sum(1 for _ in labels.entries())


def _print(target: Path, request: ExportRequest, done: Exported, printer: Printer) -> None:
    for key, reason in done.failures[:_FAILURES_SHOWN]:
        printer.error(f"{key}: {reason}")
    if len(done.failures) > _FAILURES_SHOWN:
        printer.error(f"... and {len(done.failures) - _FAILURES_SHOWN} more photos are not in the export")
    if request.as_json:
        printer.json(_answer(target, request, done))
        return
    printer.text(f"已导出 / exported {done.photos:,} 张照片 photos, {done.boxes:,} 个框 boxes → {target}")
    for what, count in sorted(done.lost.items()):
        printer.text(f"{request.format} 不能保存 / cannot hold {what}: {count:,} 张照片 photos")
    for note in _notes(request, done):
        printer.text(note)


def _notes(request: ExportRequest, done: Exported) -> Iterator[str]:
    if request.photos == "link":
        yield "链接指向带元数据的原图 / links lead to the originals, EXIF and all; the boxes fit them upright"
    if request.is_blurred:
        yield f"已模糊 {done.faces:,} 处疑似人脸 / patches that may be faces were blurred"
        yield "小脸和侧脸可能漏检，发布前请抽查 / small and turned faces may be missed: look before you publish"
        yield "车牌未处理 / number plates are not blurred (docs/decisions/0010-blurring-faces.md)"


def _answer(target: Path, request: ExportRequest, done: Exported) -> dict[str, object]:
    return {
        "out": str(target),
        "format": request.format,
        "photos": done.photos,
        "boxes": done.boxes,
        "faces_blurred": done.faces if request.is_blurred else None,
        "lost": dict(sorted(done.lost.items())),
        "failures": [{"photo": key, "reason": reason} for key, reason in done.failures],
    }
