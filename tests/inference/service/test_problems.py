from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from inference.service.lingering import LINGER_BYTES
from tests.inference.service.conftest import Client, Open, assert_problem

JSON = {"content-type": "application/json"}


class TestPhotos:
    @pytest.mark.parametrize("body", [{}, {"photos": []}])
    def test_none_in_json(self, client: Client, body: dict[str, Any]) -> None:
        assert "photos" in assert_problem(client.classify_json(body), 422, "no-photos")["detail"]

    def test_none_in_multipart(self, client: Client) -> None:
        response = client.post("/v1/classify", files={"scheme": (None, "open311")})
        assert "curl -F photos=@" in assert_problem(response, 422, "no-photos")["detail"]

    def test_seventeen(self, client: Client, jpeg: bytes) -> None:
        document = assert_problem(client.classify(*[jpeg] * 17), 422, "too-many-photos")
        assert document["max_photos"] == 16
        assert "17" in document["detail"]
        texts = [base64.b64encode(jpeg).decode()] * 17
        assert_problem(client.classify_json({"photos": texts}), 422, "too-many-photos")

    def test_as_many_as_the_settings_say(self, open_client: Open, jpeg: bytes) -> None:
        with open_client(max_photos=2) as client:
            assert client.classify(jpeg, jpeg).status_code == 200
            assert_problem(client.classify(jpeg, jpeg, jpeg), 422, "too-many-photos")


class TestFields:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("min_score", "1.5"),
            ("min_score", "-0.1"),
            ("min_score", "much"),
            ("min_score", "nan"),
            ("latitude", "90.1"),
            ("latitude", "inf"),
            ("longitude", "-180.5"),
            ("longitude", "116°26'"),
            ("captured_at", "yesterday"),
            ("captured_at", "1778022489"),
            ("captured_at", "2026-13-01"),
            ("grid_id", "9" * 201),
            ("external_id", "x" * 100_000),
        ],
    )
    def test_a_wrong_value_is_named(self, client: Client, jpeg: bytes, field: str, value: str) -> None:
        document = assert_problem(client.classify(jpeg, **{field: value}), 422, "invalid-field")
        assert [each["field"] for each in document["errors"]] == [field]
        assert value[:20] in document["detail"].replace("\\'", "'")
        assert len(document["detail"]) < 300

    def test_all_of_them_are_told_at_once(self, client: Client, jpeg: bytes) -> None:
        response = client.classify(jpeg, min_score="7", latitude="x", scheme="open311")
        errors = assert_problem(response, 422, "invalid-field")["errors"]
        assert {each["field"] for each in errors} == {"min_score", "latitude"}

    @pytest.mark.parametrize("value", ["captured_at", 12.5, True, [], {}])
    def test_json_types_matter(self, client: Client, jpeg: bytes, value: object) -> None:
        body = {"photos": [base64.b64encode(jpeg).decode()], "captured_at": value}
        assert_problem(client.classify_json(body), 422, "invalid-field")

    def test_an_unknown_field_is_refused_with_a_guess(self, client: Client, jpeg: bytes) -> None:
        document = assert_problem(client.classify(jpeg, min_scor="0.1"), 422, "invalid-field")
        assert "did you mean min_score?" in document["detail"]

    def test_a_field_given_twice_is_refused(self, client: Client, jpeg: bytes) -> None:
        files = [("photos", jpeg), ("scheme", (None, "open311")), ("scheme", (None, "legacy-a"))]
        response = client.post("/v1/classify", files=files)
        assert "twice" in assert_problem(response, 422, "invalid-field")["detail"]

    def test_fields_in_the_address_are_refused(self, client: Client, jpeg: bytes) -> None:
        response = client.post("/v1/classify?min_score=0.1", files={"photos": jpeg})
        assert "min_score: belongs in the body" in assert_problem(response, 422, "invalid-field")["detail"]

    @pytest.mark.parametrize(
        ("part", "said"),
        [
            (("photos", (None, "a.jpg")), "text, not a file"),
            (("image", ("a.jpg", b"x")), "send it as 'photos'"),
            (("photos[]", ("a.jpg", b"x")), "send it as 'photos'"),
        ],
    )
    def test_a_photo_in_the_wrong_place_is_explained(self, client: Client, part: Any, said: str) -> None:
        response = client.post("/v1/classify", files=[part])
        assert said in assert_problem(response, 422, "invalid-field")["detail"]

    @pytest.mark.parametrize(
        "photo", [None, 7, [], {}, {"filename": "a.jpg"}, {"content": 1}, {"content": "", "filename": 1}, {"data": ""}]
    )
    def test_a_json_photo_of_another_shape_is_named(self, client: Client, photo: object) -> None:
        document = assert_problem(client.classify_json({"photos": ["", photo]}), 422, "invalid-field")
        assert document["errors"][0]["field"] == "photos.1"

    @pytest.mark.parametrize("photos", [None, "abc", {"0": "abc"}])
    def test_json_photos_must_be_a_list(self, client: Client, photos: object) -> None:
        assert_problem(client.classify_json({"photos": photos}), 422, "invalid-field")

    def test_an_unknown_scheme_lists_the_known(self, client: Client, jpeg: bytes) -> None:
        document = assert_problem(client.classify(jpeg, scheme="gbt"), 422, "unknown-scheme")
        assert document["known"] == list(client.runtime.schemes)
        assert "gbt47678.5-2026" in document["detail"]


