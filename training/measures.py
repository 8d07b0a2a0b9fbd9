"""The figures of an evaluation, as records: each with its interval and what it rests on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from training.outcomes import Record, Role, Unit

Count = Annotated[int, Field(ge=0)]


class Estimate(Record):
    """A figure with its bootstrap interval.

    Attributes:
        value: The figure; None where there is nothing to compute it from.
        lower: Lower end of the interval; None where too few resamples give a figure.
        upper: Upper end.
        support: What it rests on: the size of its denominator (boxes, photos, or categories of a mean).
    """

    value: float | None
    lower: float | None
    upper: float | None
    support: Count


class DetectionMeasures(Record):
    """Boxes of a category, on the photos that were searched for every instance.

    Attributes:
        ap30: Average precision at IoU 0.3, COCO's 101 points.
        ap50: At IoU 0.5.
        ap: Mean over IoU 0.50 to 0.95.
        precision30: Of the boxes that the service shows for it, those that agree with a label at IoU 0.3; None
            where the category is never suggested.
        recall30: Of the labelled boxes, those that the service shows.
        precision50: As precision30, at IoU 0.5.
        recall50: As recall30, at IoU 0.5.
    """

    ap30: Estimate
    ap50: Estimate
    ap: Estimate
    precision30: Estimate | None
    recall30: Estimate | None
    precision50: Estimate | None
    recall50: Estimate | None


class ThresholdMeasures(Record):
    """Photos at or above a threshold of the package.

    Attributes:
        precision: Share of them that show the category.
        recall: Share of the photos showing it that are among them.
        false_alarms: Of 100 photos known not to show it, how many are among them.
    """

    precision: Estimate
    recall: Estimate
    false_alarms: Estimate


class ReliabilityBin(Record):
    """Photos whose probability falls into one bin.

    Attributes:
        photos: How many.
        probability: Their mean probability.
        share: Share of them that show the category.
    """

    photos: Count
    probability: Unit
    share: Unit


class PhotoMeasures(Record):
    """Photos of which it is known whether they show a category.

    Attributes:
        auc: Area under the ROC curve.
        ap: Average precision, by scikit-learn.
        prefill: At the pre-fill threshold; None where the category is never pre-filled.
        suggest: At the suggest threshold (pre-filled photos included); None where it is never suggested.
        calibration_error: Expected calibration error; None with too few photos showing it.
        reliability: The bins that hold photos, lowest first.
    """

    auc: Estimate
    ap: Estimate
    prefill: ThresholdMeasures | None
    suggest: ThresholdMeasures | None
    calibration_error: Estimate | None
    reliability: tuple[ReliabilityBin, ...]


class CategoryMeasures(Record):
    """One category or parent.

    Attributes:
        role: A problem, context (bins, poles) or a roll-up parent.
        amorphous: Agreement at IoU 0.3 is enough.
        photos_searched: Photos searched for every instance.
        boxes: Labelled boxes on them.
        photos_shown: Photos known to show it, where precision can be judged: sources of which every photo shows it
            are left out, since whoever recognises the source is always right there.
        photos_absent: Photos known not to show it.
        detection: None without a labelled box.
        photo: None unless some photos show it and some do not.
    """

    role: Role
    amorphous: bool
    photos_searched: Count
    boxes: Count
    photos_shown: Count
    photos_absent: Count
    detection: DetectionMeasures | None
    photo: PhotoMeasures | None


class MeanMeasures(Record):
    """A mean over categories, each counting the same.

    Attributes:
        categories: Which; those of them that have a labelled box here.
        ap30: Mean average precision at IoU 0.3.
        ap50: At IoU 0.5.
        ap: Over IoU 0.50 to 0.95.
    """

    categories: tuple[str, ...]
    ap30: Estimate
    ap50: Estimate
    ap: Estimate


class AnswerMeasures(Record):
    """The service's answers as a whole.

    Attributes:
        first_hit: Of the photos that show a problem the model knows, those whose first suggestion is right.
        top_hit: Those with a right one among the first few (`answers` of the settings).
        clean_prefills: Wrong pre-fills on 100 clean photos.
        clean_suggestions: Wrong suggestions, pre-fills included, on 100 clean photos.
        clean_alarms: Of 100 clean photos, those with any wrong suggestion.
    """

    first_hit: Estimate
    top_hit: Estimate
    clean_prefills: Estimate
    clean_suggestions: Estimate
    clean_alarms: Estimate


class Measures(Record):
    """Everything measured on some of the photos.

    Attributes:
        photos: How many.
        groups: Of how many groups.
        categories: Category or parent -> figures, for those that the labels here say anything about.
        means: Name -> means; `all` over the problem categories with a labelled box, `enough_boxes` over those with
            enough of them (judged on the whole evaluation), and those named in the settings.
        answers: Of the service as a whole.
    """

    photos: Count
    groups: Count
    categories: dict[str, CategoryMeasures]
    means: dict[str, MeanMeasures]
    answers: AnswerMeasures
