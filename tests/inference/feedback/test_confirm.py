from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from inference.categories import Catalogue
from inference.feedback.confirm import (
    AmbiguousRequestError,
    FeedbackIdReusedError,
    Stored,
    UnknownRequestError,
    confirm,
)
from inference.feedback.database import Database
from inference.feedback.opinion import OpinionError
from inference.feedback.records import one_record
from inference.feedback.said import Said
from inference.feedback.store import add_records
from tests.inference.feedback.making import NOON, audit, photo


def say(database: Database, catalogue: Catalogue, request_id: str = "r", **said: Any) -> Stored:
    return confirm(database, Said(**{"request_id": request_id, "categories": [], **said}), catalogue)


def outcomes(database: Database, request_id: str = "r") -> dict[str, str | None]:
    seen = one_record(database, request_id)
    assert seen is not None
    return {entry.category: entry.outcome for entry in seen.suggestions}


GARBAGE = (photo(0, ("garbage", 0.9, "prefill"), ("street_vendor", 0.4, "suggest")),)


class TestWhatIsUnderstood:
    @pytest.mark.parametrize(
        ("photos", "said", "verdict", "rejected", "judged"),
        [
            (
                (),
                {"categories": ["overflowing_bin"]},
                "issue",
                ["exposed_garbage"],
                {"overflowing_bin": "confirmed", "exposed_garbage": "rejected"},
            ),
            (
                (),
                {"categories": []},
                "no_issue",
                ["overflowing_bin", "exposed_garbage"],
                {"overflowing_bin": "rejected", "exposed_garbage": "rejected"},
            ),
            (
                (),
                {"categories": ["overflowing_bin"], "rejected": []},
                "issue",
                [],
                {"overflowing_bin": "confirmed", "exposed_garbage": None},
            ),
            # of a photo that cannot be used nothing is known
            ((), {"verdict": "unusable"}, "unusable", [], {"overflowing_bin": None, "exposed_garbage": None}),
            # who confirms litter confirms garbage, too
            (
                GARBAGE,
                {"categories": ["exposed_garbage"]},
                "issue",
                ["street_vendor"],
                {"garbage": "confirmed", "street_vendor": "rejected"},
            ),
            # who confirms garbage does not say of which kind
            (
                (),
                {"categories": ["garbage"]},
                "issue",
                [],
                {"overflowing_bin": None, "exposed_garbage": None},
            ),
        ],
    )
    def test_defaults(
        self,
        database: Database,
        catalogue: Catalogue,
        photos: tuple[dict[str, Any], ...],
        said: dict[str, Any],
        verdict: str,
        rejected: list[str],
        judged: dict[str, str | None],
    ) -> None:
        add_records(database, [audit("r", *photos)])
        stored = say(database, catalogue, **said).feedback
        assert (stored.verdict, set(stored.rejected), stored.revision) == (verdict, set(rejected), 1)
        assert outcomes(database) == judged

    @pytest.mark.parametrize(
        ("said", "field", "match"),
        [
            ({"categories": ["overflowing_bins"]}, "categories", "did you mean overflowing_bin"),
            ({"categories": ["waste_bin"]}, "categories", "nobody can confirm"),
            ({"categories": ["overflowing_bin"], "verdict": "no_issue"}, "verdict", "leave them out"),
            ({"categories": ["overflowing_bin"], "rejected": ["overflowing_bin"]}, "rejected", "at once"),
            ({"categories": ["overflowing_bin"], "rejected": ["garbage"]}, "rejected", "at once"),
            ({"rejected": ["exposed_garbage"], "searched": ["exposed_garbage"]}, "searched", "rejected already"),
            ({"photos": [{"index": 1}]}, "photos.1", "the request has 1"),
            ({"photos": [{"index": 0}, {"index": 0}]}, "photos.0", "given twice"),
            ({"photos": [{"index": 0, "categories": ["exposed_garbage"]}]}, "photos.0", "add it there"),
            (
                {
                    "categories": ["exposed_garbage"],
                    "photos": [{"index": 0, "boxes": [{"category": "exposed_garbage", "box": [0, 0, 641, 9]}]}],
                },
                "photos.0.boxes",
                "640 x 480",
            ),
            (
                {
                    "verdict": "unrelated",
                    "photos": [{"index": 0, "boxes": [{"category": "waste_bin", "box": [0, 0, 9, 9]}]}],
                },
                "photos",
                "leave the boxes out",
            ),
        ],
    )
    def test_contradictions(
        self, database: Database, catalogue: Catalogue, said: dict[str, Any], field: str, match: str
    ) -> None:
        add_records(database, [audit("r")])
        with pytest.raises(OpinionError, match=match) as caught:
            say(database, catalogue, **said)
        assert [wrong for wrong, _ in caught.value.wrong] == [field]
        seen = one_record(database, "r")
        assert seen is not None
        assert seen.feedback is None


