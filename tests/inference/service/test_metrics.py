from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.inference.service.conftest import Client


def samples(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, labels) -> value of every sample."""
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(client: Client, name: str, /, **labels: str) -> float:
    return samples(client).get((name, tuple(sorted(labels.items()))), 0.0)


def test_stages_are_timed_once_a_photo(client: Client, jpeg: bytes) -> None:
    stages = ("receive", "queue", "decode", "infer", "decide")
    before = {stage: value(client, "patrol_stage_seconds_count", stage=stage) for stage in stages}
    assert client.classify(jpeg, jpeg).status_code == 200
    after = {stage: value(client, "patrol_stage_seconds_count", stage=stage) - before[stage] for stage in stages}
    assert after == {"receive": 1, "queue": 2, "decode": 2, "infer": 2, "decide": 2}


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("POST", "/v1/classify", {"route": "/v1/classify", "status": "422", "problem": "no-readable-photo"}),
        ("GET", "/livez", {"route": "/livez", "status": "200", "problem": ""}),
        ("HEAD", "/livez", {"route": "/livez", "status": "200", "problem": ""}),
        ("GET", "/no/such/page-1234", {"route": "none", "status": "404", "problem": "not-found"}),
        ("BREW", "/livez", {"route": "/livez", "status": "405", "problem": "method-not-allowed"}),
    ],
)
def test_requests_are_counted_by_outcome_and_route(
    client: Client, method: str, path: str, labels: dict[str, str]
) -> None:
    shown = method if method != "BREW" else "other"
    before = value(client, "patrol_requests_total", method=shown, **labels)
    files = [("photos", b"")] if method == "POST" else None
    client.start(method, path, files=files).result(60)
    assert value(client, "patrol_requests_total", method=shown, **labels) == before + 1


def test_photos_are_counted_by_what_came_of_them(client: Client, jpeg: bytes) -> None:
    version = client.runtime.classifier.package.description.version
    before = value(client, "patrol_photos_total", model_version=version, outcome="not-an-image")
    client.classify(jpeg, b"%PDF-1.4")
    assert value(client, "patrol_photos_total", model_version=version, outcome="not-an-image") == before + 1


def test_the_model_and_the_queue_are_shown(client: Client) -> None:
    description = client.runtime.classifier.package.description
    labels = {"name": description.name, "version": description.version, "data_version": description.data.version}
    assert value(client, "patrol_model_info", **labels) == 1
    assert value(client, "patrol_golden_match") == 1
    assert value(client, "patrol_queue_photos") == 0
    assert value(client, "patrol_queue_capacity_photos") == client.runtime.settings.queue_photos
    assert value(client, "patrol_requests_in_flight") == 1  # this one
    assert value(client, "process_resident_memory_bytes") > 0


def test_nothing_a_client_sends_becomes_a_label(client: Client, jpeg: bytes) -> None:
    client.get("/secret-address?secret=1", headers={"x-request-id": "secret-id", "user-agent": "secret-agent"})
    client.classify(jpeg, external_id="secret-case", scheme="secret-scheme")
    assert not re.search("secret", client.get("/metrics").text)


def test_records_that_wait_or_are_lost_are_shown(client: Client) -> None:
    names = ("patrol_records_waiting", "patrol_records_lost", "patrol_kept_photos_lost")
    assert [value(client, name) for name in names] == [0, 0, 0]
    assert {(name, ()) for name in names} <= samples(client).keys()
