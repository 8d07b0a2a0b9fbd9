"""A PostgreSQL server of our own: own data directory, own socket, no network; as an unprivileged user under root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_USERS = ("postgres", "nobody")
_START_SECONDS = 60


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version first; None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: -int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[0].parent if found else Path(on_path).parent if on_path else None


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server.

    Attributes:
        socket: Folder of its socket.
    """

    socket: Path

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://patrol@/{database}?host={self.socket}"

    def new_database(self) -> str:
        """The address of a database that has just been made."""
        import psycopg

        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


@contextmanager
def serving(bin_folder: Path) -> Iterator[Postgres]:
    """A server with its usual durability, which ends and leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="patrol-pg-"))
    account = _account()
    try:
        if account:
            os.chown(folder, account["user"], account["group"])
        data = folder / "data"
        init: list[str | Path] = [
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "patrol",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(init, check=True, capture_output=True, cwd=folder, **account)
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "shared_buffers=16MB"]
        command: list[str | Path] = [bin_folder / "postgres", "-D", data, *options]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **account)
        try:
            _wait(bin_folder, folder, process)
            yield Postgres(folder)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: what it holds is thrown away
            process.wait(_START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> dict[str, Any]:
    """As whom the server runs: under root, which it refuses, as somebody else."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"PostgreSQL does not run as root, and there is none of the users {', '.join(_USERS)}")


def _wait(bin_folder: Path, socket: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(_START_SECONDS * 10):
        ready = subprocess.run([bin_folder / "pg_isready", "-q", "-h", socket], check=False)
        if ready.returncode == 0:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError((socket / "log").read_text(encoding="utf-8", errors="replace"))