class TestBodies:
    @pytest.mark.parametrize("content_type", ["", "text/plain", "image/jpeg", "application/x-www-form-urlencoded"])
    def test_other_media_types(self, client: Client, jpeg: bytes, content_type: str) -> None:
        headers = {"content-type": content_type} if content_type else {}
        response = client.post("/v1/classify", content=jpeg, headers=headers)
        assert "multipart/form-data" in assert_problem(response, 415, "unsupported-media-type")["detail"]
        assert response.headers["accept-post"] == "multipart/form-data, application/json"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "not valid JSON"),
            (b"{", "not valid JSON"),
            (b"\xff\xfe", "not valid JSON"),
            (b"[" * 100_000, "not valid JSON"),
            (b'{"photos": [' + b'"",' * 3000 + b'""]}', "has 3,000 commas, over the 2,024 of any"),
            (b"{" + b",".join(b'"field-%d": 0' % index for index in range(3000)) + b"}", "has 2,999 commas"),
            (b'{"photos": [], "min_score": NaN}', "not valid JSON"),
            (b'{"min_score": ' + b"9" * 5000 + b"}", "not valid JSON"),
            (b'"photo"', "not a JSON object"),
            (b"[]", "not a JSON object"),
            (b"null", "not a JSON object"),
        ],
    )
    def test_malformed_json(self, client: Client, body: bytes, said: str) -> None:
        response = client.post("/v1/classify", content=body, headers=JSON)
        assert said in assert_problem(response, 400, "malformed-json")["detail"]

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=b", b""),
            ("multipart/form-data; boundary=b", b"no boundary here"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a"\r\n\r\nbreaks off',
            ),
            (
                "multipart/form-data; boundary=b; charset=punycode",
                b'--b\r\nContent-Disposition: form-data; name="\xff--\xff"\r\n\r\n\xff\r\n--b--\r\n',
            ),
        ],
        ids=["no boundary given", "empty", "no boundary found", "no name", "breaks off", "odd charset"],
    )
    def test_malformed_multipart(self, client: Client, content_type: str, body: bytes) -> None:
        response = client.post("/v1/classify", content=body, headers={"content-type": content_type})
        assert response.status_code in (400, 422)
        assert response.headers["content-type"] == "application/problem+json"
        if "charset" not in content_type:
            assert_problem(response, 400, "malformed-multipart")

    def test_too_large_as_declared(self, open_client: Open) -> None:
        with open_client(max_body_bytes=2048) as client:
            response = client.post("/v1/classify", content=b"x" * 2049, headers=JSON)
            assert assert_problem(response, 413, "body-too-large")["max_bytes"] == 2048

    def test_too_large_is_noticed_while_it_arrives(self, open_client: Open) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 10 * LINGER_BYTES:
                sent += 100_000
                yield b"x" * 100_000

        with open_client(max_body_bytes=2048) as client:
            response = client.post("/v1/classify", content=endless(), headers=JSON)
        assert_problem(response, 413, "body-too-large")
        assert response.headers["connection"] == "close"
        assert sent <= LINGER_BYTES + 300_000  # the service does not take in all of it to keep the connection

    def test_an_upload_that_stalls_is_given_up(self, open_client: Open) -> None:
        async def stalling() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(20)

        with open_client(body_timeout=0.05) as client:
            response = client.post("/v1/classify", content=stalling(), headers=JSON)
        assert_problem(response, 408, "body-timeout")


