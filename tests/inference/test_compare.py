"""Still there, gone, or not to be told: what each takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from inference.categories import load_catalogue
from inference.compare import CHANGES, REASONS, Change, Comparer, Look, Pairing, bounds
from inference.compare_settings import CompareSettings
from inference.package import load_package
from inference.paths import MODELS
from inference.viewpoint import View

CATALOGUE = load_catalogue()
DESCRIPTION = load_package(MODELS / "street-patrol-n").description
BIN, AWNING, GARBAGE = "overflowing_bin", "illegal_awning", "exposed_garbage"
SAME = View(np.eye(3), 30)
ELSEWHERE = View(np.array([[1.0, 0, 2.0], [0, 1, 0], [0, 0, 1]]), 30)
BOX = (0.2, 0.2, 0.4, 0.4)
BEFORE = Look({BIN: 0.95}, boxes={BIN: (BOX,)})
CLEAN = Look({}, at_most=dict.fromkeys(DESCRIPTION.decisions, 0.02))


def change(before: Look, after: Look, pairing: Pairing) -> Change:
    (found,) = Comparer(DESCRIPTION, CATALOGUE, CompareSettings()).compare(before, after, pairing)
    return found


def seen(category: str, probability: float) -> Look:
    return replace(CLEAN, suggested={category: probability}, at_most={**CLEAN.at_most, category: probability})


@pytest.mark.parametrize(
    ("after", "pairing", "verdict", "reason"),
    [
        (seen(BIN, 0.9), Pairing("view", SAME), "still", "seen-again"),
        (seen(BIN, 0.9), Pairing("position"), "still", "seen-again"),
        (seen(BIN, 0.9), Pairing(None), "cannot_tell", "other-place"),
        (seen(BIN, 0.45), Pairing("view", SAME), "cannot_tell", "unsure"),
        (replace(seen(BIN, 0.9), trouble="after-dark"), Pairing("view", SAME), "still", "seen-again"),
        (CLEAN, Pairing("view", SAME), "gone", "not-seen-again"),
        (CLEAN, Pairing("given"), "gone", "not-seen-again"),
        (CLEAN, Pairing("position"), "cannot_tell", "out-of-view"),
        (CLEAN, Pairing("view", ELSEWHERE), "cannot_tell", "out-of-view"),
        (CLEAN, Pairing(None), "cannot_tell", "other-place"),
        (replace(CLEAN, at_most={BIN: 0.3}), Pairing("view", SAME), "cannot_tell", "unsure"),
        (replace(CLEAN, at_most={}), Pairing("view", SAME), "cannot_tell", "unsure"),
        (replace(CLEAN, trouble="after-dark"), Pairing("view", SAME), "cannot_tell", "after-dark"),
        (replace(CLEAN, trouble="after-degraded"), Pairing("given"), "cannot_tell", "after-degraded"),
    ],
)
def test_seeing_takes_the_place_and_not_seeing_the_view(
    after: Look, pairing: Pairing, verdict: str, reason: str
) -> None:
    found = change(BEFORE, after, pairing)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_silence_about_a_category_that_is_often_overlooked_says_nothing() -> None:
    before = Look({AWNING: 0.7}, boxes={AWNING: (BOX,)})
    assert change(before, CLEAN, Pairing("view", SAME)).reason == "beyond-model"
    assert change(before, seen(AWNING, 0.7), Pairing("view", SAME)).verdict == "still"


def test_a_child_seen_again_keeps_its_parent_there() -> None:
    before = Look({"garbage": 0.6}, boxes={"garbage": (BOX,)})
    assert change(before, seen(GARBAGE, 0.9), Pairing("view", SAME)).verdict == "still"


def test_what_only_the_later_photo_shows_is_listed_and_not_judged() -> None:
    found = change(Look({}), seen(BIN, 0.9), Pairing("view", SAME))
    assert (found.verdict, found.reason, found.before, found.after) == ("cannot_tell", "only-after", None, 0.9)


def test_bounds_cover_what_was_too_weak_to_be_looked_at() -> None:
    found = bounds({GARBAGE: 0.9}, 0.05, DESCRIPTION, CATALOGUE)
    assert found["garbage"] > 0.9
    assert 0 < found[BIN] < 0.05
    assert set(found) == set(DESCRIPTION.decisions)


def test_every_answer_has_words() -> None:
    assert all({"zh", "en"} == set(words) for table in (CHANGES, REASONS) for words in table.values())


@pytest.mark.parametrize("wrong", [{"gone_below": 0.6, "still_from": 0.5}, {"place_metres": 0}, {"unknown": 1}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CompareSettings.model_validate(wrong)
