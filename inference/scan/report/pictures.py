"""The photos that a report shows: with boxes and labels, faces blurred, small enough to be carried in the page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from PIL import Image

from inference.annotate import annotate
from inference.answer import CodeAnswer, DetectionAnswer, PhotoAnswer, SuggestionAnswer
from inference.categories import Catalogue
from inference.codec import PhotoError
from inference.faces import FaceBlur
from inference.letterbox import resize
from inference.photo import PhotoLimits, read_photo
from inference.scan.evidence import evidence
from inference.scan.originals import read_original
from inference.scan.record import Record
from inference.scan.report.facts import Sample
from inference.scan.report.settings import ReportSettings
from inference.wording import short

_QUALITY: Final = 78


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo of the gallery.

    Attributes:
        uri: Its JPEG as a data URI.
        width: Pixels.
        height: Pixels.
        record: What was seen in it.
    """

    uri: str
    width: int
    height: int
    record: Record

    @property
    def alt(self) -> str:
        """What it shows, for those who cannot see it."""
        return "、".join(short(suggestion.name_zh) for suggestion in self.record.suggestions)


@dataclass(slots=True)
class Gallery:
    """Makes pictures one after the other, so that one at a time is in memory, until there is no more room.

    Args:
        settings: How many, how large.
        catalogue: Names of the categories.
        limits: What a photo may ask of this machine.
        blur: Makes faces unrecognisable; None: faces are shown.
    """

    settings: ReportSettings
    catalogue: Catalogue
    limits: PhotoLimits
    blur: FaceBlur | None
    shown: int = 0
    faces: int = 0
    missing: int = 0
    """Photos of the sample that cannot be read again."""
    bytes: int = 0
    _used: set[str] = field(default_factory=set)

    def pictures(self, samples: Mapping[str, Sample]) -> Iterator[tuple[str, Iterator[Picture]]]:
        """Category -> its pictures, for each category in turn; every photo is shown once."""
        share = max(1, self.settings.pictures // max(1, len(samples)))
        for category, sample in samples.items():
            yield category, self._of(sample, share)

    def _of(self, sample: Sample, share: int) -> Iterator[Picture]:
        wanted = share
        for record in sample.records():
            if wanted <= 0 or self.shown >= self.settings.pictures or self.bytes >= self.settings.pictures_bytes:
                return
            if record.sha256 is None or record.sha256 in self._used:
                continue
            picture = self._picture(record)
            if picture is None:
                self.missing += 1
                continue
            self._used.add(record.sha256)
            self.shown += 1
            wanted -= 1
            self.bytes += len(picture.uri)
            yield picture

    def _picture(self, record: Record) -> Picture | None:
        data = read_original(record, self.limits)
        if data is None:
            return None
        side = self.settings.picture_side
        try:
            rgb = read_photo(data, target_side=side, limits=self.limits, allow_degraded=True).rgb
        except PhotoError:
            return None
        scale = min(1.0, side / max(rgb.shape[:2]))
        height, width = (max(1, round(length * scale)) for length in rgb.shape[:2])
        small = resize(rgb, width, height)
        if self.blur is not None:
            small, faces = self.blur(small)
            self.faces += faces
        buffer = BytesIO()
        Image.fromarray(annotate(small, _answer(record, self.catalogue), self.catalogue)).save(
            buffer, "JPEG", quality=_QUALITY
        )
        uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        return Picture(uri, width, height, record)


def _answer(record: Record, catalogue: Catalogue) -> PhotoAnswer:
    """A record as the annotator wants it."""
    return PhotoAnswer(
        index=0,
        filename=record.path,
        sha256=record.sha256,
        width=record.width,
        height=record.height,
        verdict=record.verdict or "uncertain",
        warnings=[],
        suggestions=[
            SuggestionAnswer(
                category=s.category,
                name_zh=s.name_zh,
                name_en=s.name_en,
                probability=s.probability,
                decision=s.decision,
                codes=[CodeAnswer(scheme=c.scheme, code=c.code, name=c.name) for c in s.codes],
                department=s.department,
                photo_indexes=[0],
            )
            for s in record.suggestions
        ],
        detections=[
            DetectionAnswer(category=d.category, score=d.score, box=list(d.box), context=d.context)
            for d in evidence(record, catalogue)
        ],
        error=None,
    )
