from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from inference.service.answers import ClassifyAnswer
from inference.service.dialects import dialect_of
from inference.service.options import read_options
from tests.inference.service.conftest import Client


class Links(HTMLParser):
    """Collects every address that a page loads or links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


@pytest.fixture(scope="module")
def schema(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


class TestPage:
    def test_no_other_host_is_needed(self, client: Client) -> None:
        page = client.get("/docs")
        start = client.get("/docs/start.js").text
        assert page.status_code == 200
        assert "//" not in page.text.replace("<!doctype html>", "")
        assert "//" not in start
        assert "validatorUrl: null" in start
        for link in Links(page.text).found:
            assert link.startswith("data:") or client.get(f"/{link}").status_code == 200

    def test_the_browser_is_told_to_ask_no_other_host(self, client: Client) -> None:
        policy = client.get("/docs").headers["content-security-policy"]
        assert "http" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy

    def test_styles_load_nothing_from_elsewhere(self, client: Client) -> None:
        styles = client.get("/docs/assets/swagger-ui.css").text
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", styles)


class TestSchema:
    def test_what_there_is(self, schema: dict[str, Any]) -> None:
        assert set(schema["paths"]) >= {
            "/v1/classify",
            "/v1/categories",
            "/v1/feedback",
            "/v1/models",
            "/metrics",
            "/livez",
            "/readyz",
            "/open311/v2/services.json",
            "/open311/v2/services/{service_code}.json",
            "/open311/v2/suggest.json",
        }

    def test_every_operation_is_described_in_chinese_and_english(self, schema: dict[str, Any]) -> None:
        for path in schema["paths"].values():
            for operation in path.values():
                assert re.search(r"[\u4e00-\u9fff]", operation["summary"])
                assert re.search(r"[\u4e00-\u9fff].*[A-Za-z]{4}", operation["description"], re.DOTALL)

    def test_every_option_is_in_both_bodies(self, schema: dict[str, Any]) -> None:
        content = schema["paths"]["/v1/classify"]["post"]["requestBody"]["content"]
        assert set(content) == {"multipart/form-data", "application/json"}
        fields = [
            "photos",
            "grid_id",
            "point_type",
            "captured_at",
            "latitude",
            "longitude",
            "external_id",
            "scheme",
            "min_score",
        ]
        for body in content.values():
            assert list(body["schema"]["properties"]) == fields
            assert body["schema"]["required"] == ["photos"]
        floor = content["application/json"]["schema"]["properties"]["min_score"]["description"]
        assert "0.001" in floor

    def test_the_examples_are_possible(self, schema: dict[str, Any], client: Client) -> None:
        operation = schema["paths"]["/v1/classify"]["post"]
        answer = operation["responses"]["200"]["content"]["application/json"]["example"]
        assert list(ClassifyAnswer.model_validate(answer).model_dump()) == list(answer)
        for suggestion in answer["suggestions"]:
            assert suggestion["category"] in client.runtime.catalogue
        options = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        given = {name: field["examples"][0] for name, field in options.items() if name != "photos"}
        assert read_options(given).scheme in client.runtime.schemes

    def test_errors_are_in_the_words_of_the_protocol(self, schema: dict[str, Any]) -> None:
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if status != "200":
                        assert set(response["content"]) == {dialect_of(path).media_type}, (path, status)

    def test_every_reference_leads_somewhere(self, schema: dict[str, Any]) -> None:
        for reference in re.findall(r"#/components/schemas/(\w+)", str(schema)):
            assert reference in schema["components"]["schemas"]