class TestRevisions:
    def test_the_same_again_stores_nothing_new_and_other_content_does(
        self, database: Database, catalogue: Catalogue
    ) -> None:
        add_records(database, [audit("r")])
        first = say(database, catalogue, categories=["overflowing_bin", "exposed_garbage"]).feedback
        again = say(database, catalogue, categories=["exposed_garbage", "overflowing_bin"]).feedback
        assert (again.feedback_id, again.recorded_at) == (first.feedback_id, first.recorded_at)
        other = say(database, catalogue, categories=["illegal_awning"]).feedback
        back = say(database, catalogue, categories=["overflowing_bin", "exposed_garbage"]).feedback
        assert [other.revision, back.revision] == [2, 3]
        seen = one_record(database, "r")
        assert seen is not None
        assert seen.feedback is not None
        assert seen.feedback.revision == 3
        assert outcomes(database) == {"overflowing_bin": "confirmed", "exposed_garbage": "confirmed"}

    def test_a_key_recognises_what_was_delayed(self, database: Database, catalogue: Catalogue) -> None:
        add_records(database, [audit("r")])
        say(database, catalogue, categories=["overflowing_bin"], feedback_id="a")
        say(database, catalogue, categories=[], feedback_id="b")
        late = say(database, catalogue, categories=["overflowing_bin"], feedback_id="a").feedback
        assert late.revision == 1
        assert outcomes(database)["overflowing_bin"] == "rejected"
        with pytest.raises(FeedbackIdReusedError) as caught:
            say(database, catalogue, categories=["exposed_garbage"], feedback_id="a")
        assert caught.value.revision == 1

    def test_many_at_once(self, database: Database, catalogue: Catalogue) -> None:
        add_records(database, [audit("r")])
        notes = [f"note {number}" for number in range(8)]
        with ThreadPoolExecutor(4) as pool:
            stored = list(pool.map(lambda note: say(database, catalogue, note=note).feedback.revision, notes))
        assert sorted(stored) == [1, 2, 3, 4, 5, 6, 7, 8]


class TestWhichRequest:
    def test_unknown(self, database: Database, catalogue: Catalogue) -> None:
        with pytest.raises(UnknownRequestError):
            say(database, catalogue, "nobody")

    def test_by_the_case(self, database: Database, catalogue: Catalogue) -> None:
        add_records(database, [audit("r", external_id="案件-7")])
        stored = confirm(database, Said(external_id="案件-7", categories=[]), catalogue)
        assert stored.request_id == "r"

    def test_a_case_sent_twice_is_asked_about(self, database: Database, catalogue: Catalogue) -> None:
        later = NOON.replace(hour=13)
        add_records(database, [audit("r1", external_id="7"), audit("r2", external_id="7", received_at=later)])
        with pytest.raises(AmbiguousRequestError) as caught:
            confirm(database, Said(external_id="7", categories=[]), catalogue)
        assert caught.value.candidates == (("r2", later, "issue"), ("r1", NOON, "issue"))

    def test_an_id_used_again_for_other_photos_is_never_mixed_up(
        self, database: Database, catalogue: Catalogue
    ) -> None:
        add_records(database, [audit("r"), audit("r")])  # the same request sent again: one record
        say(database, catalogue, categories=["overflowing_bin"])
        add_records(database, [audit("r", photo(0, content="another"))])
        with pytest.raises(AmbiguousRequestError) as caught:
            say(database, catalogue)
        assert {candidate[0] for candidate in caught.value.candidates} == {"r~1", "r~2"}
        assert say(database, catalogue, "r~2").request_id == "r~2"
        seen = one_record(database, "r~1")
        assert seen is not None
        assert seen.feedback is not None
        assert seen.feedback.categories == ["overflowing_bin"]
