from __future__ import annotations

import base64
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests import photos
from tests.inference.service.conftest import Client, Open, assert_problem
from tests.shared import shared

ANSWER = ["request_id", "model", "verdict", "suggestions", "photos"]
PHOTO = ["index", "filename", "sha256", "width", "height", "verdict", "warnings", "suggestions", "detections", "error"]
SUGGESTION = ["category", "name_zh", "name_en", "probability", "decision", "codes", "department", "photo_indexes"]
DETECTION = ["category", "score", "box", "context"]
VERDICTS = {"issue", "no_issue", "unrelated", "unusable", "uncertain"}
ERROR = "urn:street-patrol:problem:"


def real_photos(count: int) -> list[bytes]:
    """Photos of streets, the smallest ones by name."""
    folder = shared("data", "gbs111-cn", "images")
    return [path.read_bytes() for path in sorted(Path(folder).iterdir())[:count]]


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "request_id"}


class TestShape:
    def test_members_stand_in_the_order_of_the_contract(self, client: Client) -> None:
        response = client.classify(*real_photos(2), min_score="0.01")
        assert response.status_code == 200
        answer = response.json()
        assert list(answer) == ANSWER
        assert list(answer["model"]) == ["name", "version", "data_version"]
        assert [list(photo) for photo in answer["photos"]] == [PHOTO, PHOTO]
        suggestions = answer["suggestions"] + [s for photo in answer["photos"] for s in photo["suggestions"]]
        assert all(list(suggestion) == SUGGESTION for suggestion in suggestions)
        detections = [detection for photo in answer["photos"] for detection in photo["detections"]]
        assert detections
        assert all(list(detection) == DETECTION for detection in detections)

    def test_values_are_rounded_and_within_bounds(self, client: Client) -> None:
        answer = client.classify(*real_photos(3), min_score="0.01").json()
        assert answer["verdict"] in VERDICTS
        for photo in answer["photos"]:
            assert photo["verdict"] in VERDICTS
            for detection in photo["detections"]:
                x1, y1, x2, y2 = detection["box"]
                assert 0 <= x1 < x2 <= photo["width"]
                assert 0 <= y1 < y2 <= photo["height"]
                assert detection["box"] == [round(value, 1) for value in detection["box"]]
        for suggestion in answer["suggestions"]:
            assert suggestion["probability"] == round(suggestion["probability"], 4)
            assert 0 < suggestion["probability"] <= 1
            assert suggestion["decision"] in ("prefill", "suggest")
            assert suggestion["photo_indexes"] == sorted(suggestion["photo_indexes"])

    def test_photos_are_described_upright_and_in_order(self, client: Client, jpeg: bytes) -> None:
        turned = photos.encode(photos.scene(), "jpeg", orientation=6)
        tall = photos.encode(photos.scene(240, 320), "png")
        described = client.classify(jpeg, turned, tall).json()["photos"]
        assert [(photo["width"], photo["height"]) for photo in described] == [(320, 240), (320, 240), (240, 320)]
        assert [photo["index"] for photo in described] == [0, 1, 2]
        assert [photo["filename"] for photo in described] == ["photo-0.jpg", "photo-1.jpg", "photo-2.jpg"]
        assert [photo["sha256"] for photo in described] == [sha256(x).hexdigest() for x in (jpeg, turned, tall)]
        assert all(photo["error"] is None for photo in described)

    @pytest.mark.parametrize("scheme", ["gbt47678.5-2026", "legacy-a", "legacy-b", "open311"])
    def test_a_street_photo_gets_suggestions_in_the_words_of_the_scheme(
        self, client: Client, clear_patrol_photo: Path, scheme: str
    ) -> None:
        answer = client.classify(clear_patrol_photo.read_bytes(), scheme=scheme).json()
        expected = client.runtime.schemes[scheme]
        assert answer["verdict"] == "issue"
        assert answer["suggestions"]
        for suggestion in answer["suggestions"]:
            codes = [(code.scheme, code.code, code.name) for code in expected.codes(suggestion["category"])]
            assert [tuple(code.values()) for code in suggestion["codes"]] == codes
            assert suggestion["department"] == expected.department(suggestion["category"])

    def test_context_boxes_are_marked_and_never_suggested(self, client: Client) -> None:
        contexts = {category.id for category in client.runtime.catalogue.contexts}
        answer = client.classify(*real_photos(6), min_score="0.001").json()
        detections = [detection for photo in answer["photos"] for detection in photo["detections"]]
        assert {d["category"] for d in detections if d["context"]} & contexts
        assert all(d["context"] == (d["category"] in contexts) for d in detections)
        assert contexts.isdisjoint(suggestion["category"] for suggestion in answer["suggestions"])


