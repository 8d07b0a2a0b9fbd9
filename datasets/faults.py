"""Something wrong with a photo or a label, as import and check report it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding.

    Attributes:
        code: Stable slug, such as `box-outside` or `near-duplicate`.
        severity: `error`: left out or unusable; `warning`: mended or suspicious; `note`: worth knowing.
        message: What is wrong, with which value, and what to do.
        source: Name of the source, or "".
        name: Photo below the source, or "" when it is about a whole file or source.
        file: Label file it was found in, or "".
        where: Line, key or element inside that file, or "".
        score: How bad, in [0, 1]; the worst are shown first.
        details: Further values for programs: boxes, the other photo of a pair, categories.
    """

    code: str
    severity: Severity
    message: str
    source: str = ""
    name: str = ""
    file: str = ""
    where: str = ""
    score: float = 1.0
    details: Mapping[str, Any] | None = None

    def to_row(self) -> dict[str, Any]:
        """For JSON; empty fields are left out."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """What `to_row` made."""
        return cls(**row)
