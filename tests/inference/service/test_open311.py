from __future__ import annotations

from typing import Any

import httpx
import pytest

from inference.service.answers import ClassifyAnswer, CodeAnswer, ModelAnswer, SuggestionAnswer
from inference.service.open311 import _services, _suggested
from tests import photos
from tests.inference.service.conftest import Client, Open

SERVICES = "/open311/v2/services.json"
SUGGEST = "/open311/v2/suggest.json"


def error_of(response: httpx.Response, status: int) -> str:
    """The description of a GeoReport error."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    (error,) = response.json()
    assert set(error) == {"code", "description"}
    assert error["code"] == status
    return str(error["description"])


@pytest.fixture(scope="module")
def services(client: Client) -> dict[str, dict[str, Any]]:
    return {service["service_code"]: service for service in client.get(SERVICES).json()}


class TestServices:
    def test_every_category_is_one(self, client: Client, services: dict[str, Any]) -> None:
        wanted = [each.id for each in client.runtime.catalogue.values() if each.role != "context"]
        assert list(services) == wanted

    def test_what_geo_report_asks_of_one(self, services: dict[str, Any]) -> None:
        garbage = services["exposed_garbage"]
        assert garbage["service_name"].startswith("暴露垃圾")
        assert garbage["type"] == "realtime"
        assert garbage["metadata"] is False
        assert garbage["group"]
        assert "," in garbage["keywords"]

    def test_the_jurisdiction_does_not_matter(self, client: Client) -> None:
        assert client.get(SERVICES, params={"jurisdiction_id": "bj"}).json() == client.get(SERVICES).json()

    def test_a_missing_scheme_says_so(self, open_client: Open, tmp_path: Any) -> None:
        lines = "category,code,name,department,deadline,note\nexposed_garbage,1,x,,,\n"
        (tmp_path / "gbt47678.5-2026.csv").write_text(lines, encoding="utf-8")
        with open_client(mappings=tmp_path) as client:
            assert "'open311'" in error_of(client.get(SERVICES), 422)


class TestDefinitions:
    def test_each_service_with_metadata_has_one(self, client: Client, services: dict[str, Any]) -> None:
        for code, service in services.items():
            definition = client.get(f"/open311/v2/services/{code}.json").json()
            assert definition["service_code"] == code
            assert bool(definition["attributes"]) is service["metadata"]
            assert [each["order"] for each in definition["attributes"]] == list(
                range(1, len(definition["attributes"]) + 1)
            )

    def test_a_roll_up_asks_which_child_it_is(self, client: Client) -> None:
        (attribute,) = client.get("/open311/v2/services/garbage.json").json()["attributes"]
        assert attribute["datatype"] == "singlevaluelist"
        assert {value["key"] for value in attribute["values"]} >= {"exposed_garbage", "overflowing_bin"}

    def test_what_a_photo_cannot_show_is_only_to_be_read(self, client: Client) -> None:
        (attribute,) = client.get("/open311/v2/services/illegal_awning.json").json()["attributes"]
        assert attribute["variable"] is False
        assert "legality" in attribute["description"]

    @pytest.mark.parametrize("code", ["nothing", "waste_bin", "x" * 180])
    def test_an_unknown_one(self, client: Client, code: str) -> None:
        assert "services.json" in error_of(client.get(f"/open311/v2/services/{code}.json"), 404)


class TestSuggest:
    def test_the_fields_of_a_report_may_come_along(self, client: Client, jpeg: bytes) -> None:
        data = {"jurisdiction_id": "bj", "lat": "39.9", "long": "116.4", "description": "垃圾"}
        response = client.post(SUGGEST, files=[("media", ("a.jpg", jpeg))], data=data)
        assert response.status_code == 200
        body = response.json()
        assert body["request_id"] == response.headers["x-request-id"]
        assert [photo["filename"] for photo in body["photos"]] == ["a.jpg"]

    def test_one_bad_photo_is_reported_beside_the_others(self, client: Client, jpeg: bytes) -> None:
        files = [("media", ("a.jpg", jpeg)), ("media", ("b.jpg", photos.truncated(jpeg, 0.1)))]
        good, bad = client.post(SUGGEST, files=files).json()["photos"]
        assert good["error"] is None
        assert bad["error"]["type"].endswith((":truncated", ":corrupt"))

    def test_real_suggestions_are_services(self, client: Client, clear_patrol_photo: Any) -> None:
        files = [("media", clear_patrol_photo.read_bytes())]
        suggested = client.post(SUGGEST, files=files).json()["services"]
        classified = client.classify(clear_patrol_photo.read_bytes(), scheme="open311").json()["suggestions"]
        assert suggested
        assert [each["service_code"] for each in suggested] == [each["category"] for each in classified]
        assert [each["probability"] for each in suggested] == [each["probability"] for each in classified]

    def test_a_code_of_several_categories_is_suggested_once_by_the_strongest(self, client: Client) -> None:
        known = _services(client.runtime.schemes["open311"], client.runtime.catalogue)
        code = CodeAnswer(scheme="open311", code="garbage", name="")
        strong, weak = (
            SuggestionAnswer(
                category=name,
                name_zh="",
                name_en="",
                probability=probability,
                decision="suggest",
                codes=[code],
                department="",
                photo_indexes=[0],
            )
            for name, probability in (("exposed_garbage", 0.9), ("overflowing_bin", 0.5))
        )
        model = ModelAnswer(name="", version="", data_version="")
        answer = ClassifyAnswer(
            request_id="1", model=model, verdict="issue", suggestions=[strong, weak], photos=[], context=None
        )
        (service,) = _suggested(answer, known).services
        assert (service.service_code, service.probability) == ("garbage", 0.9)

    @pytest.mark.parametrize(
        ("request_options", "status", "said"),
        [
            ({"files": {"lat": (None, "1")}}, 422, "media"),
            ({"files": {"photos": b"x"}}, 422, "send it as 'media'"),
            ({"files": {"media": b"x", "api_key": (None, "k")}}, 422, "Authorization"),
            ({"files": {"media": b"x", "colour": (None, "k")}}, 422, "not a field"),
            ({"files": {"media": b"%PDF-1.4"}}, 422, "PDF"),
            ({"json": {}}, 415, "multipart/form-data"),
            ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400, "media"),
        ],
    )
    def test_errors_are_those_of_geo_report(
        self, client: Client, request_options: dict[str, Any], status: int, said: str
    ) -> None:
        assert said in error_of(client.post(SUGGEST, **request_options), status)

    def test_before_the_model_is_there(self, open_client: Open, tmp_path: Any) -> None:
        with open_client(model=tmp_path) as client:
            assert "model.json" in error_of(client.get(SERVICES), 503)

    def test_addresses_that_do_not_exist(self, client: Client) -> None:
        assert "/docs" in error_of(client.get("/open311/v2/requests.json"), 404)
        error_of(client.get(SUGGEST), 405)
