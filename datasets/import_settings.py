"""What an import tolerates, and what an archive may ask of this machine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_GIB = 1024**3


class ImportSettings(BaseModel):
    """Named defaults of `patrol data import`.

    Attributes:
        outside_tolerance: Share of the side by which a box may reach over the edge before that is reported:
            the rounding of labelling tools, a pixel in 500.
        aspect_tolerance: Share by which the sides' ratio in a label file may differ from the photo's before the
            labels count as those of another picture; below it the photo was resized, which harms no fraction.
        max_entries: Files in an archive.
        max_bytes: Of all files of an archive, unpacked.
        max_ratio: Unpacked bytes to packed ones of one file; deflate reaches 1,032 on zeros, labels about 20.
        ratio_from: Unpacked bytes from which the ratio counts: small files of spaces harm nobody.
        header_bytes: Of a photo, to read its size from; the whole file only where they do not tell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outside_tolerance: float = Field(default=0.002, ge=0)
    aspect_tolerance: float = Field(default=0.02, ge=0)
    max_entries: int = Field(default=1_000_000, gt=0)
    max_bytes: int = Field(default=200 * _GIB, gt=0)
    max_ratio: float = Field(default=200, gt=1)
    ratio_from: int = Field(default=16 * 1024**2, ge=0)
    header_bytes: int = Field(default=1024**2, gt=0)


DEFAULT_IMPORT = ImportSettings()
