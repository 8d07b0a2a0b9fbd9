from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from inference.api_key import ApiKey, KeyRecord, Scope
from inference.key_file import KeyFile
from inference.service.dialects import PROBLEM, dialect_of
from inference.service.permissions import scopes_for
from tests.inference.service.conftest import Client, Open, assert_problem

OPEN = {"/", "/livez", "/readyz", "/docs", "/docs/start.js", "/docs/assets", "/openapi.json"}
EVERYWHERE = "0.0.0.0"  # noqa: S104


def made(path: Path, name: str, *scopes: str, days: int | None = None, rate: str | None = None) -> str:
    key = ApiKey.new()
    now = datetime.now(UTC)
    expires = None if days is None else now + timedelta(days=days)
    granted = frozenset(map(Scope, scopes))
    KeyFile(path).add(KeyRecord(key.id, name, key.sha256, granted, now, expires_at=expires, rate=rate))
    return key.text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(keys_file: Path) -> Mapping[str, str]:
    return {scope: made(keys_file, f"only-{scope}", scope) for scope in Scope}


@pytest.fixture(scope="module")
def guarded(open_client: Open, keys_file: Path, keys: Mapping[str, str]) -> Iterator[Client]:
    assert keys
    with open_client(host=EVERYWHERE, keys_file=keys_file) as client:
        yield client


