"""Feedback over HTTP: stored before it is acknowledged, and never in the way of an answer."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.feedback.audit import AuditRecord
from inference.feedback.database import UnreachableError
from inference.service import desk
from tests.inference.service.conftest import Client, Open, assert_problem


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback")


@pytest.fixture(scope="module")
def keeping(open_client: Open, folder: Path) -> Iterator[Client]:
    """A service that keeps records and photos."""
    with open_client(feedback_database=f"sqlite:///{folder}/f.sqlite", keep_photos=str(folder / "kept")) as client:
        yield client


def classified(client: Client, *files: bytes, **fields: str) -> str:
    answer = client.classify(*files, **fields)
    assert answer.status_code == 200
    return str(answer.json()["request_id"])


def say(client: Client, **body: Any) -> Any:
    headers = {"content-type": "application/json"}
    return client.post("/v1/feedback", content=json.dumps(body), headers=headers)


class TestOneRequest:
    def test_from_the_answer_to_the_statistics(self, keeping: Client, jpeg: bytes) -> None:
        request_id = classified(keeping, jpeg, b"no photo", grid_id="格-7", external_id="案件-1")
        stored = say(keeping, external_id="案件-1", categories=["illegal_awning"], reviewer="王")
        assert stored.status_code == 200
        assert stored.json().keys() == {
            "request_id",
            "feedback_id",
            "revision",
            "recorded_at",
            "categories",
            "rejected",
            "verdict",
        }
        assert say(keeping, request_id=request_id, categories=["illegal_awning"], reviewer="王").json() == stored.json()
        (record,) = keeping.get("/v1/records", params={"grid_id": "格-7", "state": "confirmed"}).json()["records"]
        assert (record["request_id"], record["feedback"]["categories"]) == (request_id, ["illegal_awning"])
        assert [photo["filename"] for photo in record["photos"]] == ["photo-0.jpg", "photo-1.jpg"]
        whole = keeping.get(f"/v1/records/{request_id}").json()
        assert whole["photos"][1]["error"]["type"].endswith("not-an-image")
        assert whole["model"]["name"] == "street-patrol-n"
        stats = keeping.get("/v1/feedback/stats").json()
        assert stats["answered_feedback"] == 1
        assert stats["categories"]["illegal_awning"]["added"] == 1
        assert {"request_id": request_id, "category": "illegal_awning", "probability": None, "said": "added"} in stats[
            "disagreements"
        ]

    def test_its_photo_is_given_back_as_it_was_sent(self, keeping: Client, jpeg: bytes) -> None:
        request_id = classified(keeping, jpeg, b"no photo")
        keeper = keeping.app.state.desk._keeper
        assert keeper.flush(20)
        photo = keeping.get(f"/v1/records/{request_id}/photos/0")
        assert (photo.content, photo.headers["content-type"]) == (jpeg, "image/jpeg")
        assert photo.headers["cache-control"] == "private, no-store"
        assert "default-src 'none'" in photo.headers["content-security-policy"]
        for index in (1, 2):
            assert_problem(keeping.get(f"/v1/records/{request_id}/photos/{index}"), 404, "photo-not-kept")
        assert keeping.get(f"/v1/records/{request_id}").json()["photos"][0]["kept"]

    def test_no_path_no_picture_no_place_is_kept(self, keeping: Client, jpeg: bytes, folder: Path) -> None:
        parts = [("photos", (r"C:\Users\somebody\IMG_9.jpg", jpeg, "image/jpeg"))]
        fields = {"latitude": "39.123456", "longitude": "116.654321"}
        request_id = keeping.post("/v1/classify", files=parts, data=fields).json()["request_id"]
        record = keeping.get(f"/v1/records/{request_id}").json()
        assert record["photos"][0]["filename"] == "IMG_9.jpg"
        with sqlite3.connect(folder / "f.sqlite") as connection:
            rows = str(connection.execute("SELECT * FROM records").fetchall())
        connection.close()
        assert "somebody" not in rows
        assert "39.12" not in rows

    def test_names_can_be_left_out(self, open_client: Open, tmp_path: Path, jpeg: bytes) -> None:
        database = f"sqlite:///{tmp_path}/f.sqlite"
        with open_client(feedback_database=database, feedback_filenames=False) as client:
            request_id = classified(client, jpeg)
            assert client.get(f"/v1/records/{request_id}").json()["photos"][0]["filename"] == ""
            assert_problem(client.get(f"/v1/records/{request_id}/photos/0"), 404, "photo-not-kept")


class TestRefusals:
    def test_a_case_of_several_requests(self, keeping: Client, jpeg: bytes) -> None:
        ids = [classified(keeping, jpeg, external_id="twice") for _ in range(2)]
        problem = assert_problem(say(keeping, external_id="twice", categories=[]), 409, "ambiguous-external-id")
        assert {each["request_id"] for each in problem["requests"]} == {*ids}

    def test_an_id_that_a_client_used_twice(self, keeping: Client, jpeg: bytes) -> None:
        for data in (jpeg, jpeg + b"another"):
            files = [("photos", ("a.jpg", data, "image/jpeg"))]
            assert keeping.post("/v1/classify", files=files, headers={"X-Request-ID": "mine"}).status_code == 200
        problem = assert_problem(say(keeping, request_id="mine", categories=[]), 409, "ambiguous-request-id")
        assert [each["request_id"] for each in problem["requests"]] == ["mine~2", "mine~1"]
        assert say(keeping, request_id="mine~2", categories=[]).status_code == 200

    @pytest.mark.parametrize(
        ("body", "status", "slug"),
        [
            ({"request_id": "nobody", "categories": []}, 404, "unknown-request"),
            ({"request_id": "a", "external_id": "b", "categories": []}, 422, "invalid-field"),
            ({"categories": []}, 422, "invalid-field"),
            ({"request_id": "a"}, 422, "invalid-field"),
            ({"request_id": "a", "categories": [], "verdikt": "issue"}, 422, "invalid-field"),
            ({"request_id": "a\0", "categories": []}, 404, "unknown-request"),
            ({"request_id": "a\ud800", "categories": []}, 422, "invalid-field"),
        ],
    )
    def test_wrong_feedback(self, keeping: Client, body: dict[str, Any], status: int, slug: str) -> None:
        assert_problem(say(keeping, **body), status, slug)

    @pytest.mark.parametrize(
        ("query", "status", "slug"),
        [
            ("/v1/records?cursor=x", 422, "invalid-field"),
            ("/v1/records?since=2026-05-06", 422, "invalid-field"),
            ("/v1/records?limit=0", 422, "invalid-field"),
            ("/v1/records/nobody", 404, "unknown-request"),
            ("/v1/records/nobody/photos/0", 404, "unknown-request"),
            ("/v1/feedback/stats?since=2026-05-06T00:00:00Z&until=2026-05-05T00:00:00Z", 422, "invalid-field"),
        ],
    )
    def test_wrong_questions(self, keeping: Client, query: str, status: int, slug: str) -> None:
        assert_problem(keeping.get(query), status, slug)

    @pytest.mark.parametrize("path", ["/v1/records", "/v1/records/a", "/v1/records/a/photos/0", "/v1/feedback/stats"])
    def test_where_it_is_off(self, client: Client, path: str) -> None:
        assert_problem(client.get(path), 404, "feedback-off")
        assert_problem(say(client, request_id="a", categories=[]), 404, "feedback-off")


class TestOutage:
    def test_answers_go_on_and_nothing_is_lost(
        self, open_client: Open, tmp_path: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: object) -> None:
            raise UnreachableError("the server is gone")

        with open_client(feedback_database=f"sqlite:///{tmp_path}/f.sqlite") as client:
            monkeypatch.setattr(desk, "_FLUSH_SECONDS", 0.1)
            with monkeypatch.context() as patch:
                patch.setattr(desk, "add_records", gone)
                request_id = classified(client, jpeg)
                for _ in range(1000):
                    health = client.get("/readyz").json()["records"]
                    if health["failing"]:
                        break
                    time.sleep(0.01)
                assert health == {"waiting": 1, "lost": 0, "photos_lost": 0, "failing": True}
            monkeypatch.setattr(desk, "_FLUSH_SECONDS", 30.0)
            assert say(client, request_id=request_id, categories=[]).status_code == 200
            assert client.get("/readyz").json()["records"]["failing"] is False

    def test_feedback_is_not_acknowledged(
        self, open_client: Open, tmp_path: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_client(feedback_database=f"sqlite:///{tmp_path}/f.sqlite") as client:
            request_id = classified(client, jpeg)
            assert say(client, request_id=request_id, categories=[]).status_code == 200

            def gone(_: object) -> None:
                raise UnreachableError("the server is gone")

            monkeypatch.setattr(desk.Desk, "database", gone)
            refused = say(client, request_id=request_id, categories=["illegal_awning"])
            assert_problem(refused, 503, "database-unavailable")
            assert refused.headers["retry-after"] == "5"
            assert client.classify(jpeg).status_code == 200

    def test_a_record_that_cannot_be_made_is_no_error(
        self, open_client: Open, tmp_path: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> AuditRecord:
            raise RuntimeError("a bug")

        monkeypatch.setattr(desk, "_record", broken)
        with open_client(feedback_database=f"sqlite:///{tmp_path}/f.sqlite") as client:
            assert client.classify(jpeg).status_code == 200


def test_the_service_itself_deletes_what_is_over_its_days(open_client: Open, tmp_path: Path, jpeg: bytes) -> None:
    kept = tmp_path / "kept"
    brief = {"keep_photos_days": 1e-9, "keep_records_days": 1e-9, "retention_minutes": 0.002}
    with open_client(feedback_database=f"sqlite:///{tmp_path}/f.sqlite", keep_photos=str(kept), **brief) as client:
        request_id = classified(client, jpeg)
        assert client.app.state.desk._keeper.flush(20)
        for _ in range(2000):
            gone = client.get(f"/v1/records/{request_id}").status_code == 404
            if gone and not [path for path in kept.rglob("*") if path.is_file()]:
                return
    pytest.fail("the record or its photo is still there")


def test_a_database_that_cannot_be_used_ends_the_start(open_client: Open, tmp_path: Path) -> None:
    with open_client(feedback_database=f"sqlite:///{tmp_path}/no/such/folder/f.sqlite") as client:
        problem = assert_problem(client.get("/readyz"), 503, "not-ready")
        assert "feedback_database" in problem["detail"]


def test_what_is_switched_on(client: Client, keeping: Client) -> None:
    everything = ["admin", "classify", "feedback", "metrics"]
    off = {"feedback": False, "keys": False, "photo_retention": False, "scopes": everything}
    assert client.get("/v1/features").json() == off
    assert keeping.get("/v1/features").json() == off | {"feedback": True, "photo_retention": True}
