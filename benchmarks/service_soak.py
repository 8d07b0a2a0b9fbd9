"""A long run with all that arrives where photos are expected: `python -m benchmarks.service_soak --photos FOLDER`.

Clients send, in an order drawn by seed: photos in every encoding, cases of 16, damaged and foreign files, pictures
that claim a billion pixels, broken JSON and multipart, bodies over the limit, uploads that break off, and requests
whose client does not wait for the answer. What must come out: no 5xx, and memory that does not grow.

Exit codes: 0 no 5xx and every request that was waited for answered, 1 not so.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.memory import MemoryWatch
from benchmarks.serving import Body, Client, Load, multipart, service
from inference.photo_files import photo_files
from inference.printer import Printer
from tests.photos import encodings, scene

_PATH = "/v1/classify"
_SERVER_ERROR = 500
_LIMIT = 8 * 1024 * 1024
_RUDE = 0.1  # share of requests whose client goes away


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 2.5 billion pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def mixture(files: Sequence[bytes], draw: random.Random) -> list[Callable[[], Body]]:
    """What is sent, each as likely as the others."""
    encoded = list(encodings(scene(1200, 900)).values())

    def damaged() -> bytes:
        data = bytearray(draw.choice(files))
        for _ in range(20):
            data[draw.randrange(len(data))] = draw.randrange(256)
        return bytes(data[: draw.randrange(1, len(data))])

    def as_json(content: object) -> Body:
        return Body(json.dumps(content).encode(), "application/json")

    return [
        lambda: multipart(draw.choice(files)),
        lambda: multipart(draw.choice(files), draw.choice(encoded)),
        lambda: multipart(*draw.choices(files, k=16)),
        lambda: multipart(draw.choice(encoded)),
        lambda: multipart(damaged(), draw.choice(files)),
        lambda: multipart(damaged()),
        lambda: multipart(bomb()),
        lambda: multipart(draw.randbytes(draw.randrange(200_000))),
        lambda: as_json({"photos": [base64.b64encode(draw.choice(files)).decode()]}),
        lambda: as_json({"photos": ["%%%"], "min_scor": 1}),
        lambda: Body(draw.randbytes(1000), "application/json"),
        lambda: Body(draw.randbytes(1000), "multipart/form-data; boundary=x"),
        lambda: Body(multipart(draw.choice(files)).content[:-30], multipart().media_type),
        lambda: multipart(b"\xff\xd8\xff" + bytes(_LIMIT)),
    ]


def go_away(port: int, body: Body, draw: random.Random) -> None:
    """Send a request, all of it or a part, and do not wait for the answer."""
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {body.media_type}\r\nContent-Length: {len(body.content)}\r\n\r\n"
    )
    sent = body.content if draw.random() < 0.5 else body.content[: draw.randrange(len(body.content) + 1)]  # noqa: PLR2004
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        try:
            client.sendall(head.encode() + sent)
        except ConnectionError:
            return  # refused before all of it was sent
        time.sleep(draw.random() / 20)


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos.")],
    minutes: float = 30,
    clients: int = 4,
    seed: int = 1,
) -> None:
    """Run, and tell how memory developed."""
    printer = Printer()
    files = [path.read_bytes() for path in photo_files([photos])[:40]]
    load, lock = Load(), threading.Lock()
    ends = time.perf_counter() + 60 * minutes
    with service(max_body_bytes=_LIMIT, max_photo_bytes=_LIMIT // 2, body_timeout=5) as server:

        def work(number: int) -> None:
            draw = random.Random(seed * 1000 + number)  # noqa: S311 - not for secrets
            kinds, client = mixture(files, draw), Client(server.port, _PATH, load, lock)
            while time.perf_counter() < ends:
                body = draw.choice(kinds)()
                if draw.random() < _RUDE:
                    go_away(server.port, body, draw)
                else:
                    client.ask(body)
            client.close()

        with MemoryWatch(server, interval=max(0.5, minutes / 10)) as memory, ThreadPoolExecutor(clients) as pool:
            list(pool.map(work, range(clients)))
        over_limit = sum(line.get("status") == 413 for line in server.log_lines())  # noqa: PLR2004
        errors = sum(line.get("level") == "error" for line in server.log_lines())
    failed = sum(count for status, count in load.statuses.items() if status >= _SERVER_ERROR)
    printer.text(f"{load.statuses.total()} requests waited for: {dict(sorted(load.statuses.items()))}")
    printer.text(f"5xx: {failed}; errors logged: {errors}; bodies over the limit: {over_limit}, of which the client")
    printer.text(f"saw its answer but {load.statuses[0]} times, when the connection was closed while it still wrote")
    printer.text(memory.told())
    raise typer.Exit(int(bool(failed or errors or load.statuses[0] > over_limit)))


if __name__ == "__main__":
    typer.run(main)
