"""Small requests that would become large, or take long, if anything believed them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inference.service.lingering import LINGER_BYTES
from tests.inference.service.conftest import Client, assert_problem

BOUNDARY = "b"
HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
FILE = 'Content-Disposition: form-data; name="photos"; filename="a.jpg"'
FIELD = 'Content-Disposition: form-data; name="scheme"'


def part(head: str, body: str = "x") -> str:
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n{body}\r\n"


def multipart(*parts: str) -> bytes:
    return "".join((*parts, f"--{BOUNDARY}--\r\n")).encode()


class TestMultipart:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (multipart(part(FILE) * 1001), "Too many files"),
            (multipart(part(FIELD) * 101), "Too many fields"),
            (multipart(part(FIELD, "x" * 300_000)), "exceeded maximum size of 256KB"),
            (multipart(part(f"{FILE}\r\nX: {'a' * 100_000}")), "Invalid multipart"),
            (multipart(part(FILE + "\r\nX: a" * 1000)), "Invalid multipart"),
            (multipart(part("X: " + "a" * 1_000_000)), "Invalid multipart"),
            (part(FILE).encode(), "breaks off"),
            (b"-" * 100_000, "Invalid multipart"),
            (b"", "breaks off"),
        ],
    )
    def test_is_refused_where_it_starts_to_be_one(self, client: Client, body: bytes, said: str) -> None:
        response = client.post("/v1/classify", content=body, headers=HEADERS)
        assert said in assert_problem(response, 400, "malformed-multipart")["detail"]

    def test_little_of_the_rest_is_taken_in(self, client: Client) -> None:
        each = part(FIELD, "x" * 100_000).encode()
        sent = 0

        async def parts() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(1000):
                sent += len(each)
                yield each

        response = client.post("/v1/classify", content=parts(), headers=HEADERS)
        assert_problem(response, 400, "malformed-multipart")
        assert response.headers["connection"] == "close"
        assert 100 * len(each) < sent < 101 * len(each) + LINGER_BYTES + 2 * len(each)

    @pytest.mark.parametrize("length", [0, 71, 300, 5000])
    def test_a_boundary_of_any_length_is_answered(self, client: Client, length: int) -> None:
        headers = {"content-type": f"multipart/form-data; boundary={'x' * length}"}
        assert_problem(client.post("/v1/classify", content=b"--x", headers=headers), 400, "malformed-multipart")


JSON_BODIES = {
    "deep-lists": "[" * 1_000_000,
    "deep-objects": '{"photos":' * 100_000,
    "deep-photos": '{"photos": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "many-photos": '{"photos": [' + '"",' * 100_000 + '""]}',
    "long-number": '{"photos": [' + "9" * 100_000 + "]}",
    "large-number": '{"photos": [""], "min_score": 1e999999}',
}


class TestJson:
    @pytest.mark.parametrize("body", JSON_BODIES.values(), ids=JSON_BODIES)
    def test_is_refused(self, client: Client, body: str) -> None:
        headers = {"content-type": "application/json"}
        response = client.post("/v1/classify", content=body.encode(), headers=headers)
        assert response.status_code in (400, 422)
        assert len(response.content) < 2000

    @pytest.mark.parametrize("field", ["latitude", "longitude", "min_score"])
    @pytest.mark.parametrize("value", [True, False])
    def test_a_boolean_is_no_number(self, client: Client, field: str, value: bool) -> None:
        document = assert_problem(client.classify_json({"photos": [""], field: value}), 422, "invalid-field")
        assert document["errors"] == [{"field": field, "detail": f"must be a number, but is {value}"}]
