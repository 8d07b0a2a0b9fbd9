"""scan.json: by which model and settings a scan's answers came about, which must not change while it goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.categories import Catalogue
from inference.mappings import Scheme
from inference.package import DESCRIPTION, MODEL, ModelPackage, file_record
from inference.scan.journal import JournalError, segments

MANIFEST: Final = "scan.json"


class ChangedError(JournalError):
    """The scan was begun with another model or other settings."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScannedCategory(_Strict):
    """A category that records may name."""

    id: str
    name_zh: str
    name_en: str
    role: str


class ScannedCode(_Strict):
    """A code of the scheme, with what reports need to know."""

    category: str
    code: str
    name: str
    department: str
    deadline: str


class ScanManifest(_Strict):
    """scan.json.

    Attributes:
        schema_version: Of this shape.
        created_at: When the scan was begun, ISO 8601 in UTC.
        sources: What it was begun with; sources may be added later.
        fingerprint: Everything that an answer depends on: name -> value.
        categories: Those that records may name.
        codes: The scheme's.
    """

    schema_version: Literal[1] = 1
    created_at: str
    sources: tuple[str, ...]
    fingerprint: dict[str, Annotated[Any, Field()]]
    categories: tuple[ScannedCategory, ...]
    codes: tuple[ScannedCode, ...]


def fingerprint(
    package: ModelPackage, files: Mapping[str, Path], scheme: Scheme, settings: Mapping[str, object]
) -> dict[str, object]:
    """Everything that an answer depends on.

    Args:
        package: The model.
        files: Configuration files by the name to show, whose content counts.
        scheme: Whose codes the records give.
        settings: Settings that count, by the option's name.
    """
    description = package.description
    return {
        "program": version("street-patrol"),
        "model": f"{description.name} {description.version}",
        "data_version": description.data.version,
        MODEL: description.files[MODEL].sha256,
        DESCRIPTION: file_record(package.folder / DESCRIPTION).sha256,
        **{name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
        "scheme": scheme.name,
        **settings,
    }


def new_manifest(
    sources: tuple[str, ...], marks: Mapping[str, object], scheme: Scheme, catalogue: Catalogue
) -> ScanManifest:
    """The manifest of a scan that begins now."""
    return ScanManifest(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=sources,
        fingerprint=json.loads(json.dumps(marks)),
        categories=tuple(
            ScannedCategory(id=c.id, name_zh=c.name_zh, name_en=c.name_en, role=c.role) for c in catalogue.values()
        ),
        codes=tuple(
            ScannedCode(
                category=c.id,
                code=code.code,
                name=code.name,
                department=code.department or c.department,
                deadline=code.deadline,
            )
            for c in catalogue.values()
            if c.role != "context"
            for code in scheme.codes(c.id)
        ),
    )


def read_manifest(folder: Path) -> ScanManifest:
    """The manifest of a scan.

    Raises:
        JournalError: There is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        return ScanManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise JournalError(f"{folder}: holds no scan ({MANIFEST} is missing); give the --out folder of one") from error
    except (OSError, ValidationError) as error:
        raise JournalError(f"{path}: cannot be read ({error}); put back a copy of it") from error


def begin_or_go_on(folder: Path, new: ScanManifest) -> ScanManifest:
    """The manifest of the folder's scan, written if it is only beginning; the folder must be locked.

    Raises:
        ChangedError: The scan was begun with another model or other settings; all that differ are named.
        JournalError: The folder's manifest is missing or damaged.
    """
    if not (folder / MANIFEST).exists():
        if any(path.stat().st_size for path in segments(folder)):
            raise JournalError(f"{folder}: holds records but no {MANIFEST}; put it back, or give another --out folder")
        _write(folder / MANIFEST, new.model_dump_json(indent=1).encode())
        return new
    old = read_manifest(folder)
    names = {**old.fingerprint, **new.fingerprint}
    changed = [name for name in names if old.fingerprint.get(name) != new.fingerprint.get(name)]
    if changed:
        lines = [f"  {n}: {_short(old.fingerprint.get(n))} then, {_short(new.fingerprint.get(n))} now" for n in changed]
        raise ChangedError(
            f"{folder}: this scan was begun otherwise, and its records would not agree with new ones:\n"
            + "\n".join(lines)
            + "\nGo on with what was then, or give another --out folder for what is now."
        )
    return old


def _short(value: object) -> str:
    shown = 60
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= shown else f"{text[:12]}...{text[-12:]}"


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
