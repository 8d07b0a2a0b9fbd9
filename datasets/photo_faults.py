"""What is wrong with photos themselves: unreadable, damaged, tiny, blank, blurred, dark, overexposed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from datasets.check_settings import PhotoSettings
from datasets.faults import Fault, Severity
from datasets.fingerprint_cache import Facts
from datasets.labels import LabelledPhoto


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """A labelled photo and what its file says."""

    photo: LabelledPhoto
    facts: Facts

    def fault(
        self,
        code: str,
        severity: Severity,
        message: str,
        score: float = 1.0,
        details: Mapping[str, object] | None = None,
    ) -> Fault:
        """A finding about this photo."""
        name = self.photo.key.partition("/")[2]
        return Fault(
            code, severity, message, self.photo.source, name, score=round(min(max(score, 0.0), 1.0), 4), details=details
        )


def photo_faults(photos: Iterable[CheckedPhoto], settings: PhotoSettings) -> Iterator[Fault]:
    """One finding a photo: of several, the one that explains the others."""
    for checked in photos:
        yield from _readability(checked) if checked.facts.error else _appearance(checked, settings)
        photo = checked.photo
        if not photo.boxes and not photo.exhaustive_for and not photo.present:
            yield checked.fault(
                "photo-unlabelled", "note", "照片没有任何标注 / nothing is labelled: label it, or leave it out"
            )


def _readability(checked: CheckedPhoto) -> Iterator[Fault]:
    if checked.facts.error == "missing":
        yield checked.fault(
            "photo-missing", "error", f"找不到照片文件 / {checked.facts.problem}: {checked.photo.path}; put it back"
        )
        return
    yield checked.fault("photo-unreadable", "error", f"照片无法读取 / {checked.facts.problem}")


def _appearance(checked: CheckedPhoto, settings: PhotoSettings) -> Iterator[Fault]:
    facts = checked.facts
    if facts.is_degraded:
        yield checked.fault(
            "truncated", "error", f"照片文件不完整 / the file is damaged ({', '.join(facts.warnings)}); fetch it again"
        )
        return
    if min(facts.width, facts.height) < settings.tiny_side:
        yield checked.fault(
            "tiny",
            "warning",
            f"照片太小 / {facts.width}x{facts.height} pixels, under {settings.tiny_side} on a side",
            1 - min(facts.width, facts.height) / settings.tiny_side,
        )
    if facts.contrast < settings.blank_contrast:
        message = f"照片几乎空白 / almost blank: grey values deviate by {facts.contrast:.1f}"
        yield checked.fault("blank", "warning", message, 1 - facts.contrast / settings.blank_contrast)
    elif facts.sharpness < settings.blurred_sharpness:
        message = f"照片模糊 / blurred: sharpness {facts.sharpness:.0f}, under {settings.blurred_sharpness:.0f}"
        yield checked.fault("blurred", "warning", message, 1 - facts.sharpness / settings.blurred_sharpness)
    if facts.brightness < settings.dark:
        message = f"照片很暗 / dark: mean grey value {facts.brightness:.0f}"
        yield checked.fault("dark", "note", message, 1 - facts.brightness / max(settings.dark, 1.0))
    elif facts.brightness > settings.bright:
        message = f"照片过曝 / overexposed: mean grey value {facts.brightness:.0f}"
        yield checked.fault("overexposed", "note", message, (facts.brightness - settings.bright) / 255)
