"""What an operator sets for scans: configs/scan.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inference.compare_settings import CompareSettings
from inference.config_file import load_model
from inference.cores import cores
from inference.paths import CONFIGS
from inference.photo_files import SUFFIXES
from inference.scan.case_settings import CaseSettings
from inference.scan.report.settings import ReportSettings
from inference.scan.selection_settings import SelectionSettings

_MIB: Final = 1024 * 1024
_VIDEOS: Final = (".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def _lower_suffixes(suffixes: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [suffix for suffix in suffixes if not suffix.startswith(".")]
    if wrong:
        raise ValueError(f"{wrong[0]!r} does not begin with a dot")
    return tuple(sorted({suffix.lower() for suffix in suffixes}))


Suffixes = Annotated[tuple[str, ...], AfterValidator(_lower_suffixes)]


class ScanSettings(BaseModel):
    """The settings of scans; a description says what a right value is, and is shown when it is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photo_suffixes: Suffixes = Field(
        default=tuple(sorted(SUFFIXES)), description="Give a list of endings such as [.jpg, .png]."
    )
    video_suffixes: Suffixes = Field(default=_VIDEOS, description="Give a list of endings such as [.mp4, .avi].")
    every: float = Field(default=5, gt=0, le=86_400, description="Give a number of seconds above 0.")
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Give a number of photos, or null for as many as there are cores."
    )
    readers: int = Field(default=8, ge=1, le=1024, description="Give a number of files, at least 1.")
    sync_seconds: float = Field(default=5, ge=0, le=3600, description="Give a number of seconds, at most 3600.")
    segment_bytes: int = Field(default=256 * _MIB, ge=_MIB, description="Give a number of bytes, at least 1048576.")
    ray_chunk: int = Field(default=100_000, ge=1, description="Give a number of inputs.")
    ray_chunk_bytes: int = Field(default=512 * _MIB, ge=_MIB, description="Give a number of bytes, at least 1048576.")
    ray_cpus: float = Field(default=1, gt=0, le=1024, description="Give a number of cores.")
    ray_gpus: float = Field(default=0, ge=0, le=16, description="Give a number of GPUs, or a share of one.")
    workday_start: int = Field(default=9, ge=0, le=23, description="Give a whole hour from 0 to 23.")
    workday_end: int = Field(default=17, ge=1, le=24, description="Give a whole hour after workday_start.")

    cases: CaseSettings = Field(
        default=CaseSettings(), description="inference/scan/case_settings.py says what each field means."
    )
    report: ReportSettings = Field(
        default=ReportSettings(), description="inference/scan/report/settings.py says what each field means."
    )
    selection: SelectionSettings = Field(
        default=SelectionSettings(), description="inference/scan/selection_settings.py says what each field means."
    )
    compare: CompareSettings = Field(
        default=CompareSettings(), description="inference/compare_settings.py says what each field means."
    )

    @model_validator(mode="after")
    def _a_day_has_hours(self) -> ScanSettings:
        if self.workday_end <= self.workday_start:
            raise ValueError(f"workday_end {self.workday_end} is not after workday_start {self.workday_start}")
        return self

    @property
    def workers(self) -> int:
        """Photos decoded and judged at the same time."""
        return self.threads or cores()


def load_scan_settings(path: Path = CONFIGS / "scan.yaml", options: Mapping[str, object] | None = None) -> ScanSettings:
    """The settings of a file, and of a command line, which wins.

    Args:
        path: The file.
        options: Settings given on the command line, by field name.

    Raises:
        ConfigError: The file cannot be read, or is not YAML.
        ConfigFileError: Some settings are wrong; all of them are listed, with where each was given.
    """
    remedy = f"The settings are {', '.join(ScanSettings.model_fields)}."
    return load_model(path, ScanSettings, remedy, options or {})
