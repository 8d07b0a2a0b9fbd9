"""What the benchmarks of the service share: servers in processes of their own, and clients that load them."""

from __future__ import annotations

import http.client
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

from benchmarks.scan_speed import make_photos

SERVE: Final = (
    "from inference.settings import load_settings; from inference.service.server import run; run(load_settings())"
)
TIMEOUT: Final = 120.0
_BOUNDARY: Final = "street-patrol-benchmark"
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """A request body and its media type."""

    content: bytes
    media_type: str


def multipart(*photos: bytes) -> Body:
    """Photos as POST /v1/classify takes them."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photos"; filename="{number}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + photo
        + b"\r\n"
        for number, photo in enumerate(photos)
    ]
    return Body(b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}")


def jpeg_files(sources: Sequence[Path], count: int, megapixels: float) -> list[bytes]:
    """So many JPEG files of about this size from some photos, no two the same."""
    with tempfile.TemporaryDirectory() as name:
        return [path.read_bytes() for path in make_photos(sources, Path(name) / "photos", count, megapixels)]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens on loopback.

    Attributes:
        process: Of its own process group.
        port: TCP port.
        log: Where its standard error goes.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def memory(self) -> float:
        """Resident MiB of its main process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * _PAGE / _MIB

    def pause(self) -> None:
        """Keep it from using the processor."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run again."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def get(self, path: str) -> tuple[int, bytes]:
        """(status, body) of a GET."""
        return self._ask("GET", path, None)

    def post(self, path: str, document: object) -> tuple[int, bytes]:
        """(status, body) of a POST of JSON."""
        return self._ask("POST", path, json.dumps(document).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_lines(self) -> Iterator[dict[str, object]]:
        """What the service logged."""
        with self.log.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


@contextmanager
def service(**settings: object) -> Iterator[Server]:
    """The service with these settings, ready; ended afterwards. Its records go to a SQLite file that is deleted."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"feedback_database": f"sqlite:///{folder}/feedback.sqlite"} | settings
        variables = {f"PATROL_{name.upper()}": str(value) for name, value in chosen.items()}
        with running([sys.executable, "-c", SERVE], "/readyz", "PATROL_PORT", **variables) as server:
            yield server


@contextmanager
def running(command: Sequence[str], ready: str, port_variable: str, **variables: str) -> Iterator[Server]:
    """A server, once it answers 200 at the address `ready`; its whole process group is ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = os.environ | variables | {port_variable: str(port)}
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - a command of our own
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        server = Server(process, port, log)
        try:
            _wait_until_ready(server, ready)
            yield server
        finally:
            _end(process)


def _wait_until_ready(server: Server, path: str) -> None:
    for _ in range(600):
        if server.process.poll() is not None:
            break
        try:
            if server.get(path)[0] == http.HTTPStatus.OK:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"the server was not ready: {server.log.read_text('utf-8')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGCONT)
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@dataclass(slots=True)
class Load:
    """What clients saw.

    Attributes:
        seconds: How long they asked.
        latencies: Seconds from sending a request to its whole answer, for those answered 200.
        statuses: HTTP status -> how many; 0: no answer came.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Requests answered 200 a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """The latency in milliseconds that this share of the answers did not exceed; NaN without answers."""
        return quantile(self.latencies, share) * 1000

    def add(self, other: Load) -> None:
        """Count another round to this one."""
        self.seconds += other.seconds
        self.latencies += other.latencies
        self.statuses += other.statuses


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Client:
    """One connection that is kept open, and opened again when the server closes it."""

    def __init__(self, port: int, path: str, load: Load, lock: threading.Lock) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._path = path
        self._load = load
        self._lock = lock

    def ask(self, body: Body) -> tuple[int, bytes]:
        """Send a request and note what came of it; status 0: no answer."""
        started = time.perf_counter()
        try:
            self._connection.request("POST", self._path, body.content, {"Content-Type": body.media_type})
            response = self._connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            status, answer = 0, b""
        taken = time.perf_counter() - started
        with self._lock:
            self._load.statuses[status] += 1
            if status == http.HTTPStatus.OK:
                self._load.latencies.append(taken)
        return status, answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def closed_loop(
    port: int,
    path: str,
    bodies: Sequence[Body],
    *,
    clients: int,
    seconds: float,
    pause: Callable[[int], float] = lambda _: 0.0,
) -> Load:
    """Clients that send their next request when the last one is answered.

    Args:
        port: On loopback.
        path: That is asked.
        bodies: Sent in turn.
        clients: At the same time.
        seconds: For which requests are begun.
        pause: Seconds to wait after an answer with this status.
    """
    load, lock = Load(), threading.Lock()
    started = time.perf_counter()

    def work(number: int) -> None:
        client = Client(port, path, load, lock)
        turns = cycle([*bodies[number % len(bodies) :], *bodies[: number % len(bodies)]])
        while time.perf_counter() - started < seconds:
            status, _ = client.ask(next(turns))
            if (rest := pause(status)) > 0:
                time.sleep(rest)
        client.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    load.seconds = time.perf_counter() - started
    return load
