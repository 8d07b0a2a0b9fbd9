"""Completes the API's description by what is the same at many addresses: keys, errors of any body, examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from inference.service.access import INVALID_KEY, KEY_REQUIRED, MISSING_SCOPE
from inference.service.dialects import dialect_of
from inference.service.examples import ANSWERS
from inference.service.openapi import problem_responses
from inference.service.permissions import describe_keys, scopes_for
from inference.service.problems import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED_JSON, Kind
from inference.service.rate_limit import RATE_LIMITED

_OF_KEYS: Final = (KEY_REQUIRED, INVALID_KEY, MISSING_SCOPE, RATE_LIMITED)
_OF_BODIES: Final = (MALFORMED_JSON, BODY_TIMEOUT, BODY_TOO_LARGE)


def complete(schema: dict[str, Any]) -> None:
    """Add to a description what its single operations do not say; doing it again changes nothing."""
    describe_keys(schema)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _add_errors(operation, path)
            if (method, path) in ANSWERS:
                operation["responses"]["200"]["content"]["application/json"]["example"] = ANSWERS[method, path]


def _add_errors(operation: dict[str, Any], path: str) -> None:
    kinds = tuple(_common_kinds(operation, path))
    for status, response in problem_responses(*kinds, dialect=dialect_of(path)).items():
        there = operation["responses"].setdefault(str(status), response)
        _add_examples(there, response)


def _common_kinds(operation: Mapping[str, Any], path: str) -> Iterator[Kind]:
    if "requestBody" in operation:
        yield from _OF_BODIES
    if scopes_for(path):
        yield from _OF_KEYS


def _add_examples(there: dict[str, Any], response: Mapping[str, Any]) -> None:
    """Add the kinds of a response to another of the same status."""
    for media_type, content in response["content"].items():
        examples = there["content"][media_type]["examples"]
        missing = {slug: example for slug, example in content["examples"].items() if slug not in examples}
        if missing:
            examples.update(missing)
            there["description"] = f"{there['description']}; {response['description']}"
