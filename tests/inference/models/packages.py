"""Model packages of a few bytes, and a process that is killed while it changes a store of them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from inference.model_store import ModelStore
from inference.package import file_record
from inference.paths import MODELS

SHIPPED = MODELS / "street-patrol-n"
_WATCHED = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.chmod", "os.listdir", "os.scandir")


def make_package(folder: Path, version: str, *, content: bytes = b"{} ") -> Path:
    """The shipped description with other files: a store looks at hashes, it does not run the model."""
    folder.mkdir(parents=True)
    for name in ("model.onnx", "golden.json"):
        (folder / name).write_bytes(content * 40)
    document: dict[str, Any] = json.loads((SHIPPED / "model.json").read_text("utf-8"))
    document |= {"version": version, "created": f"2026-11-01T00:00:{len(version):02}+00:00"}
    document["files"] = {name: file_record(folder / name).model_dump() for name in ("model.onnx", "golden.json")}
    (folder / "model.json").write_text(json.dumps(document), "utf-8")
    return folder


def change(store: str, action: str, subject: str) -> None:
    """One change of a store."""
    models = ModelStore(store)
    if action == "add":
        models.add(Path(subject))
    elif action == "promote":
        models.promote(subject, by="test", why="a test", is_ungated=True)
    else:
        models.rollback(by="test", why="a test")


def killed_before(step: int, store: str, action: str, subject: str) -> bool:
    """Start a change in a process of its own and SIGKILL it before its n-th file operation in the store.

    Returns:
        Whether it was killed; False when the change took fewer operations.
    """
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.inference.models.packages"])
    child = context.Process(target=_change_and_die, args=(step, store, action, subject))
    child.start()
    child.join(120)
    if child.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the change ended with {child.exitcode}")
    return bool(child.exitcode)


def _change_and_die(step: int, store: str, action: str, subject: str) -> None:
    left = step

    def before(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in _WATCHED and any(str(argument).startswith(store) for argument in arguments):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync

    def synced(fd: Any) -> None:  # no audit event of its own
        before("open", (store,))
        fsync(fd)

    os.fsync = synced
    sys.addaudithook(before)
    change(store, action, subject)