class TestInputs:
    @pytest.mark.parametrize("name", photos.encodings(photos.scene()))
    def test_every_encoding_is_read(self, client: Client, name: str) -> None:
        response = client.classify(photos.encodings(photos.scene())[name])
        assert response.status_code == 200
        assert response.json()["photos"][0]["width"] == 320

    def test_json_gives_the_same_answer_as_multipart(self, client: Client) -> None:
        files = real_photos(2)
        named = [
            {"filename": f"photo-{index}.jpg", "content": base64.b64encode(data).decode()}
            for index, data in enumerate(files)
        ]
        multipart = client.classify(*files, scheme="open311", min_score="0.1").json()
        as_json = client.classify_json({"photos": named, "scheme": "open311", "min_score": 0.1}).json()
        assert without_id(as_json) == without_id(multipart)

    @pytest.mark.parametrize(
        ("before", "after", "wrapped"),
        [("", "", False), ("", "\n", True), ("data:image/jpeg;base64,", "", False)],
        ids=["plain", "wrapped lines", "data URL"],
    )
    def test_base64_may_be_plain_text_in_the_list(
        self, client: Client, jpeg: bytes, before: str, after: str, *, wrapped: bool
    ) -> None:
        text = (base64.encodebytes(jpeg) if wrapped else base64.b64encode(jpeg)).decode()
        (photo,) = client.classify_json({"photos": [before + text + after]}).json()["photos"]
        assert photo["sha256"] == sha256(jpeg).hexdigest()
        assert photo["filename"] == ""

    @pytest.mark.parametrize("filename", ["现场照片 1.jpg", "a\ud800b.jpg", '"quoted".jpg', "x" * 3000, ""])
    def test_file_names_are_given_back(self, client: Client, jpeg: bytes, filename: str) -> None:
        entry = {"filename": filename, "content": base64.b64encode(jpeg).decode()}
        (photo,) = client.classify_json({"photos": [entry]}).json()["photos"]
        assert photo["filename"] == filename.replace("\ud800", "?")

    def test_context_is_given_back_as_it_came(self, client: Client, jpeg: bytes) -> None:
        fields = {
            "grid_id": "110105-03-017",
            "point_type": "背街小巷",
            "captured_at": "2026-05-06T07:08:09+08:00",
            "external_id": "case-1",
        }
        answer = client.classify(jpeg, latitude="39.9219", longitude="116.4436", **fields).json()
        assert list(answer) == [*ANSWER, "context"]
        assert answer["context"] == {**fields, "latitude": 39.9219, "longitude": 116.4436}

    def test_only_what_was_given_is_given_back(self, client: Client, jpeg: bytes) -> None:
        assert client.classify(jpeg, external_id="7", grid_id="").json()["context"] == {"external_id": "7"}
        assert "context" not in client.classify(jpeg, scheme="open311", grid_id="").json()


class TestMinScore:
    def test_weaker_boxes_come_with_it_and_nothing_else_changes(self, client: Client) -> None:
        files = real_photos(3)
        plain = client.classify(*files).json()
        weak = client.classify(*files, min_score="0.01").json()
        strong = client.classify(*files, min_score="0.9").json()
        counts = [sum(len(photo["detections"]) for photo in answer["photos"]) for answer in (strong, plain, weak)]
        assert max(counts[:2]) < counts[2]
        for answer in (weak, strong):
            assert answer["suggestions"] == plain["suggestions"]
            assert answer["verdict"] == plain["verdict"]
        assert all(d["score"] >= 0.9 for photo in strong["photos"] for d in photo["detections"])

    def test_zero_acts_as_the_floor(self, client: Client) -> None:
        files = real_photos(1)
        zero, floor = (client.classify(*files, min_score=score).json() for score in ("0", "0.001"))
        assert without_id(zero) == without_id(floor)
        assert all(d["score"] >= 0.001 for d in zero["photos"][0]["detections"])