class TestAddresses:
    @pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/classify/more", "/docs/assets/no.js"])
    def test_unknown(self, client: Client, path: str) -> None:
        assert path in assert_problem(client.get(path), 404, "not-found")["detail"]

    def test_wrong_method(self, client: Client) -> None:
        response = client.get("/v1/classify")
        assert "allowed: POST" in assert_problem(response, 405, "method-not-allowed")["detail"]
        assert response.headers["allow"] == "POST"

    def test_fastapi_s_own_refusals_have_the_same_form(self, client: Client) -> None:
        response = client.get("/v1/categories", params={"scheme": "x" * 300})
        assert assert_problem(response, 422, "invalid-field")["errors"][0]["field"] == "scheme"


class TestUnexpected:
    def test_no_detail_of_a_bug_gets_out(
        self, client: Client, jpeg: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr("inference.service.classification.classify_answer", broken)
        response = client.classify(jpeg)
        document = assert_problem(response, 500, "internal-error")
        assert "secret" not in response.text
        assert document["instance"] in document["detail"]
        (record,) = [record for record in caplog.records if record.exc_info]
        assert record.fields["request_id"] == document["instance"]  # type: ignore[attr-defined]


class TestNotReady:
    def test_a_damaged_model_is_told_by_the_probe(self, open_client: Open, tmp_path: Path, jpeg: bytes) -> None:
        with open_client(model=tmp_path) as client:
            assert client.get("/livez").json() == {"status": "live"}
            document = assert_problem(client.get("/readyz"), 503, "not-ready")
            assert "model.json is missing" in document["detail"]
            assert_problem(client.classify(jpeg), 503, "not-ready")
            assert_problem(client.get("/v1/categories"), 503, "not-ready")

    def test_a_default_scheme_that_is_not_there(self, open_client: Open) -> None:
        with open_client(default_scheme="nowhere") as client:
            detail = assert_problem(client.get("/readyz"), 503, "not-ready")["detail"]
        assert "nowhere.csv" in detail
        assert "legacy-a" in detail

    def test_while_loading(self, open_client: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        from inference.service.runtime import Startup

        async def never(_: Startup) -> None:
            await asyncio.sleep(0.2)

        monkeypatch.setattr(Startup, "load", never)
        with open_client(wait=False) as client:
            assert client.get("/livez").status_code == 200
            response = client.get("/readyz")
        assert "being loaded" in assert_problem(response, 503, "not-ready")["detail"]
        assert response.headers["retry-after"] == "1"

    def test_bugs_while_loading_are_not_fatal_for_probes(
        self, open_client: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from inference.service.runtime import Runtime

        def broken(*_: object) -> None:
            raise KeyError("oddity")

        monkeypatch.setattr(Runtime, "load", broken)
        with open_client() as client:
            assert "oddity" in assert_problem(client.get("/readyz"), 503, "not-ready")["detail"]


def test_problem_documents_are_json_that_everyone_reads(client: Client) -> None:
    text = client.classify_json({"\ud800": 1}).text
    assert json.loads(text)["status"] == 422
