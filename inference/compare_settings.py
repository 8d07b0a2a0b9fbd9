"""When two photos show one place, and when a problem has gone: `compare` of configs/scan.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeamSettings(_Strict):
    """Where a collage may be cut.

    Attributes:
        outer: Share of the side at either end in which no seam is looked for.
        reach: Pixels on either side of a seam that are compared; resizing smears a seam this far.
        contrast: Grey levels by which a step stands out of its surroundings.
        continuity: Share of a line's pixels whose step stands out, from which the line is a seam. Measured: 0.79 and
            more on nine of ten collages, 0.57 and less on 95 of 100 other photos.
        further: The same for a second seam within a half, which makes more than two pictures; stricter, because half a
            photo is easily crossed by an edge.
        gutter: Share of the side that is cut away at a seam, half on each side.
    """

    outer: float = Field(default=0.3, gt=0, lt=0.5)
    reach: int = Field(default=2, ge=1, le=8)
    contrast: float = Field(default=4.0, ge=0)
    continuity: float = Field(default=0.62, gt=0, le=1)
    further: float = Field(default=0.82, gt=0, le=1)
    gutter: float = Field(default=0.015, ge=0, lt=0.1)


class ViewSettings(_Strict):
    """When two photos show one place from nearly the same side.

    Attributes:
        side: Pixels of the longer side at which points are looked for.
        points: The strongest points kept of a photo.
        contrast: What a point must stand out by (SIFT's threshold); small, because patrols photograph at night.
        ratio: A match counts where it is this much nearer than the second nearest (Lowe 2004).
        error: Distance, as a fraction of the side, at which a matched point still fits the transform.
        inliers: Points that must fit.
        cells: Cells of a 6 x 6 grid those points must lie in, in both photos: a watermark fills one or two.
    """

    side: int = Field(default=640, ge=128)
    points: int = Field(default=800, ge=50)
    contrast: float = Field(default=0.02, gt=0)
    ratio: float = Field(default=0.8, gt=0, lt=1)
    error: float = Field(default=0.015, gt=0)
    inliers: int = Field(default=10, ge=5)
    cells: int = Field(default=4, ge=1)


class CompareSettings(_Strict):
    """What is said about a problem when two photos of one place are compared.

    Attributes:
        place_metres: Positions this near are one place.
        still_from: Probability in the later photo from which a problem is still there.
        gone_below: Probability in the later photo up to which it has gone; between the two it is not decided.
        min_recall: Share of held-out photos with a category that the model finds, from which its silence counts.
        min_positives: Held-out photos with the category that this share must rest on.
        in_view: Share of the place of a problem that the later photo must show for the problem to have gone.
        dark: Mean grey value (0 to 255) below which the later photo is too dark to say that something has gone.
        seam: How a collage is cut.
        view: How two photos are laid on each other.
    """

    place_metres: float = Field(default=50, gt=0)
    still_from: float = Field(default=0.5, gt=0, le=1)
    gone_below: float = Field(default=0.2, ge=0, lt=1)
    min_recall: float = Field(default=0.8, gt=0, le=1)
    min_positives: int = Field(default=25, ge=1)
    in_view: float = Field(default=0.5, gt=0, le=1)
    dark: float = Field(default=35.0, ge=0, le=255)
    seam: SeamSettings = SeamSettings()
    view: ViewSettings = ViewSettings()

    @model_validator(mode="after")
    def _ordered(self) -> CompareSettings:
        if self.gone_below >= self.still_from:
            raise ValueError(f"gone_below {self.gone_below} is not below still_from {self.still_from}")
        return self