class TestBadPhotos:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"%PDF-1.7\n", "not-an-image"),
            (b"just text, no picture", "not-an-image"),
            (photos.animation("gif"), "unsupported-format"),
            (photos.encode(photos.scene(8, 8), "png"), "too-small"),
            (photos.truncated(photos.encode(photos.scene(), "png")), "truncated"),
            (photos.bomb_png(), "too-many-pixels"),
        ],
        ids=["empty", "pdf", "text", "gif", "tiny", "truncated", "bomb"],
    )
    def test_a_bad_photo_is_reported_and_the_others_are_answered(
        self, client: Client, jpeg: bytes, data: bytes, code: str
    ) -> None:
        alone = client.classify(jpeg).json()["photos"][0]
        response = client.classify(data, jpeg)
        assert response.status_code == 200
        answer = response.json()
        bad, good = answer["photos"]
        assert list(bad) == PHOTO
        assert bad["error"]["type"] == ERROR + code
        assert list(bad["error"]) == ["type", "title", "detail"]
        assert bad["verdict"] == "unusable"
        assert (bad["width"], bad["height"]) == (None, None)
        assert bad["sha256"] == sha256(data).hexdigest()
        assert (bad["warnings"], bad["suggestions"], bad["detections"]) == ([], [], [])
        moved = [suggestion | {"photo_indexes": [1]} for suggestion in alone["suggestions"]]
        assert good == alone | {"index": 1, "filename": "photo-1.jpg", "suggestions": moved}
        assert answer["verdict"] == good["verdict"]

    def test_suggestions_point_at_the_photos_that_could_be_read(self, client: Client, clear_patrol_photo: Path) -> None:
        files = [*real_photos(2), clear_patrol_photo.read_bytes()]
        alone = client.classify(*files).json()["suggestions"]
        mixed = client.classify(b"", *files).json()["suggestions"]
        assert [[index + 1 for index in s["photo_indexes"]] for s in alone] == [s["photo_indexes"] for s in mixed]

    def test_a_damaged_jpeg_is_answered_with_a_warning(self, client: Client) -> None:
        damaged = photos.truncated(photos.encode(photos.noisy_scene(640, 480), "jpeg"), 0.9)
        (photo,) = client.classify(damaged).json()["photos"]
        assert photo["error"] is None
        assert photo["warnings"] == ["degraded:truncated"]
        assert all(suggestion["decision"] == "suggest" for suggestion in photo["suggestions"])

    @pytest.mark.parametrize("content", ["not base64!", "AAA", "/9j/4AAQ=SkZ", "照片"])
    def test_bad_base64_is_reported_on_its_photo(self, client: Client, jpeg: bytes, content: str) -> None:
        good = base64.b64encode(jpeg).decode()
        response = client.classify_json({"photos": [good, {"filename": "b.jpg", "content": content}]})
        assert response.status_code == 200
        first, second = response.json()["photos"]
        assert first["error"] is None
        assert second["error"]["type"] == ERROR + "bad-base64"
        assert second["sha256"] is None

    def test_only_bad_photos_are_a_problem_that_lists_them(self, client: Client) -> None:
        document = assert_problem(client.classify(b"", b"%PDF-1.7"), 422, "no-readable-photo")
        assert [photo["error"]["type"] for photo in document["photos"]] == [ERROR + "empty", ERROR + "not-an-image"]
        assert [photo["filename"] for photo in document["photos"]] == ["photo-0.jpg", "photo-1.jpg"]
        assert "PDF" in document["detail"]

    def test_limits_come_from_the_settings(self, open_client: Open, jpeg: bytes) -> None:
        small = photos.encode(photos.scene(64, 64), "png")
        limits = {"max_photo_bytes": len(jpeg) - 1, "max_photo_pixels": 64 * 64, "min_photo_side": 40}
        wide, tiny = photos.encode(photos.scene(65, 64), "png"), photos.encode(photos.scene(39, 64), "png")
        with open_client(**limits) as client:
            described = client.classify(small, jpeg, wide, tiny).json()["photos"]
        errors = [photo["error"] and photo["error"]["type"] for photo in described]
        assert errors == [None, ERROR + "too-many-bytes", ERROR + "too-many-pixels", ERROR + "too-small"]

    def test_a_bug_on_one_photo_leaves_the_others(
        self, client: Client, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from inference.classify import Classifier

        classify = Classifier.classify

        def broken(self: Classifier, data: bytes, **options: Any) -> object:
            if data == b"bug":
                raise RuntimeError("secret of the decoder")
            return classify(self, data, **options)

        monkeypatch.setattr(Classifier, "classify", broken)
        answered = client.classify(b"bug", jpeg)
        assert answered.json()["photos"][0]["error"]["type"] == ERROR + "internal-error"
        assert answered.json()["photos"][1]["error"] is None
        failed = client.classify(b"bug")
        assert_problem(failed, 500, "internal-error")
        assert "secret" not in answered.text + failed.text


class TestManyAtOnce:
    def test_requests_at_the_same_time_do_not_mix(self, client: Client) -> None:
        files = real_photos(8)
        alone = [without_id(client.classify(data).json()) for data in files]
        jobs = [client.start("POST", "/v1/classify", files={"photos": ("photo-0.jpg", data)}) for data in files]
        together = [without_id(job.result(120).json()) for job in jobs]
        assert together == alone

    def test_photos_of_one_request_are_judged_as_alone(self, client: Client) -> None:
        files = real_photos(16)
        answer = client.classify(*files).json()
        assert len(answer["photos"]) == 16
        for index in (0, 7, 15):
            (alone,) = client.classify(files[index]).json()["photos"]
            assert answer["photos"][index]["detections"] == alone["detections"]

    def test_probes_are_answered_while_photos_are_judged(self, client: Client) -> None:
        job = client.start("POST", "/v1/classify", files=[("photos", data) for data in real_photos(16)])
        assert client.get("/livez").status_code == 200
        assert not job.done()
        assert job.result(120).status_code == 200


class TestRequestId:
    def test_is_in_body_and_header(self, client: Client, jpeg: bytes) -> None:
        response = client.classify(jpeg)
        assert response.json()["request_id"] == response.headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", response.json()["request_id"])

    @pytest.mark.parametrize(
        ("asked", "is_kept"),
        [("case-7.photo_1", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ('"}{', False), ("", False)],
    )
    def test_a_sane_one_of_the_client_is_kept(self, client: Client, asked: str, *, is_kept: bool) -> None:
        given = client.get("/livez", headers={"X-Request-ID": asked}).headers["x-request-id"]
        assert (given == asked) is is_kept
