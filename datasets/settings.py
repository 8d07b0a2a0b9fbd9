"""The data part of configs/train.yaml."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """How one source folder is used.

    Attributes:
        class_map: Source class -> category id (null: left out), beyond what SOURCE.json maps.
        held_out: Keep the whole source for the test part, never training on it.
        series_block: Photos whose file numbers fall in one block of this size are one group; 0: no series.
        stretched: The photos lost their aspect ratio; training varies it.
        negatives: File listing photos that show no category at all, relative to train.yaml.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    class_map: dict[str, str | None] = {}
    held_out: bool = False
    series_block: int = Field(default=0, ge=0)
    stretched: bool = False
    negatives: Path | None = None


class DataSettings(BaseModel):
    """Which photos are used and how they are split.

    Attributes:
        root: Folder of source folders, relative to the working directory.
        sources: Source folder name -> settings; a source that is not listed is not used.
        val_fraction: Share of groups that goes to validation where a source proposes no split.
        split_seed: Changes which groups those are.
        near_duplicate_bits: Photos whose 256-bit perceptual hashes differ in at most this many bits are one group.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    sources: dict[str, SourceSettings]
    val_fraction: float = Field(gt=0, lt=1)
    split_seed: int
    near_duplicate_bits: int = Field(ge=0, le=256)
