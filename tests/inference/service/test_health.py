from __future__ import annotations

from tests.inference.service.conftest import Client


def test_live(client: Client) -> None:
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "live"})
    assert response.headers["cache-control"] == "no-store"


def test_ready_says_what_answers(client: Client) -> None:
    answer = client.get("/readyz").json()
    engine = client.runtime.classifier.engine
    description = client.runtime.classifier.package.description
    assert answer == {
        "status": "ready",
        "model": {
            "name": description.name,
            "version": description.version,
            "data_version": description.data.version,
        },
        "provider": engine.provider,
        "refused": list(engine.refused),
        "threads": engine.threads,
        "records": None,
    }


def test_security_headers_are_on_every_answer(client: Client) -> None:
    for path in ("/livez", "/nothing", "/docs", "/docs/assets/swagger-ui.css", "/v1/categories"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "content-security-policy" in headers
