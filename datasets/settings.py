"""The data part of configs/train.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.errors import PatrolError

Settings = TypeVar("Settings", bound=BaseModel)


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
    """Which photos are used: either source folders and how they are split, or a frozen version.

    Attributes:
        root: Folder of source folders, or the label store (DATA) of `version`; relative to the working directory.
        sources: Source folder name -> settings; a source that is not listed is not used.
        val_fraction: Share of groups that goes to validation where a source proposes no split.
        split_seed: Changes which groups those are.
        near_duplicate_bits: Photos whose 256-bit perceptual hashes differ in at most this many bits are one group.
        version: Name, id or folder of a frozen version; it fixes photos, labels and split, so nothing else is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    sources: dict[str, SourceSettings] = {}
    val_fraction: float = Field(default=0.2, gt=0, lt=1)
    split_seed: int = 0
    near_duplicate_bits: int = Field(default=40, ge=0, le=256)
    version: str | None = None

    @model_validator(mode="after")
    def _is_either(self) -> DataSettings:
        if (self.version is None) == (not self.sources):
            raise ValueError("give exactly one of `sources` (folders with SOURCE.json) and `version` (a frozen one)")
        fixed = sorted(self.model_fields_set & {"val_fraction", "split_seed", "near_duplicate_bits"})
        if self.version is not None and fixed:
            raise ValueError(f"`version` fixes the split: take out {', '.join(fixed)}")
        return self


class GroupSettings(BaseModel):
    """When photos belong together and never part between splits.

    Attributes:
        near_duplicate_bits: Perceptual hashes of 256 bits that differ in at most this many.
        scenes: Besides, lay photos on each other as `patrol data check` does, to find crops, mirrored copies and other
            photos of one scene.
        scenes_limit: But not of more photos than this, whose features would take too much memory.
        place_metres: Taken at most this far apart, by EXIF GPS.
        burst_seconds: Taken one after the other in one source, at most this long apart.
        day_and_folder: Taken on one day and lying in one folder of a source.
        chain_share: A group of more than this share of all photos is reported: a chain of joins may have run away.
        chain_photos: But never one of at most this many photos.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    near_duplicate_bits: int = Field(default=40, ge=0, le=256)
    scenes: bool = True
    scenes_limit: int = Field(default=20_000, ge=0)
    place_metres: float = Field(default=50.0, gt=0, le=10_000)
    burst_seconds: float = Field(default=30.0, ge=0)
    day_and_folder: bool = True
    chain_share: float = Field(default=0.05, gt=0, le=1)
    chain_photos: int = Field(default=50, ge=1)


class SplitSettings(BaseModel):
    """How groups are shared out where nothing else fixes their part.

    Attributes:
        val_fraction: Share of each category's photos for validation.
        test_fraction: Share for the test part.
        seed: Changes which groups those are.
        proposed: Keep the parts that sources themselves propose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    val_fraction: float = Field(default=0.15, ge=0, lt=1)
    test_fraction: float = Field(default=0.15, ge=0, lt=1)
    seed: int = 0
    proposed: bool = True

    @property
    def fractions(self) -> tuple[float, float, float]:
        """Of train, val and test."""
        return 1 - self.val_fraction - self.test_fraction, self.val_fraction, self.test_fraction

    @model_validator(mode="after")
    def _leaves_photos_for_training(self) -> SplitSettings:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction and test_fraction together must be below 1, or nothing is left for training")
        return self


def checked(model: type[Settings], given: Mapping[str, Any]) -> Settings:
    """Settings from the command line; None stands for the default.

    Raises:
        PatrolError: naming every value that is out of range.
    """
    try:
        return model.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}" for e in error.errors())
        raise PatrolError(f"{wrong}; see `patrol data freeze --help`") from error