class TestWithKeys:
    def test_without_one_the_answer_says_how_to_get_and_send_it(self, guarded: Client) -> None:
        response = guarded.get("/v1/categories")
        detail = assert_problem(response, 401, "key-required")["detail"]
        for part in ("Authorization: Bearer", "X-API-Key", "patrol keys create NAME --scope classify"):
            assert part in detail
        assert response.headers["www-authenticate"] == 'Bearer realm="street-patrol"'

    @pytest.mark.parametrize("form", ["Bearer {}", "bearer  {}", "Basic {basic}", "X-API-Key"])
    def test_every_way_to_send_one(self, guarded: Client, keys: Mapping[str, str], form: str) -> None:
        key = keys["classify"]
        basic = base64.b64encode(f"label-studio:{key}".encode()).decode()
        headers = {"X-API-Key": key} if form == "X-API-Key" else {"Authorization": form.format(key, basic=basic)}
        assert guarded.get("/v1/categories", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "authorization", ["Bearer x", "Bearer " + "patrol_" + "a" * 57, "Basic !!!", "Basic eA==", "Digest x", "Bearer"]
    )
    def test_what_is_no_key_is_refused(self, guarded: Client, authorization: str) -> None:
        response = guarded.get("/v1/categories", headers={"Authorization": authorization})
        assert response.status_code == 401
        assert "www-authenticate" in response.headers

    def test_a_key_never_comes_in_the_address(self, guarded: Client, keys: Mapping[str, str]) -> None:
        assert guarded.get(f"/v1/categories?api_key={keys['classify']}").status_code == 401

    def test_a_photo_is_classified(self, guarded: Client, keys: Mapping[str, str], jpeg: bytes) -> None:
        response = guarded.post("/v1/classify", files={"photos": jpeg}, headers=bearer(keys["classify"]))
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/v1/classify", {"classify"}),
            ("/v1/categories", {"classify"}),
            ("/v2/models/street-patrol-n", {"classify"}),
            ("/open311/v2/services.json", {"classify"}),
            ("/label-studio/predict", {"classify"}),
            ("/label-studio/webhook", {"feedback"}),
            ("/v1/feedback", {"feedback"}),
            ("/v1/feedback/stats", {"feedback"}),
            ("/v1/records/7/photos/0", {"feedback"}),
            ("/v1/models", {"admin"}),
            ("/v1/models/activate", {"admin"}),
            ("/v1/admin/anything", {"admin"}),
            ("/metrics", {"admin", "metrics"}),
            ("/v1/classifyx", {"admin"}),
            ("//v1/classify", {"admin"}),
            ("/nothing", {"admin"}),
        ],
    )
    def test_only_the_scope_of_an_address_opens_it(
        self, guarded: Client, keys: Mapping[str, str], path: str, allowed: set[str]
    ) -> None:
        for scope, key in keys.items():
            response = guarded.get(path, headers=bearer(key))
            if scope in allowed:
                assert response.status_code not in (401, 403)
            elif dialect_of(path) is not PROBLEM:
                assert response.status_code == 403
                assert f"only-{scope} has {scope}" in response.text
            else:
                document = assert_problem(response, 403, "missing-scope")
                assert document["needed"] == sorted(allowed)
                assert f"only-{scope} has {scope}" in document["detail"]
                assert 'error="insufficient_scope"' in response.headers["www-authenticate"]

    def test_every_route_is_open_on_purpose_or_needs_a_scope(self, guarded: Client) -> None:
        def paths(routes: list[BaseRoute]) -> set[str]:
            return {route.path for route in routes if isinstance(route, APIRoute | Route | Mount)}

        found = paths(guarded.app.routes)
        assert {path for path in found if not scopes_for(path)} <= OPEN | {
            "/v1/features",
            "/queue",
            "/dashboard",
            "/static/{digest}/{name:path}",
            "/docs/oauth2-redirect",
        }

    @pytest.mark.parametrize("path", sorted(OPEN - {"/docs/assets"}))
    def test_probes_and_pages_are_open(self, guarded: Client, path: str) -> None:
        assert guarded.get(path).status_code in (200, 307)

    def test_pages_learn_what_their_key_opens(self, guarded: Client, keys: Mapping[str, str], client: Client) -> None:
        def scopes(asked: Client, **headers: str) -> list[str]:
            return list(asked.get("/v1/features", headers=headers).json()["scopes"])

        assert scopes(guarded, **bearer(keys["feedback"])) == ["feedback"]
        assert scopes(guarded) == scopes(guarded, **bearer("x")) == []
        assert scopes(client) == sorted(Scope)

    def test_the_description_says_which_scope_opens_what(self, guarded: Client) -> None:
        schema = guarded.get("/openapi.json").json()
        assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
        paths = schema["paths"]
        assert paths["/v1/classify"]["post"]["security"] == [{}, {"key": ["classify"]}]
        assert "security" not in paths["/livez"]["get"]

    def test_a_wrong_key_does_not_close_what_is_open(self, guarded: Client) -> None:
        assert guarded.get("/livez", headers=bearer("x")).status_code == 200

    def test_the_log_names_the_key_and_never_shows_it(
        self, guarded: Client, keys: Mapping[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO"):
            guarded.get("/v1/categories", headers=bearer(keys["classify"]))
            guarded.get("/v1/categories", headers=bearer(keys["feedback"]))
        fields = [record.fields for record in caplog.records if record.message == "request"]  # type: ignore[attr-defined]
        assert [each.get("key") for each in fields] == ["only-classify", None]
        assert not [key for key in keys.values() if key in caplog.text or key in json.dumps(fields)]


class TestChanges:
    """A running service notices what `patrol keys` does."""

    def test_new_expired_revoked(self, open_client: Open, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        with open_client(require_keys=True, keys_file=path) as client:
            key = made(path, "a", "classify")
            assert client.get("/v1/categories", headers=bearer(key)).status_code == 200
            expired = client.get("/v1/categories", headers=bearer(made(path, "b", "classify", days=0)))
            assert "b is expired" in assert_problem(expired, 401, "invalid-key")["detail"]
            KeyFile(path).revoke("a")
            revoked = client.get("/v1/categories", headers=bearer(key))
            assert "a is revoked" in assert_problem(revoked, 401, "invalid-key")["detail"]
            assert 'error="invalid_token"' in revoked.headers["www-authenticate"]

    def test_a_broken_file_locks_nobody_out_and_a_missing_one_everybody(
        self, open_client: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "keys.json"
        key = made(path, "a", "classify")
        with open_client(require_keys=True, keys_file=path) as client:
            assert client.get("/v1/categories", headers=bearer(key)).status_code == 200
            path.write_text("{")
            assert client.get("/v1/categories", headers=bearer(key)).status_code == 200
            assert "keys not read" in caplog.text
            path.unlink()
            assert client.get("/v1/categories", headers=bearer(key)).status_code == 401


class TestRates:
    def test_each_key_has_its_own(self, open_client: Open, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        slow, fast = made(path, "slow", "classify", rate="2/hour"), made(path, "fast", "classify")
        with open_client(require_keys=True, keys_file=path, key_rate="5/hour") as client:
            answers = [client.get("/v1/categories", headers=bearer(slow)) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
            assert answers[0].headers["ratelimit-policy"] == '"requests";q=2;w=3600'
            detail = assert_problem(answers[2], 429, "rate-limited")["detail"]
            assert "2 requests in 3600 seconds" in detail
            assert 1 <= int(answers[2].headers["retry-after"]) <= 3600
            assert client.get("/v1/categories", headers=bearer(fast)).headers["ratelimit"].startswith('"requests";r=4;')
            assert client.get("/livez", headers=bearer(slow)).status_code == 200

    def test_none_on_this_machine_unless_asked_for(self, client: Client, open_client: Open) -> None:
        assert "ratelimit" not in client.get("/v1/categories").headers
        with open_client(client_rate="1/hour") as limited:
            assert limited.get("/v1/categories").status_code == 200
            assert_problem(limited.get("/v1/categories"), 429, "rate-limited")


class TestHosts:
    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
    def test_this_machines_names(self, client: Client, host: str) -> None:
        assert client.get("/v1/categories", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", ""])
    def test_a_name_that_a_page_made_resolve_to_this_machine(self, client: Client, host: str) -> None:
        detail = assert_problem(client.get("/v1/categories", headers={"Host": host}), 421, "unknown-host")["detail"]
        assert "allowed_hosts" in detail

    def test_probes_go_by_address(self, client: Client) -> None:
        assert client.get("/livez", headers={"Host": "10.1.2.3:8000"}).status_code == 200

    def test_names_that_the_operator_gives(self, open_client: Open) -> None:
        with open_client(allowed_hosts=("patrol.example", "*.city.example")) as client:
            for host, status in [("patrol.example", 200), ("a.city.example:1", 200), ("city.example", 421)]:
                assert client.get("/v1/categories", headers={"Host": host}).status_code == status

    def test_any_name_where_keys_are_needed(self, guarded: Client, keys: Mapping[str, str]) -> None:
        headers = {"Host": "whatever.example", **bearer(keys["classify"])}
        assert guarded.get("/v1/categories", headers=headers).status_code == 200


class TestOtherSites:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://127.0.0.1:3000"},
            {"Origin": "null"},
            {"Origin": "http://[evil"},
        ],
    )
    def test_their_pages_post_nothing_here(self, client: Client, jpeg: bytes, headers: dict[str, str]) -> None:
        response = client.post("/v1/classify", files={"photos": jpeg}, headers=headers)
        assert "cors_origins" in assert_problem(response, 403, "cross-site")["detail"]
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "http://127.0.0.1"},
        ],
    )
    def test_own_pages_and_programs_do(self, client: Client, jpeg: bytes, headers: dict[str, str]) -> None:
        assert client.post("/v1/classify", files={"photos": jpeg}, headers=headers).status_code == 200

    def test_origins_that_the_operator_trusts(self, open_client: Open, jpeg: bytes) -> None:
        origin = {"Origin": "https://cases.example", "Sec-Fetch-Site": "cross-site"}
        ask = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        with open_client(cors_origins=("https://cases.example",)) as client:
            preflight = client.start("OPTIONS", "/v1/classify", headers=ask).result(60)
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == "https://cases.example"
            answer = client.post("/v1/classify", files={"photos": jpeg}, headers=origin)
            assert answer.status_code == 200
            assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
            other = client.post("/v1/classify", headers={**origin, "Origin": "https://evil.example"})
            assert other.status_code == 403
