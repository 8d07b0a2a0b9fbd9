"""The steps of deploy/Dockerfile, carried out in a folder: no container can be built where tests run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests import photos

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds
# What a Debian image of Python brings; anything else a wheel asks for would need an apt package.
IN_THE_BASE = re.compile(
    r"(libc|libm|libmvec|libdl|librt|libpthread|libresolv|libz|libgcc_s|libstdc\+\+|ld-linux-x86-64)\.so"
)


@dataclass
class Image:
    """What the Dockerfile makes, below a folder instead of below /.

    Attributes:
        folder: The image's root.
        variables: Its environment.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def below(self, text: str) -> str:
        """A text with the image's absolute paths below the folder."""
        return re.sub(r"(?<![\w.])/(opt|src|data)\b", rf"{self.folder}/\1", text)


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(name, rest) for name, _, rest in (line.strip().partition(" ") for line in joined)]


def final(name: str) -> str:
    """The last instruction of this name."""
    return [rest for each, rest in instructions() if each == name][-1]


def copy_context(to: Path) -> None:
    """COPY . . as .dockerignore narrows it: whatever is listed with ! and nothing else."""
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for pattern in (rule[1:] for rule in rules if rule.startswith("!")):
        for path in ROOT.glob(f"{pattern}/*" if pattern.endswith("**") else pattern):
            if path.is_file() and "__pycache__" not in path.parts:
                target = to / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="patrol-image-"))
    made = Image(folder)
    try:
        (folder / "src").mkdir()
        copy_context(folder / "src")
        build = next(rest for name, rest in instructions() if name == "RUN")
        command = made.below(build).replace("python -m venv", f"{sys.executable} -m venv")
        subprocess.run(command, shell=True, check=True, cwd=folder / "src", env=_path({}))  # noqa: S602
        shutil.rmtree(folder / "src")
        (folder / "data").mkdir(mode=0o700)
        pairs = (pair.partition("=") for pair in shlex.split(final("ENV")))
        made.variables = {name: made.below(value) for name, _, value in pairs if name != "PATH"}
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _path(more: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent", **more}


def run(image: Image, *arguments: str, port: int) -> subprocess.Popen[bytes]:
    """What `docker run --read-only IMAGE ARGUMENTS` runs, without a home and a folder for temporary files."""
    entry = json.loads(final("ENTRYPOINT"))
    environment = _path({**image.variables, "PATROL_PORT": str(port), "TMPDIR": "/nonexistent"})
    return subprocess.Popen(
        [image.folder / "opt" / "patrol" / "bin" / entry[0], *entry[1:], *arguments],
        cwd=image.folder / "data",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_it_serves_photos_to_whoever_has_a_key_and_writes_nothing_but_data(image: Image) -> None:
    assert image.variables["PATROL_HOST"] == "0.0.0.0"  # noqa: S104
    image.variables["PATROL_HOST"] = "127.0.0.1"  # tests listen on this machine only
    image.variables["PATROL_REQUIRE_KEYS"] = "true"
    port = free_port()

    before = files(image)
    refused = run(image, *json.loads(final("CMD")), port=port)
    assert b"patrol keys create NAME" in refused.communicate(timeout=PATIENCE)[1]
    assert refused.returncode == 2

    key, said = run(image, "keys", "create", "issue-system", port=port).communicate(timeout=PATIENCE)
    assert key, said
    server = run(image, *json.loads(final("CMD")), port=port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as http:
            wait_until_ready(server, http)
            photo = {"photos": photos.encode(photos.scene(), "jpeg")}
            assert http.post("/v1/classify", files=photo).status_code == 401
            http.headers["Authorization"] = f"Bearer {key.decode().strip()}"
            assert http.post("/v1/classify", files=photo).status_code == 200
        assert health(image, port) == 0
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=PATIENCE)
    assert b'"level": "error"' not in said
    assert health(image, port) != 0
    assert files(image) == before


def files(image: Image) -> set[tuple[Path, int]]:
    """What the root file system holds, which is read-only in operation, with times of change."""
    paths = (path for path in image.folder.rglob("*") if image.folder / "data" not in path.parents)
    return {(path, path.lstat().st_mtime_ns) for path in paths if path.name != "data"}


def wait_until_ready(server: subprocess.Popen[bytes], http: httpx.Client) -> None:
    for _ in range(PATIENCE * 10):
        assert server.poll() is None, server.stderr and server.stderr.read().decode()
        try:
            if http.get("/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


def health(image: Image, port: int) -> int:
    """The exit status of the image's HEALTHCHECK."""
    check = json.loads(final("HEALTHCHECK").partition("CMD ")[2])
    python = image.folder / "opt" / "patrol" / "bin" / check[0]
    environment = _path({"PATROL_PORT": str(port)})
    return subprocess.run([python, *check[1:]], env=environment, capture_output=True, check=False).returncode


def test_it_holds_the_core_and_nothing_that_trains(image: Image) -> None:
    (packages,) = image.folder.glob("opt/patrol/lib/python3*/site-packages")
    assert (packages / "inference" / "_bundled" / "models" / "street-patrol-n" / "model.onnx").is_file()
    for heavy in ("torch", "ultralytics", "pytest", "tests"):
        assert not (packages / heavy).exists()


def test_no_wheel_asks_for_a_library_that_the_base_lacks(image: Image) -> None:
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    libraries = [path for path in image.folder.rglob("*.so*") if path.is_file() and not path.is_symlink()]
    brought = {path.name for path in libraries}
    dump = subprocess.run(["readelf", "--dynamic", *libraries], capture_output=True, text=True, check=False).stdout
    asked = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dump))
    assert asked
    assert {name for name in asked - brought if not IN_THE_BASE.match(name)} == set()
