from __future__ import annotations

from datetime import timedelta

import pytest

from inference.categories import Catalogue
from inference.classify import Classifier
from inference.feedback.audit import latency_of, latency_step, score_step
from inference.feedback.confirm import confirm
from inference.feedback.database import Database
from inference.feedback.drift import NOTHING, Change, flags, mix_change, stability
from inference.feedback.insight import Analyst, DriftRule, Insight
from inference.feedback.said import Said
from inference.feedback.store import add_records
from inference.feedback.tally import Mix, Window
from inference.package import Reference
from tests.inference.feedback.making import NOON, audit, photo

BIN, LITTER, AWNING = "overflowing_bin", "exposed_garbage", "illegal_awning"
DAY = Window(NOON - timedelta(hours=1), NOON + timedelta(days=1))
RULE = DriftRule(threshold=0.2, least=20, reference=40)


def look(database: Database, classifier: Classifier, catalogue: Catalogue, window: Window = DAY) -> Insight:
    """What is seen of a model whose package brings no reference."""
    model = classifier.package.description.model_copy(update={"reference": None})
    return Analyst(RULE).look(database, window, model, catalogue)


def test_counts(database: Database, classifier: Classifier, catalogue: Catalogue) -> None:
    nothing = photo(0)
    add_records(
        database,
        [
            audit("click"),
            audit("wrong", latency_ms=400.0),
            audit("missed", nothing),
            audit("silent"),
            audit("before", received_at=DAY.since - timedelta(seconds=1)),
            audit("after", received_at=DAY.until),
        ],
    )
    for request_id, categories in {"click": [BIN], "wrong": [LITTER], "missed": [AWNING]}.items():
        confirm(database, Said(request_id=request_id, categories=[]), catalogue)
        confirm(database, Said(request_id=request_id, categories=categories), catalogue)  # the latest counts
    found = look(database, classifier, catalogue)
    assert (found.tally.requests, found.tally.answered, found.tally.accepted) == (4, 3, 1)
    assert found.acceptance_rate == pytest.approx(1 / 3)
    assert found.tally.verdicts == {"issue": 3, "no_issue": 1}
    assert found.tally.models == {"0.1.0": 4}
    assert sum(requests for _, requests, _ in found.tally.daily) == 4
    bins, litter, awning = (found.tally.categories[name] for name in (BIN, LITTER, AWNING))
    assert (bins.suggested, bins.prefilled, bins.confirmed, bins.rejected, bins.added) == (3, 3, 1, 1, 0)
    assert (litter.suggested, litter.prefilled, litter.confirmed, litter.rejected) == (3, 0, 1, 1)
    assert (awning.suggested, awning.added) == (0, 1)
    precision = found.categories[BIN].prefill_precision
    assert precision is not None
    assert (precision.value, precision.support) == (0.5, 2)
    assert found.categories[AWNING].precision is None
    assert [(d.request_id, d.category, d.said) for d in found.disagreements] == [
        ("wrong", BIN, "rejected"),
        ("click", LITTER, "rejected"),
        ("missed", AWNING, "added"),
    ]
    assert found.tally.latency_ms["p50"] == pytest.approx(80, rel=0.05)
    assert found.tally.latency_ms["p99"] == pytest.approx(400, rel=0.05)


def test_drift_against_the_first_requests(database: Database, classifier: Classifier, catalogue: Catalogue) -> None:
    first = [
        audit(f"a{n}", photo(0, (BIN, 0.9 + n / 1000, "prefill")), received_at=NOON + timedelta(seconds=n))
        for n in range(40)
    ]
    add_records(database, first)
    early = look(database, classifier, catalogue).drift
    assert (early.kind, early.mix.value, early.flags) == (None, None, ())
    later = NOON + timedelta(hours=2)
    add_records(database, [audit("a40", received_at=later - timedelta(hours=1))])
    add_records(database, [audit(f"b{n}", photo(0, (LITTER, 0.3, "suggest")), received_at=later) for n in range(30)])
    drift = look(database, classifier, catalogue, Window(later, later + timedelta(hours=1))).drift
    assert (drift.kind, drift.now.requests) == ("first-requests", 30)
    assert {(flag.kind, flag.category) for flag in drift.flags} == {("category_mix", LITTER), ("score", None)}
    assert all("PSI" in flag.message_zh and "PSI" in flag.message_en for flag in drift.flags)


def test_a_package_brings_its_own_reference(database: Database, classifier: Classifier, catalogue: Catalogue) -> None:
    reference = Reference(photos=100, nothing=20, suggested={BIN: (0, 0, 0, 0, 0, 0, 0, 0, 0, 80)})
    model = classifier.package.description.model_copy(update={"reference": reference})
    add_records(
        database,
        [audit(f"a{n}", photo(0, *([(BIN, 0.95, "prefill")] if n % 5 else []))) for n in range(50)],
    )
    drift = Analyst(RULE).look(database, DAY, model, catalogue).drift
    assert drift.kind == "package"
    assert drift.mix.value == pytest.approx(0, abs=0.01)
    assert drift.flags == ()


def test_a_promise_that_is_not_kept_is_told(database: Database, classifier: Classifier, catalogue: Catalogue) -> None:
    add_records(database, [audit(f"r{n}") for n in range(20)])
    for n in range(20):
        confirm(database, Said(request_id=f"r{n}", categories=[BIN] if n % 2 else []), catalogue)
    (flag,) = look(database, classifier, catalogue).drift.flags
    assert (flag.kind, flag.category) == ("prefill_precision", BIN)
    assert "0.50" in flag.message_en


class TestStability:
    def test_equal_shares_are_no_change(self) -> None:
        assert stability({"a": 100, "b": 300}, {"a": 1000, "b": 3000}).value == pytest.approx(0, abs=1e-4)

    def test_the_textbook_value(self) -> None:
        found = stability({"a": 500_000, "b": 500_000}, {"a": 400_000, "b": 600_000}).value
        assert found == pytest.approx(0.0405, abs=1e-4)  # -0.1 ln 0.8 + 0.1 ln 1.2

    def test_too_little_is_not_judged(self) -> None:
        assert mix_change(Mix(requests=1000), Mix(requests=19), 20).value is None

    def test_less_of_nothing_is_told_by_its_name(self) -> None:
        (flag,) = flags(Change(0.5, {NOTHING: 0.4, BIN: 0.1}), [], 0.2, {})
        assert (flag.category, "without any suggestion" in flag.message_en) == (None, True)


def test_steps() -> None:
    assert [score_step(p) for p in (0.0, 0.05, 0.1, 0.95, 1.0)] == [0, 0, 1, 9, 9]
    for milliseconds in (1.0, 3.7, 80.0, 12_345.6):
        assert milliseconds <= latency_of(latency_step(milliseconds)) <= milliseconds * 1.0501
