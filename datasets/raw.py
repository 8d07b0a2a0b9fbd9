"""Labels as a label file states them: names of its own, nothing mapped, clipped or looked up yet.

Every format reads into these and writes from them; `datasets/assemble.py` turns them into `LabelledPhoto`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from datasets.faults import Fault

Report = Callable[[Fault], None]
"""Takes a finding; reading goes on with what is not affected by it."""


@dataclass(frozen=True, slots=True)
class RawBox:
    """One labelled instance.

    Attributes:
        label: The class name in the file.
        xyxy: (x1, y1, x2, y2) as fractions of the upright photo; may lie outside [0, 1] or be degenerate.
        where: Line, key or element it stands at.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    where: str = ""


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """Everything one label file states about one photo.

    Attributes:
        name: The photo's path as the file names it, with `/`.
        boxes: Labelled instances.
        size_wh: (width, height) in pixels that the file states, or None.
        exhaustive: Class names of which every instance is labelled; None: the file does not say.
        present: Class names the photo shows, without boxes.
        absent: Class names the photo does not show.
        unsure: Class names somebody hesitated about.
        flags: Remarks of the labellers.
        sha256: Digest of the photo's file where the label file states it, or "".
        group: Photos of one group belong together; "" where the file does not say.
        file: The label file.
        where: Line, key or element of the photo in it.
    """

    name: str
    boxes: tuple[RawBox, ...] = ()
    size_wh: tuple[int, int] | None = None
    exhaustive: frozenset[str] | None = None
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    sha256: str = ""
    group: str = ""
    file: str = ""
    where: str = ""


class Format(Protocol):
    """What every module of `datasets.formats` offers."""

    NAME: str

    def recognises(self, folder: Path) -> bool:
        """Whether label files of this format lie in the folder (or below its usual subfolders)."""

    def read(self, folder: Path, report: Report) -> Iterator[RawPhoto]:
        """What the label files state, photo by photo; a broken file or element is reported and skipped.

        Never reads more of a file into memory than one photo's labels need, where the format allows.
        """

    def write(self, photos: Iterable[RawPhoto], folder: Path) -> None:
        """Label files that `read` reads back to the same; sizes must be known."""
