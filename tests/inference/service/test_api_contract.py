"""The service against its own description: requests made of it, well-formed or not, get the answers it promises."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of other packages about themselves
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

from inference.package import load_package
from inference.paths import MODELS
from inference.service import problem_list
from inference.service.app import create_app
from inference.service.dialects import dialect_of
from inference.service.failure import Failure
from inference.service.permissions import scopes_for
from inference.service.problems import KINDS
from inference.settings import ServiceSettings
from tests.inference.service.conftest import Client, assert_problem

ROOT = Path(__file__).resolve().parents[3]
_EXAMPLES = 20
"""Per operation; the same ones every time."""
_FOUND = {
    "model": "street-patrol-n",
    "version": load_package(MODELS / "street-patrol-n").description.version,
    "service_code": "garbage",
}
"""Parts of addresses that lead somewhere, which no chance would find; half of the requests have them."""
_PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def operations() -> list[Any]:
    """Every operation of the description, which the app makes without a model."""
    schema = schemathesis.openapi.from_dict(create_app(ServiceSettings()).openapi())
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_every_promise_is_kept(operation: Any, mode: GenerationMode, server_url: str) -> None:
    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=_found(operation, mode)))
    def check(case: Any) -> None:
        case.call_and_validate(base_url=server_url, checks=_PROMISES, timeout=60)

    if mode is GenerationMode.POSITIVE or _has_input(operation):
        check()


def _found(operation: Any, mode: GenerationMode) -> dict[str, str] | None:
    """Parts of the address that lead somewhere; none of them for requests that only their address can spoil."""
    names = {parameter.name for parameter in operation.path_parameters}
    if mode is GenerationMode.NEGATIVE and not operation.body:
        return None
    return {name: value for name, value in _FOUND.items() if name in names} or None


def _has_input(operation: Any) -> bool:
    return any((operation.path_parameters, operation.query, operation.body))


def literals(kind: Any) -> Iterator[Any]:
    """The values of a union of literals."""
    for part in get_args(kind):
        yield from literals(part) if get_args(part) else (part,)


class TestDescription:
    @pytest.fixture(scope="class")
    @classmethod
    def described(cls, client: Client) -> dict[str, Any]:
        found: dict[str, Any] = client.get("/openapi.json").json()
        return found

    def test_it_is_valid_openapi(self, described: dict[str, Any]) -> None:
        OpenAPIV31SpecValidator(described).validate()

    def test_every_type_in_use_is_listed_in_both_languages(self, described: dict[str, Any]) -> None:
        text = described["info"]["description"]
        for kind in problem_list.listed():
            assert f"| `{kind.slug}` | {kind.status} | {problem_list.OF_REQUESTS[kind.slug]} {kind.title} |" in text
        codes = {str(code) for code in literals(get_type_hints(Failure)["code"])}
        assert codes <= problem_list.OF_PHOTOS.keys()
        assert all(f"| `{code}` |" in text for code in problem_list.OF_PHOTOS)

    def test_no_kind_is_made_outside_the_list(self) -> None:
        """Every `Kind("...")` in the code is in the list, whichever module makes it."""
        sources = (path.read_text(encoding="utf-8") for path in (ROOT / "inference").rglob("*.py"))
        slugs = {slug for source in sources for slug in re.findall(r"\bKind\(\s*\"([a-z0-9-]+)\"", source)}
        assert slugs <= {kind.slug for kind in problem_list.listed()}

    def test_every_example_of_an_error_is_one_of_them(self, described: dict[str, Any]) -> None:
        for path, operations in described["paths"].items():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    content = response.get("content", {}).get(dialect_of(path).media_type, {})
                    for slug in content.get("examples", {}) if status != "200" else ():
                        assert KINDS[slug].status == int(status)

    def test_every_answer_has_an_example_that_is_possible(self, described: dict[str, Any]) -> None:
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                content = operation["responses"]["200"]["content"].get("application/json")
                if content is None:
                    continue
                assert "example" in content, (method, path)
                schema = {**content["schema"], "components": described["components"]}
                Draft202012Validator(schema).validate(content["example"])

    def test_addresses_that_need_a_key_say_so(self, described: dict[str, Any]) -> None:
        for path, operations in described["paths"].items():
            for operation in operations.values():
                assert ("security" in operation) is ("401" in operation["responses"]) is bool(scopes_for(path))

    def test_both_languages_everywhere(self, described: dict[str, Any]) -> None:
        for operations in described["paths"].values():
            for operation in operations.values():
                for text in (operation["summary"], operation["description"]):
                    assert re.search(r"[\u4e00-\u9fff].*[A-Za-z]{4}", text, re.DOTALL)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"{'version': 1}"])
def test_broken_json_is_the_same_problem_everywhere(client: Client, body: bytes) -> None:
    for path in ("/v1/classify", "/v1/models/load", "/label-studio/setup"):
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert_problem(response, 400, "malformed-json")
