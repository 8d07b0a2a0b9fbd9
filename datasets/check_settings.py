"""configs/check.yaml as checked values: what counts as a fault, as a duplicate, as a suspicious label."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from inference.config_file import load_model
from inference.paths import CONFIGS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureSettings(_Strict):
    """What is kept of a photo for comparing it with others; a change makes cached fingerprints invalid.

    Attributes:
        decode_side: Pixels of the longer side that JPEGs are at least decoded to; quality is measured there.
        side: Photos are squeezed to this square before points are looked for, so that stretched copies agree.
        cells: Points are picked from a grid of cells x cells, so that one busy corner does not take them all.
        points_per_cell: The strongest points kept of each cell.
        corner_contrast: Grey levels a corner must stand out by (FAST's threshold).
        thumbnail: Side of the grey square that aligned photos are compared on.
    """

    decode_side: int = Field(default=512, ge=256)
    side: int = Field(default=320, ge=64)
    cells: int = Field(default=6, ge=1)
    points_per_cell: int = Field(default=7, ge=1)
    corner_contrast: int = Field(default=7, ge=1)
    thumbnail: int = Field(default=96, ge=32)


class DuplicateSettings(_Strict):
    """Which pairs of photos are looked at, and which of them are the same photo or the same scene.

    Attributes:
        hash_bits: Photos whose 256-bit hashes differ in at most this many bits are compared.
        key_bits: Descriptor bits that must agree for a vote.
        tables: Independent choices of those bits.
        bucket_limit: Keys that more points than this share say nothing and are ignored.
        min_votes: Photos with fewer votes are not compared.
        max_candidates: At most this many photos with the most votes are compared with each.
        match_distance: Bits in which the descriptors of one point may differ.
        ransac_error: Distance, as a fraction of the side, at which a matched point still fits the transform.
        min_inliers: Points that must fit for an alignment to be believed without equal hashes.
        min_overlap: Share of the smaller photo that the other must show, for a near-duplicate.
        correlation_cells: Aligned thumbnails are correlated in a grid of cells x cells.
        flat_cell: Grey-value deviation below which a cell is too flat to correlate.
        near_correlation: Median correlation of the cells from which a pair is one photo.
        near_floor: Correlation that the worst tenth of the cells must keep, watermarks aside.
        scene_inliers: Points that must fit for two photos to show the same scene.
        scene_spread: Cells of a 6 x 6 grid those points must lie in, in both photos.
    """

    hash_bits: int = Field(default=40, ge=0, le=256)
    key_bits: int = Field(default=22, ge=8, le=32)
    tables: int = Field(default=4, ge=1, le=8)
    bucket_limit: int = Field(default=400, ge=1)
    min_votes: int = Field(default=3, ge=1)
    max_candidates: int = Field(default=8, ge=1)
    match_distance: int = Field(default=64, ge=0, le=256)
    ransac_error: float = Field(default=0.012, gt=0)
    min_inliers: int = Field(default=8, ge=4)
    min_overlap: float = Field(default=0.5, gt=0, le=1)
    correlation_cells: int = Field(default=6, ge=1)
    flat_cell: float = Field(default=3.0, ge=0)
    near_correlation: float = Field(default=0.8, gt=0, le=1)
    near_floor: float = Field(default=0.2, ge=-1, le=1)
    scene_inliers: int = Field(default=20, ge=4)
    scene_spread: int = Field(default=8, ge=1)


class PhotoSettings(_Strict):
    """When a photo itself is suspicious; sharpness and contrast as in `inference.quality`.

    Attributes:
        tiny_side: Pixels of the shorter side below which nothing can be labelled reliably.
        blank_contrast: Deviation of grey values below which a photo shows nothing.
        blurred_sharpness: Sharpness below which a photo is blurred.
        dark: Mean grey value below which a photo is noted as dark.
        bright: Mean grey value above which a photo is noted as overexposed.
    """

    tiny_side: int = Field(default=160, ge=1)
    blank_contrast: float = Field(default=4.0, ge=0)
    blurred_sharpness: float = Field(default=60.0, ge=0)
    dark: float = Field(default=35.0, ge=0, le=255)
    bright: float = Field(default=220.0, ge=0, le=255)


class BoxSettings(_Strict):
    """When a box is suspicious, whatever the photo shows.

    Attributes:
        large_share: Share of the photo from which a box is reported in any category.
        outlier_deviations: Robust deviations of the logarithm of the area from the category's median.
        outlier_boxes: Boxes a category must have before it has a distribution.
        tiny_pixels: Pixels of the shorter side below which there is nothing to learn from.
        duplicate_iou: Overlap from which two boxes of one category are one box drawn twice.
        nested_share: Share of the smaller box inside the larger from which they are nested.
    """

    large_share: float = Field(default=0.95, gt=0, le=1)
    outlier_deviations: float = Field(default=4.0, gt=0)
    outlier_boxes: int = Field(default=30, ge=2)
    tiny_pixels: float = Field(default=6.0, ge=0)
    duplicate_iou: float = Field(default=0.85, gt=0, le=1)
    nested_share: float = Field(default=0.95, gt=0, le=1)


class AgreementSettings(_Strict):
    """When the labels of two copies of one photo contradict each other.

    Attributes:
        box_iou: Overlap, after mapping, from which two boxes are the same.
        visible_share: Share of a box that the other copy must show to be expected there.
    """

    box_iou: float = Field(default=0.4, gt=0, le=1)
    visible_share: float = Field(default=0.7, gt=0, le=1)


class BalanceSettings(_Strict):
    """What a category needs at least.

    Attributes:
        min_boxes: Boxes.
        min_photos: Photos that show it.
        min_negatives: Photos verified not to show it.
    """

    min_boxes: int = Field(default=100, ge=0)
    min_photos: int = Field(default=50, ge=0)
    min_negatives: int = Field(default=50, ge=0)


class SuspicionSettings(_Strict):
    """When the model's opinion is worth a second look at a label.

    Attributes:
        score_floor: Weaker detections count as nothing.
        missed_score: Score from which a detection without a box is reported.
        missed_overlap: A detection that a box of its category covers by more is not missed.
        swapped_score: Score of another category from which a box is reported as swapped.
        swapped_iou: Overlap of that detection with the box.
        placed_score: Score from which a detection says where a box should be.
        placed_iou: (from, to): overlaps with the box that make it badly placed; below, it is another thing.
        placed_inside: A detection and a box of which the smaller lies inside the larger by more are not compared.
        report_from: Suspicions below this score are not reported.
    """

    score_floor: float = Field(default=0.05, gt=0, lt=1)
    missed_score: float = Field(default=0.5, gt=0, lt=1)
    missed_overlap: float = Field(default=0.3, ge=0, lt=1)
    swapped_score: float = Field(default=0.35, gt=0, lt=1)
    swapped_iou: float = Field(default=0.6, gt=0, lt=1)
    placed_score: float = Field(default=0.5, gt=0, lt=1)
    placed_iou: tuple[float, float] = (0.15, 0.55)
    placed_inside: float = Field(default=0.75, gt=0, le=1)
    report_from: float = Field(default=0.2, ge=0, lt=1)


class CheckSettings(_Strict):
    """configs/check.yaml."""

    features: FeatureSettings = FeatureSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    photos: PhotoSettings = PhotoSettings()
    boxes: BoxSettings = BoxSettings()
    agreement: AgreementSettings = AgreementSettings()
    balance: BalanceSettings = BalanceSettings()
    suspicions: SuspicionSettings = SuspicionSettings()


def load_check_settings(path: Path = CONFIGS / "check.yaml") -> CheckSettings:
    """The settings of a file; what it leaves out has its default.

    Raises:
        ConfigError: naming the line of every wrong field.
    """
    return load_model(path, CheckSettings, "datasets/check_settings.py says what each field means.")
