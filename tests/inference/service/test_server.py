from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.errors import ConfigError
from inference.package import PackageError
from inference.service.server import run
from inference.settings import ServiceSettings
from tests.shared import shared

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "from inference.settings import load_settings; from inference.service.server import run; run(load_settings())"
READY_WITHIN = 3.0  # seconds from the start of the interpreter
SLACK = float(os.environ.get("PATROL_TEST_SLACK", "4"))  # times that, on a machine with other work


class Server:
    """A service in a process of its own, on a free port."""

    def __init__(self, log: Path, **variables: str) -> None:
        self._log = log
        environment = os.environ | {"PATROL_PORT": "0", "PATROL_FEEDBACK_DATABASE": "null"} | variables
        self.started = time.monotonic()
        with log.open("w") as stderr:
            self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, stderr=stderr)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def url(self) -> str:
        """Wait for its address."""
        for _ in range(400):
            for line in self.lines():
                if "url" in line:
                    return str(line["url"])
            time.sleep(0.05)
        raise TimeoutError(self._log.read_text(encoding="utf-8"))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def serving(log: Path, **variables: str) -> Iterator[tuple[Server, httpx.Client]]:
    server = Server(log, **variables)
    try:
        with httpx.Client(base_url=server.url(), timeout=60, trust_env=False) as http:
            yield server, http
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(30)


def ready_after(server: Server, http: httpx.Client) -> float:
    """Seconds from start to ready."""
    while time.monotonic() - server.started < 60:
        response = http.get("/readyz")
        if response.status_code == 200:
            return time.monotonic() - server.started
        assert response.json()["type"].endswith("not-ready")
        time.sleep(0.05)
    raise TimeoutError("never ready")


def test_a_real_server_answers_real_photos(tmp_path: Path) -> None:
    folder = shared("data", "gbs111-cn", "images")
    paths = sorted(folder.iterdir())[:2]
    with serving(tmp_path / "log") as (server, http):
        assert http.get("/livez").status_code == 200
        assert ready_after(server, http) < READY_WITHIN * SLACK
        files = [("photos", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
        response = http.post("/v1/classify", files=files, data={"external_id": "7"})
        assert response.status_code == 200
        assert [photo["filename"] for photo in response.json()["photos"]] == [path.name for path in paths]
        assert response.json()["context"] == {"external_id": "7"}
        assert "server" not in response.headers
        assert server.stop() == -signal.SIGTERM
    requests = [line for line in server.lines() if line["message"] == "request"]
    assert [line["path"] for line in requests] == ["/v1/classify"]
    assert not [line for line in server.lines() if line["level"] in ("warning", "error")]


def test_a_body_that_is_too_large_gets_its_answer_through(tmp_path: Path) -> None:
    chunks = (b"x" * 65_536 for _ in range(200))
    with serving(tmp_path / "log", PATROL_MAX_BODY_BYTES="100000") as (server, http):
        ready_after(server, http)
        headers = {"content-type": "application/json"}
        streamed = http.post("/v1/classify", content=chunks, headers=headers)
        declared = http.post("/v1/classify", content=b"x" * 5_000_000, headers=headers)
        for response in (streamed, declared):
            assert response.status_code == 413
            assert response.json()["type"].endswith("body-too-large")
        assert http.get("/livez").status_code == 200


def test_a_client_that_goes_away_is_no_error(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as (server, http):
        ready_after(server, http)
        host, port = http.base_url.host, http.base_url.port
        headers = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 99"
        head = f"POST /v1/classify HTTP/1.1\r\n{headers}\r\n\r\n{{"
        with socket.create_connection((host, port or 80)) as client:
            client.sendall(head.encode())
            time.sleep(0.2)
        time.sleep(0.3)
        assert server.stop(signal.SIGINT) == 0
    (line,) = [line for line in server.lines() if line["message"] == "request"]
    assert line["status"] == 499
    assert not [line for line in server.lines() if line["level"] == "error"]


@pytest.mark.parametrize(("proxies", "statuses"), [("", [200, 429]), ("127.0.0.0/8", [200, 200])])
def test_forwarding_headers_are_believed_only_from_listed_proxies(
    tmp_path: Path, proxies: str, statuses: list[int]
) -> None:
    with serving(tmp_path / "log", PATROL_CLIENT_RATE="1/hour", PATROL_TRUSTED_PROXIES=proxies) as (server, http):
        ready_after(server, http)
        clients = ("203.0.113.1", "203.0.113.2")
        answers = [http.get("/v1/categories", headers={"X-Forwarded-For": client}) for client in clients]
        assert [answer.status_code for answer in answers] == statuses


class TestRefusals:
    """`run` in this process: each ends before anything is served."""

    @pytest.fixture(autouse=True)
    def _logs_untouched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("inference.service.logs.configure", lambda _: None)

    def test_a_taken_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: cannot be listened on.*PATROL_PORT"):
                run(ServiceSettings(port=port))

    @pytest.mark.parametrize(
        ("settings", "why"),
        [
            ({"host": "0.0.0.0"}, r"other machines can reach 0\.0\.0\.0"),  # noqa: S104
            ({"host": "::"}, "other machines can reach ::"),
            ({"require_keys": True}, "require_keys is true"),
        ],
    )
    def test_no_key_where_keys_are_needed(self, tmp_path: Path, settings: dict[str, Any], why: str) -> None:
        path = tmp_path / "keys.json"
        with pytest.raises(ConfigError, match=rf"{why}\. Create one: patrol keys create NAME --file {path}"):
            run(ServiceSettings(port=0, keys_file=path, **settings))

    def test_a_model_that_must_not_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match=r"model\.json is missing"):
            run(ServiceSettings(port=0, model=tmp_path, feedback_database=None))
