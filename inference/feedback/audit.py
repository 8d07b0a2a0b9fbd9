"""What is kept of an answered request: no picture, no place, no path."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

SCORE_STEPS: Final = 10
"""Equal steps into which probabilities are counted."""
_LATENCY_BASE: Final = 1.05  # each step is 5 % longer than the one before
_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Suggested:
    """A category that the model suggested for a request."""

    category: str
    probability: float
    decision: str
    photo_indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One answered request.

    Attributes:
        request_id: As it was told to the client.
        external_id: The case in the issue system, or None.
        grid_id: As given, or None.
        point_type: As given, or None.
        received_at: When it was answered.
        model: Its name, version and data version.
        verdict: Of the case.
        latency_ms: From the first byte to the answer.
        suggestions: Of the case.
        photos: Per photo: index, filename, sha256, bytes, width, height, verdict, warnings, suggestions
            (category, probability, decision), detections, error (its type, or None).
    """

    request_id: str
    external_id: str | None
    grid_id: str | None
    point_type: str | None
    received_at: datetime
    model: tuple[str, str, str]
    verdict: str
    latency_ms: float
    suggestions: tuple[Suggested, ...]
    photos: tuple[Mapping[str, Any], ...]

    @property
    def fingerprint(self) -> str:
        """The same for the same photos of the same case, judged by the same model."""
        hashes = [str(photo["sha256"]) for photo in self.photos]
        return hashlib.sha256("\0".join([*self.model, self.external_id or "", *hashes]).encode()).hexdigest()


def score_step(probability: float) -> int:
    """The step of a probability in [0, 1]: 0 to SCORE_STEPS - 1."""
    return min(int(probability * SCORE_STEPS), SCORE_STEPS - 1)


def day_of(moment: datetime) -> str:
    """The date of a moment in this machine's time zone, as 2026-05-06."""
    return moment.astimezone().date().isoformat()


def latency_step(milliseconds: float) -> int:
    """The step of a latency on a logarithmic scale, so that quantiles come from counts."""
    return max(0, math.ceil(math.log(max(milliseconds, 1.0)) / math.log(_LATENCY_BASE)))


def latency_of(step: int) -> float:
    """The longest latency of a step, in milliseconds: at most 5 % above what was measured."""
    return float(_LATENCY_BASE**step)


def storable(text: str | None) -> str | None:
    """A text as every database takes it: without NUL and lone surrogates; None for an empty one."""
    if not text:
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")[:_TEXT]


def base_name(filename: str) -> str:
    """A file's name without its folders, which may name people."""
    return storable(PurePosixPath(PureWindowsPath(filename).as_posix()).name) or ""


def kept_detections(detections: Sequence[Mapping[str, Any]], floor: float) -> list[Mapping[str, Any]]:
    """The detections of an answer from the model's own floor on: weaker ones were asked for an evaluation."""
    return [each for each in detections if each["score"] >= floor]
