from __future__ import annotations

import pytest

from tests.inference.service.conftest import Client


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v1/categories", "/metrics", "/openapi.json", "/docs"])
def test_head_answers_as_get_without_the_body(client: Client, path: str) -> None:
    head, get = client.start("HEAD", path).result(60), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


def test_head_where_there_is_nothing_to_get(client: Client) -> None:
    assert client.start("HEAD", "/nothing").result(60).status_code == 404
    assert client.start("HEAD", "/v1/classify").result(60).status_code == 405
