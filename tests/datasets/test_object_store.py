"""Photos in an S3-compatible store, over real HTTP: frozen, verified, cached by ETag, read for training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec.config
import pytest

pytest.importorskip("s3fs", reason="extra `s3` is not installed")
pytest.importorskip("moto.server", reason="extra `dev` is not installed")

import s3fs
from typer.testing import CliRunner

from datasets.facts_cache import FactsCache
from datasets.files import PhotoFileError, read_file, stamp_of
from datasets.freeze import FreezeOptions, freeze
from datasets.rows import photo_path
from datasets.store import LabelStore
from inference.categories import load_catalogue
from inference.cli import app
from tests.datasets.stores import fill, labelled, picture, shown_by
from tests.object_store import KEYS, s3_endpoint

BUCKET = "patrol-photos"
COUNT = 8
PATROL = Path(sys.executable).with_name("patrol")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server on this machine, as the fsspec configuration of a user names one."""
    with s3_endpoint() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3fs.S3FileSystem]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"client_kwargs": {"endpoint_url": endpoint}})
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    if files.exists(BUCKET):
        files.rm(BUCKET, recursive=True)
    files.mkdir(BUCKET)
    files.pipe({f"{BUCKET}/五月/{seed:03}.bmp": picture(seed, ".bmp") for seed in range(COUNT)})
    yield files
    s3fs.S3FileSystem.clear_instance_cache()


def url(seed: int) -> str:
    return f"s3://{BUCKET}/五月/{seed:03}.bmp"


@pytest.fixture
def store(tmp_path: Path, bucket: s3fs.S3FileSystem) -> LabelStore:  # noqa: ARG001
    store = LabelStore(tmp_path / "data")
    found = (labelled(photo_path(url(seed)), "cloud", shown_by(seed), name=f"{seed:03}.bmp") for seed in range(COUNT))
    fill(store, "cloud", found)
    return store


def patrol(*arguments: object, expect: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["data", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def count_downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    downloads: list[str] = []
    cat_file = s3fs.S3FileSystem._cat_file

    async def counted(self: s3fs.S3FileSystem, path: str, *rest: Any, **options: Any) -> Any:
        downloads.append(path)
        return await cat_file(self, path, *rest, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", counted)
    return downloads


def test_a_second_freeze_downloads_only_what_changed(
    store: LabelStore, bucket: s3fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = count_downloads(monkeypatch)
    assert patrol("freeze", "a", "--data", store.root)["photos"] == COUNT
    assert len({*downloads}) == COUNT
    assert len(downloads) <= 2 * COUNT  # once for facts, once for the features that scenes are found by
    bucket.pipe_file(f"{BUCKET}/五月/003.bmp", picture(333, ".bmp"))  # of the same size
    downloads.clear()
    assert patrol("freeze", "b", "--data", store.root)["read"] == 1
    assert {*downloads} == {f"{BUCKET}/五月/003.bmp"}


def test_vanished_and_changed_objects_are_named(store: LabelStore, bucket: s3fs.S3FileSystem) -> None:
    patrol("freeze", "a", "--data", store.root)
    assert patrol("verify", "a", "--data", store.root)["problems"] == []
    bucket.rm_file(f"{BUCKET}/五月/001.bmp")
    bucket.pipe_file(f"{BUCKET}/五月/002.bmp", picture(999))
    gone, changed = patrol("verify", "a", "--data", store.root, expect=1)["problems"]
    assert gone.startswith(f"cloud/001.bmp: {url(1)}: the photo is missing")
    assert changed.startswith(f"cloud/002.bmp: {url(2)}: changed since it was frozen")


def test_the_id_is_that_of_the_same_photos_on_a_disk(store: LabelStore, tmp_path: Path) -> None:
    catalogue = load_catalogue()
    remote = freeze(store, "a", FreezeOptions(), catalogue).version
    folder = tmp_path / "disk"
    folder.mkdir()
    for seed in range(COUNT):
        (folder / f"{seed:03}.bmp").write_bytes(picture(seed, ".bmp"))
    local = LabelStore(tmp_path / "other")
    fill(local, "cloud", (labelled(folder / f"{seed:03}.bmp", "cloud", shown_by(seed)) for seed in range(COUNT)))
    assert freeze(local, "b", FreezeOptions(), catalogue).version.record.id == remote.record.id


def test_a_process_of_its_own_finds_the_store_by_the_environment(store: LabelStore, endpoint: str) -> None:
    """No endpoint and no key stands in the manifest: whoever verifies it brings them."""
    patrol("freeze", "a", "--data", store.root)
    manifest = (store.versions_folder / "a" / "manifest.jsonl").read_text(encoding="utf-8")
    assert endpoint not in manifest
    environment = {**os.environ, **KEYS, "FSSPEC_S3_ENDPOINT_URL": endpoint}
    command = [str(PATROL), "data", "verify", "a", "--data", str(store.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} 张照片" in done.stdout


def test_a_store_that_does_not_answer_is_named_not_a_traceback(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", {**nowhere, "config_kwargs": {"retries": {"max_attempts": 0}}})
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    with pytest.raises(PhotoFileError, match=r"s3://patrol-photos/五月/000\.bmp: the photo cannot be read"):
        read_file(photo_path(url(0)))
    assert store.sources() == ["cloud"]


def test_stamps_follow_the_content(bucket: s3fs.S3FileSystem) -> None:
    before = stamp_of(photo_path(url(0)))
    bucket.pipe_file(f"{BUCKET}/五月/000.bmp", picture(77))
    assert stamp_of(photo_path(url(0))).mark != before.mark
    with pytest.raises(PhotoFileError, match="the photo is missing"):
        stamp_of(photo_path(url(999)))


def test_facts_of_a_missing_object_have_a_fault(tmp_path: Path, bucket: s3fs.S3FileSystem) -> None:  # noqa: ARG001
    with FactsCache(tmp_path / "c.sqlite") as cache:
        [here, gone] = cache.facts([photo_path(url(0)), photo_path(url(999))])
    assert here.fault == ""
    assert "missing" in gone.fault
