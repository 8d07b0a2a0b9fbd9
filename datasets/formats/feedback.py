"""What officers confirmed, as the service exports it: JSON lines, described in docs/feedback-format.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from datasets.errors import LabelError
from datasets.faults import Fault
from datasets.raw import RawBox, RawPhoto, Report

NAME = "feedback"
WRITTEN: Final = "feedback.jsonl"
SCHEMA: Final = "street-patrol/feedback/1"

_MARK: Final = b'"street-patrol/feedback/'
_HEAD_BYTES: Final = 1 << 16
_UNRELATED: Final = "unrelated"
_UNKNOWN_TIME: Final = "1970-01-01T00:00:00Z"

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: () if value is None else value)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Photo(_Strict):
    """The photo that was judged.

    Attributes:
        filename: As it was uploaded.
        sha256: Lower-case digest of its file.
        location: Where the issue system keeps it, below the folder given at import; "" where it does not say.
        width: Pixels of the upright photo.
        height: Pixels of the upright photo.
    """

    filename: str = Field(min_length=1)
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    location: str = ""
    width: int | None = Field(default=None, gt=0)
    height: int | None = Field(default=None, gt=0)


class Suggestion(_Strict):
    """What the model suggested for the photo."""

    category: str
    probability: float = Field(ge=0, le=1)
    decision: Literal["prefill", "suggest"] = "suggest"


class Model(_Strict):
    """Which model suggested."""

    name: str = ""
    version: str = ""
    data_version: str = ""


class DrawnBox(_Strict):
    """A box that the officer drew or corrected: (x1, y1, x2, y2) in pixels of the upright photo."""

    category: str
    box: tuple[float, float, float, float]


class Feedback(_Strict):
    """One line: what an officer said about one photo; docs/feedback-format.md says what each field means."""

    schema_: Literal["street-patrol/feedback/1"] = Field(alias="schema")
    request_id: str
    external_id: str | None = None
    confirmed_at: AwareDatetime
    photo: Photo
    model: Model = Model()
    suggested: tuple[Suggestion, ...] = ()
    searched: Names = ()
    confirmed: Names = ()
    confirmed_on_case: Names = ()
    rejected: Names = ()
    no_issue: bool = False
    unrelated: bool = False
    boxes: tuple[DrawnBox, ...] = ()
    exhaustive_for: Names = ()
    flags: Names = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        shown = {*self.confirmed, *(box.category for box in self.boxes)}
        if both := sorted(shown & {*self.rejected}):
            raise ValueError(f"confirmed and rejected at once: {', '.join(both)}")
        if shown and (self.no_issue or self.unrelated):
            raise ValueError(f"no_issue or unrelated, yet confirmed or drawn: {', '.join(sorted(shown))}")
        if self.boxes and (self.photo.width is None or self.photo.height is None):
            raise ValueError("boxes are in pixels: photo.width and photo.height must be given")
        return self

    @property
    def key(self) -> bytes:
        """The same for every judgement of one photo of one request."""
        return hashlib.sha256(f"{self.request_id}\0{self.photo.sha256 or self.photo.filename}".encode()).digest()

    @property
    def absent(self) -> frozenset[str]:
        """What the photo does not show."""
        everything = {s.category for s in self.suggested} | {*self.searched}
        return frozenset(self.rejected) | (everything if self.no_issue or self.unrelated else frozenset())


def recognises(folder: Path) -> bool:
    """Whether a JSON lines file of this schema lies in the folder."""
    return any(True for _ in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.jsonl")):
        if path.is_file():
            with path.open("rb") as file:
                if _MARK in file.read(_HEAD_BYTES):
                    yield path


def read(folder: Path, report: Report) -> Iterator[RawPhoto]:
    """The last judgement of each photo of each request; a broken line is reported and skipped."""
    for path in _files(folder):
        shown = path.relative_to(folder).as_posix()
        latest: dict[bytes, tuple[float, int]] = {}
        for number, line in _lines(path, shown, report):
            latest[line.key] = max(latest.get(line.key, (0.0, 0)), (line.confirmed_at.timestamp(), number))
        for number, line in _lines(path, shown, lambda _: None):
            if latest[line.key][1] == number:
                yield _raw_photo(line, shown, number)


def _lines(path: Path, shown: str, report: Report) -> Iterator[tuple[int, Feedback]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield number, Feedback.model_validate_json(line)
                except ValidationError as error:
                    report(Fault("line-broken", "error", _problem(error), file=shown, where=str(number)))


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    return f"此行不可用，已跳过 / line left out: {key + ': ' if key else ''}{first['msg']}"


def _raw_photo(line: Feedback, shown: str, number: int) -> RawPhoto:
    photo = line.photo
    size = (photo.width, photo.height) if photo.width and photo.height else None
    return RawPhoto(
        name=photo.location or photo.filename,
        boxes=tuple(_raw_box(box, size or (1, 1), f"{number} boxes[{index}]") for index, box in enumerate(line.boxes)),
        size_wh=size,
        exhaustive=frozenset(line.exhaustive_for),
        present=frozenset(line.confirmed),
        absent=line.absent,
        unsure=frozenset(line.confirmed_on_case),
        flags=frozenset(line.flags) | ({_UNRELATED} if line.unrelated else frozenset()),
        sha256=photo.sha256,
        group=line.request_id,
        file=shown,
        where=str(number),
    )


def _raw_box(drawn: DrawnBox, size: tuple[int, int], where: str) -> RawBox:
    width, height = size
    x1, y1, x2, y2 = drawn.box
    return RawBox(drawn.category, (x1 / width, y1 / height, x2 / width, y2 / height), where)


def write(photos: Iterable[RawPhoto], folder: Path) -> None:
    """One file, `feedback.jsonl`, a line a photo.

    What it cannot hold: `exhaustive` None, which reads back as nothing.

    Raises:
        LabelError: the size of a photo with boxes is not known, or its labels contradict each other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / WRITTEN).open("w", encoding="utf-8") as file:
        for photo in photos:
            row = _row(photo)
            try:
                Feedback.model_validate_json(json.dumps(row))
            except ValidationError as error:
                raise LabelError(Path(photo.name), "", f"cannot be written as feedback: {_problem(error)}") from error
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _row(photo: RawPhoto) -> Mapping[str, Any]:
    width, height = photo.size_wh or (None, None)
    return {
        "schema": SCHEMA,
        "request_id": photo.group,
        "confirmed_at": _UNKNOWN_TIME,
        "photo": {"filename": photo.name, "sha256": photo.sha256, "width": width, "height": height},
        "confirmed": sorted(photo.present),
        "confirmed_on_case": sorted(photo.unsure),
        "rejected": sorted(photo.absent),
        "unrelated": _UNRELATED in photo.flags,
        "boxes": [_drawn(box, width or 1, height or 1) for box in photo.boxes],
        "exhaustive_for": sorted(photo.exhaustive or ()),
        "flags": sorted(photo.flags - {_UNRELATED}),
    }


def _drawn(box: RawBox, width: int, height: int) -> Mapping[str, Any]:
    x1, y1, x2, y2 = box.xyxy
    return {"category": box.label, "box": [x1 * width, y1 * height, x2 * width, y2 * height]}
