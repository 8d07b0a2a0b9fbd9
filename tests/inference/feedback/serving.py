"""A service in a process of its own that answers without a model, and can be killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "from inference.settings import load_settings; from inference.service.server import run; run(load_settings())"
_START_SECONDS = 120
_CATEGORIES = ("overflowing_bin", "exposed_garbage", "illegal_awning", "street_vendor")


@dataclass(slots=True)
class Acknowledged:
    """What the service said it had stored.

    Attributes:
        feedback: Request id -> (revision, feedback id) of every acknowledgement.
    """

    feedback: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Acknowledgements."""
        return sum(map(len, self.feedback.values()))


@contextmanager
def server(log: Path, address: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service whose feedback is in a database; (process, URL), when it is ready."""
    environment = os.environ | {
        "PATROL_PORT": "0",
        "PATROL_FEEDBACK_DATABASE": address,
        "PATROL_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    with log.open("wb") as stderr:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=log.parent, env=environment, stderr=stderr)
    try:
        yield process, _ready(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        url = next((json.loads(line)["url"] for line in log.read_bytes().splitlines() if b'"url"' in line), None)
        if url is not None:
            try:
                if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return str(url)
            except httpx.TransportError:
                pass
        time.sleep(0.05)
    raise TimeoutError(log.read_text("utf-8"))


def feedback_until_killed(
    log: Path, address: str, requests: list[str], told: Acknowledged, moment: float, clients: int = 4
) -> None:
    """Give feedback from several clients at once, kill the service with SIGKILL in the middle, and note every answer.

    Args:
        log: File of the service's log.
        address: Of its database.
        requests: Ids to give feedback on.
        told: Gets the acknowledgements.
        moment: Seconds after the first feedback.
        clients: At the same time.
    """
    with server(log, address) as (process, url):
        share = [requests[number::clients] for number in range(clients)]
        threads = [threading.Thread(target=_client, args=(url, ids, told, number)) for number, ids in enumerate(share)]
        for thread in threads:
            thread.start()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)


def _client(url: str, requests: list[str], told: Acknowledged, seed: int) -> None:
    """Confirm something on one request after the other, again and again, until nobody answers."""
    rng = random.Random(seed)  # noqa: S311 - choices, no secrets
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        while True:
            for request_id in requests:
                body = {"request_id": request_id, "categories": [rng.choice(_CATEGORIES)], "note": str(rng.random())}
                try:
                    answer = http.post("/v1/feedback", json=body)
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    document = answer.json()
                    stored = (document["revision"], document["feedback_id"])
                    told.feedback.setdefault(request_id, []).append(stored)
