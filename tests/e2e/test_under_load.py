"""A real server under more than it can do, stopped in the middle, and talked to by clients that misbehave."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from inference.service.lingering import LINGER_BYTES
from tests import photos
from tests.inference.service.test_models import VERSION, make_package
from tests.inference.service.test_server import Server, ready_after, serving

PHOTO = photos.encode(photos.noisy_scene(1600, 1200), "jpeg")


def classify(url: str, copies: int = 1) -> httpx.Response:
    files = [("photos", (f"{number}.jpg", PHOTO)) for number in range(copies)]
    return httpx.post(f"{url}/v1/classify", files=files, timeout=120, trust_env=False)


def logged(server: Server, path: str = "/v1/classify") -> list[dict[str, object]]:
    return [line for line in server.lines() if line["message"] == "request" and line["path"] == path]


def wait_until_logged(server: Server, count: int) -> list[dict[str, object]]:
    for _ in range(600):
        if len(logged(server)) >= count:
            return logged(server)
        time.sleep(0.05)
    raise TimeoutError(f"{len(logged(server))} of {count} requests ended")


def gauge(http: httpx.Client, name: str) -> float:
    (line,) = [line for line in http.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def wait_for(http: httpx.Client, name: str, is_so: Callable[[float], bool]) -> None:
    for _ in range(3000):
        if is_so(gauge(http, name)):
            return
        time.sleep(0.01)
    raise TimeoutError(f"{name} is {gauge(http, name)}")


def test_what_was_taken_on_is_finished_when_the_service_is_stopped(tmp_path: Path) -> None:
    variables = {"PATROL_CONCURRENCY": "1", "PATROL_MAX_QUEUE": "100", "PATROL_SHUTDOWN_TIMEOUT": "120"}
    with serving(tmp_path / "log", **variables) as (server, http), ThreadPoolExecutor(6) as pool:
        ready_after(server, http)
        answers = [pool.submit(classify, str(http.base_url), 8) for _ in range(6)]
        wait_for(http, "patrol_queue_photos", lambda waiting: waiting > 8)  # so that most of it is still to do
        http.close()
        server.process.send_signal(signal.SIGTERM)
        statuses = [answer.result().status_code for answer in answers if answer.exception() is None]
        assert server.process.wait(120) == -signal.SIGTERM
    lines = logged(server)
    assert len(lines) >= 2
    assert [line["status"] for line in lines] == [200] * len(lines)
    assert statuses == [200] * len(lines)  # every request that was taken on got its answer through


def test_more_than_it_can_do_is_refused_and_nothing_fails(tmp_path: Path) -> None:
    variables = {"PATROL_CONCURRENCY": "1", "PATROL_MAX_QUEUE": "4", "PATROL_MAX_PHOTOS": "4"}
    with serving(tmp_path / "log", **variables) as (server, http), ThreadPoolExecutor(12) as pool:
        ready_after(server, http)
        answers = list(pool.map(lambda _: classify(str(http.base_url)), range(48)))
        assert {answer.status_code for answer in answers} == {200, 429}
        for refused in (answer for answer in answers if answer.status_code == 429):
            assert refused.json()["type"].endswith("overloaded")
            assert int(refused.headers["retry-after"]) >= 1
        assert http.get("/readyz").status_code == 200
        assert classify(str(http.base_url)).status_code == 200
        assert (gauge(http, "patrol_queue_photos"), gauge(http, "patrol_body_bytes")) == (0, 0)


def test_clients_that_go_away_leave_nothing_behind(tmp_path: Path) -> None:
    with serving(tmp_path / "log", PATROL_CONCURRENCY="1") as (server, http):
        ready_after(server, http)
        body = httpx.Request("POST", "http://x/", files=[("photos", (f"{n}.jpg", PHOTO)) for n in range(16)])
        head = (
            "POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: {body.headers['content-type']}\r\nContent-Length: {body.headers['content-length']}\r\n\r\n"
        )
        address = http.base_url.host, http.base_url.port or 80
        with socket.create_connection(address) as client:
            client.sendall(head.encode() + body.read())
            wait_for(http, "patrol_queue_photos", lambda waiting: waiting > 0)
        (line,) = wait_until_logged(server, 1)
        assert line["status"] == 499
        assert gauge(http, "patrol_queue_photos") == 0
        wait_for(http, "patrol_working_photos", lambda working: working == 0)
    assert not [line for line in server.lines() if line["level"] == "error"]


def test_a_refused_body_is_not_taken_in_to_its_end(tmp_path: Path) -> None:
    size = 20 * LINGER_BYTES
    with serving(tmp_path / "log", PATROL_MAX_BODY_BYTES="100000") as (server, http):
        ready_after(server, http)
        sent = 0
        with socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=60) as client:
            client.sendall(f"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
            with suppress(ConnectionError):
                while sent < size:
                    sent += client.send(b"x" * 65_536)
        assert sent < 2 * LINGER_BYTES
        assert http.get("/livez").status_code == 200
    (line,) = logged(server)
    assert line["status"] == 413


def test_no_request_fails_while_models_are_switched(tmp_path: Path) -> None:
    make_package(tmp_path / "models" / "next", "2.0")
    variables = {"PATROL_MODELS_DIR": str(tmp_path / "models")}
    with serving(tmp_path / "log", **variables) as (server, http), ThreadPoolExecutor(3) as pool:
        ready_after(server, http)
        http.post("/v1/models/load", json={"path": "next"}).raise_for_status()
        answers = [pool.submit(classify, str(http.base_url)) for _ in range(20)]
        for number in range(10):
            version = (VERSION, "2.0")[(number + 1) % 2]
            http.post("/v1/models/activate", json={"version": version}).raise_for_status()
            time.sleep(0.05)
        answered = [answer.result() for answer in answers]
        assert [answer.status_code for answer in answered] == [200] * 20
        assert {answer.json()["model"]["version"] for answer in answered} <= {VERSION, "2.0"}
    assert not [line for line in server.lines() if line["level"] == "error"]
