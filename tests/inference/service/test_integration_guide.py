"""The programs of docs/integration.md, run as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from inference.service.openapi import CLASSIFY_ANSWER
from tests import photos

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL))
CLASSIFY = ("classify.sh", "classify.py", "classify.mjs", "Patrol.java")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs and the two photos lie."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "a.jpg").write_bytes(photos.encode(photos.noisy_scene(320, 240), "jpeg"))
    (folder / "b.jpg").write_bytes(photos.encode(photos.scene(240, 320), "jpeg"))
    for name, program in PROGRAMS.items():
        (folder / name).write_text(program, encoding="utf-8")
    return folder


def command(name: str) -> list[str]:
    """What runs a program; skips the test where that is not installed."""
    programs = {".sh": "bash", ".py": sys.executable, ".mjs": "node", ".java": "java"}
    runner = shutil.which(programs[Path(name).suffix])
    if runner is None or (name.endswith(".sh") and shutil.which("curl") is None):
        pytest.skip(f"{name} needs {programs[Path(name).suffix]}, which is not installed")
    return [runner, name]  # java compiles a single file by itself


def run(folder: Path, url: str, name: str, *arguments: str) -> str:
    environment = os.environ | {"PATROL_URL": url, "PATROL_KEY": "key", "PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
    words = [*command(name), *arguments]
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Busy(BaseHTTPRequestHandler):
    """Turns the first request of a test away for a second, and answers the next."""

    ids: list[str | None]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.ids.append(self.headers["X-Request-ID"])
        is_first = len(self.ids) == 1
        problem = {"type": "urn:street-patrol:problem:queue-full", "detail": "busy", "instance": "1"}
        body = json.dumps(problem if is_first else CLASSIFY_ANSWER).encode()
        self.send_response(429 if is_first else 200)
        self.send_header("Content-Length", str(len(body)))
        if is_first:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[tuple[str, list[str | None]]]:
    """The address of a service that is busy at first, and the ids of the requests it got."""
    ids: list[str | None] = []
    handler = type("BusyOnce", (Busy,), {"ids": ids})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", ids
        server.shutdown()
        thread.join()


def test_every_program_is_run_here() -> None:
    tested = {*CLASSIFY, "feedback.sh", "feedback.py", "feedback.mjs", "many.py", "open311.sh", "triton.py"}
    assert PROGRAMS.keys() == tested


@pytest.mark.parametrize("name", CLASSIFY)
def test_classify(folder: Path, server_url: str, name: str) -> None:
    said = run(folder, server_url, name)
    assert re.search(r"\b[0-9a-f-]{32,36}\b", said)
    assert re.search(r"issue|unrelated|unusable|uncertain", said)


@pytest.mark.parametrize("name", CLASSIFY)
def test_who_is_turned_away_comes_back(folder: Path, busy: tuple[str, list[str | None]], name: str) -> None:
    url, ids = busy
    assert "exposed_garbage" in run(folder, url, name)
    assert len(ids) == 2
    if name != "classify.sh":
        assert ids[0] == ids[1] is not None


@pytest.mark.parametrize("name", ["feedback.sh", "feedback.py", "feedback.mjs", "Patrol.java"])
def test_feedback(folder: Path, server_url: str, name: str) -> None:
    if "/v1/feedback" not in httpx.get(f"{server_url}/openapi.json").json()["paths"]:
        pytest.skip("this build of the service takes no feedback")
    case = f"case-{name}"
    program = PROGRAMS[name].replace("case-42", case)
    (folder / name).write_text(program, encoding="utf-8")
    files = {"photos": (folder / "a.jpg").read_bytes()}
    httpx.post(f"{server_url}/v1/classify", files=files, data={"external_id": case}, timeout=60).raise_for_status()
    assert "revision" in run(folder, server_url, name, *(["feedback"] if name.endswith(".java") else []))


@pytest.mark.parametrize(
    ("name", "said"), [("many.py", "2 of 2"), ("open311.sh", '"services":'), ("triton.py", "on photos")]
)
def test_the_others(folder: Path, server_url: str, name: str, said: str) -> None:
    assert said in run(folder, server_url, name)
