"""What a user does first: install the core from nothing, start the service, post a photo."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.shared import shared

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 120
READY_SECONDS = 3.0


@pytest.fixture(scope="module")
def patrol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `patrol` command in a fresh environment that holds the built wheel of the core and nothing else."""
    folder = tmp_path_factory.mktemp("install")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--constraint"]
    started = time.monotonic()
    subprocess.run([python, *install, ROOT / "constraints.txt", ROOT], check=True, cwd=folder)
    assert time.monotonic() - started < INSTALL_SECONDS
    return folder / "venv" / "bin" / "patrol"


@pytest.fixture(scope="module")
def service(patrol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running service, away from the checkout, so that only what the wheel carries is found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("service")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATROL_")}
    subprocess.run([patrol, "--version"], check=True, cwd=folder)  # byte-compiles, as the install target does
    started = time.monotonic()
    process = subprocess.Popen([patrol, "serve", "--port", str(port)], cwd=folder, env=environment)
    try:
        _wait_until_ready(url, process)
        ready = time.monotonic() - started
        assert ready < READY_SECONDS * _slowness(), f"ready after {ready:.1f} s"
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the service ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/readyz", timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the service did not become ready in 30 s")


def _slowness() -> float:
    """How much slower than idle this machine is just now: load per core, at least one."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def test_the_core_needs_no_torch(patrol: Path) -> None:
    python = patrol.with_name("python")
    code = "import importlib.util as u; print([m for m in ('torch', 'ultralytics', 'sklearn') if u.find_spec(m)])"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"


def test_a_posted_photo_is_answered(service: str) -> None:
    photo = sorted(shared("data", "amsterdam-patrol", "images").glob("*.jpg"))[0]
    with photo.open("rb") as file:
        answer = httpx.post(f"{service}/v1/classify", files={"photos": (photo.name, file)}, timeout=30)
    assert answer.status_code == httpx.codes.OK
    body = answer.json()
    assert body["photos"][0]["filename"] == photo.name
    assert body["verdict"] in {"issue", "no_issue", "unrelated", "unusable", "uncertain"}
    assert body["model"]["data_version"]


def test_the_pages_are_installed(service: str) -> None:
    page = httpx.get(f"{service}/").raise_for_status().text
    script = page.partition('<script type="module" src="')[2].partition('"')[0]
    assert httpx.get(f"{service}/{script}").status_code == httpx.codes.OK


def test_the_command_line_gives_the_same_answer_as_the_service(service: str, patrol: Path, tmp_path: Path) -> None:
    photo = sorted(shared("data", "gbs111-cn", "images").glob("*.jpg"))[3]
    printed = subprocess.run(
        [patrol, "classify", "--json", photo], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    with photo.open("rb") as file:
        answer = httpx.post(f"{service}/v1/classify", files={"photos": (photo.name, file)}, timeout=30).json()
    mine, theirs = json.loads(printed)["photos"][0], answer["photos"][0]
    same = ("sha256", "width", "height", "verdict", "warnings", "detections")
    assert {key: mine[key] for key in same} == {key: theirs[key] for key in same}
    assert [s["category"] for s in mine["suggestions"]] == [s["category"] for s in theirs["suggestions"]]


def test_a_command_of_an_extra_says_what_to_install(patrol: Path, tmp_path: Path) -> None:
    done = subprocess.run([patrol, "train"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "pip install 'street-patrol[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_this_python_is_the_one_promised() -> None:
    assert sys.version_info >= (3, 11)
