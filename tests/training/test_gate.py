"""The gate on made evaluations: what it lets through, what it refuses, and what it says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest

pytest.importorskip("sklearn", reason="extra `train` is not installed")

from benchmarks.made_evaluations import MadeCategory, MadeStreet
from training.evaluation import Evaluation
from training.gate import Judgement, Refusal, UnlikeError, gate
from training.gate_settings import GateSettings

Value = TypeVar("Value")

STREET = MadeStreet(
    {
        "overflowing_bin": MadeCategory(0.35, 0.9, prefill=True),
        "exposed_garbage": MadeCategory(0.25, 0.8, prefill=True),
        "illegal_awning": MadeCategory(0.10, 0.6),
        "small_ads_graffiti": MadeCategory(0.08, 0.5),
        "street_vendor": MadeCategory(0.03, 0.6),
        "laundry": MadeCategory(0.004, 0.6),  # one or two photos: nothing to judge by
    },
    photos=300,
)
SETTINGS = GateSettings(resamples=500)
CHAMPION = STREET.evaluation(1)


def judged(skills: Mapping[str, float] | None = None, *, seed: int = 2, shuffled: bool = False) -> Judgement:
    return gate(STREET.evaluation(seed, skills, shuffled=shuffled), CHAMPION, SETTINGS)


def refused(judgement: Judgement) -> set[tuple[str, str | None]]:
    return {(refusal.code, refusal.category) for refusal in judgement.refusals}


def test_the_champion_itself_passes() -> None:
    judgement = gate(CHAMPION, CHAMPION, SETTINGS)
    assert judgement.passed
    assert {one.difference for one in judgement.comparisons} == {0.0}


@pytest.mark.parametrize("seed", range(2, 6))
def test_an_equally_good_model_with_other_mistakes_passes(seed: int) -> None:
    assert refused(judged(seed=seed)) == set()


def test_a_better_model_passes_and_is_called_better() -> None:
    judgement = judged({"illegal_awning": 0.95, "small_ads_graffiti": 0.95, "exposed_garbage": 0.95})
    assert judgement.passed
    better = {one.category for one in judgement.comparisons if one.outcome == "better"}
    assert {"illegal_awning", "small_ads_graffiti"} <= better


def test_a_model_that_learnt_shuffled_labels_is_refused_in_every_frequent_category() -> None:
    worse = {category for _, category in refused(judged(shuffled=True))}
    assert {"overflowing_bin", "exposed_garbage", "illegal_awning", "small_ads_graffiti", None} <= worse


def test_a_model_without_one_of_the_categories_is_refused() -> None:
    assert refused(judged({"laundry": -1})) == {("dropped", "laundry")}  # though no photo could show the loss
    allowed = GateSettings(resamples=500, may_be_dropped=("laundry",))
    assert gate(STREET.evaluation(2, {"laundry": -1}), CHAMPION, allowed).passed


@pytest.mark.parametrize(
    ("category", "skill"), [("street_vendor", 0.0), ("street_vendor", 0.1), ("illegal_awning", 0.2)]
)
def test_a_rare_category_that_got_lost_is_refused_though_the_mean_is_better(category: str, skill: float) -> None:
    better = {name: 0.97 for name in STREET.categories if name != category}
    judgement = judged({**better, category: skill})
    assert {found for _, found in refused(judgement)} - {None} == {category}
    assert all(mean.difference > 0 for mean in judgement.means if category not in mean.categories)


def test_losing_the_promise_to_prefill_is_refused() -> None:
    categories = dict(STREET.categories) | {"exposed_garbage": MadeCategory(0.25, 0.8)}
    candidate = MadeStreet(categories, STREET.photos).evaluation(2)
    found = gate(candidate, CHAMPION, SETTINGS)
    assert ("prefill-lost", "exposed_garbage") in refused(found)
    allowed = SETTINGS.model_copy(update={"may_lose_prefill": ("exposed_garbage",)})
    assert ("prefill-lost", "exposed_garbage") not in refused(gate(candidate, CHAMPION, allowed))


def test_a_refusal_names_photos_on_which_the_champion_was_right() -> None:
    judgement = judged({"illegal_awning": 0.0})
    refusal = next(r for r in judgement.refusals if r.category == "illegal_awning")
    assert len(refusal.examples) == SETTINGS.examples
    outcomes = {photo.key: photo.categories["illegal_awning"] for photo in CHAMPION.photos}
    assert all(outcomes[key].shows for key in refusal.examples)
    assert all(outcomes[key].score > 0.5 for key in refusal.examples)


def test_new_labels_are_a_part_of_their_own() -> None:
    new = frozenset(photo.key for photo in CHAMPION.photos[:150])
    worse_there = {photo.key: photo for photo in STREET.evaluation(2, {"overflowing_bin": 0.4}).photos}
    ours = tuple(worse_there[p.key] if p.key in new else p for p in CHAMPION.photos)
    judgement = gate(CHAMPION.model_copy(update={"photos": ours}), CHAMPION, SETTINGS, new)
    assert judgement.photos == {"frozen": 150, "new": 150}
    assert {(r.category, r.part) for r in judgement.refusals if r.category} == {("overflowing_bin", "new")}


def test_what_the_new_labels_cannot_say_is_said() -> None:
    new = frozenset(photo.key for photo in CHAMPION.photos[:40])
    judgement = gate(STREET.evaluation(2), CHAMPION, SETTINGS, new)
    assert "street_vendor" in judgement.not_in_new
    assert judgement.untested == ("laundry",)


def test_a_test_part_that_shows_nothing_is_no_evidence() -> None:
    street = MadeStreet(STREET.categories, photos=4)
    judgement = gate(street.evaluation(2), street.evaluation(1), SETTINGS)
    assert judgement.refusals == (Refusal(code="no-evidence", part="frozen"),)


def test_the_judgement_follows_from_evaluations_and_settings_alone() -> None:
    reordered = CHAMPION.model_copy(update={"photos": tuple(reversed(CHAMPION.photos))})
    assert gate(STREET.evaluation(2), reordered, SETTINGS) == judged()


def test_new_categories_are_welcome() -> None:
    photos = tuple(p.model_copy(update={"categories": _without_awnings(p.categories)}) for p in CHAMPION.photos)
    old = CHAMPION.model_copy(update={"categories": _without_awnings(CHAMPION.categories), "photos": photos})
    judgement = gate(CHAMPION, old, SETTINGS)
    assert judgement.passed
    assert judgement.added == ("illegal_awning",)


def _without_awnings(of: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in of.items() if name != "illegal_awning"}


def relabelled(evaluation: Evaluation) -> Evaluation:
    first, *rest = evaluation.photos
    outcome = first.categories["overflowing_bin"]
    changed = outcome.model_copy(update={"shows": not outcome.shows})
    photo = first.model_copy(update={"categories": {**first.categories, "overflowing_bin": changed}})
    return evaluation.model_copy(update={"photos": (photo, *rest)})


def test_evaluations_of_other_photos_or_labels_are_not_compared() -> None:
    with pytest.raises(UnlikeError, match="not of the same photos"):
        gate(STREET.evaluation(2, prefix="other"), CHAMPION, SETTINGS)
    with pytest.raises(UnlikeError, match="other labels"):
        gate(relabelled(STREET.evaluation(2)), CHAMPION, SETTINGS)


def test_a_photo_that_one_model_could_not_read_counts_for_neither() -> None:
    first, *rest = CHAMPION.photos
    broken = first.model_copy(update={"error": "damaged", "categories": {}, "verdict": None})
    ours = CHAMPION.model_copy(update={"photos": (broken, *rest)})
    judgement = gate(ours, CHAMPION, SETTINGS)
    assert judgement.photos == {"frozen": 299}
    assert judgement.passed
