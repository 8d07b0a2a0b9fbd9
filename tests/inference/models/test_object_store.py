"""A model store in an S3-compatible store, over real HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec.config
import pytest

pytest.importorskip("s3fs", reason="extra `s3` is not installed")
pytest.importorskip("moto.server", reason="extra `dev` is not installed")

import s3fs

from inference.model_files import StoreError
from inference.model_store import ModelStore
from inference.package import load_package
from tests.inference.models.packages import make_package
from tests.object_store import KEYS, s3_endpoint

URL = "s3://patrol-models/production"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_endpoint() as address:
        yield address


@pytest.fixture
def files(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3fs.S3FileSystem]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"client_kwargs": {"endpoint_url": endpoint}})
    found = s3fs.S3FileSystem(skip_instance_cache=True)
    if found.exists("patrol-models"):
        found.rm("patrol-models", recursive=True)
    found.mkdir("patrol-models")
    yield found
    s3fs.S3FileSystem.clear_instance_cache()


def test_add_promote_roll_back_and_fetch(files: s3fs.S3FileSystem, tmp_path: Path) -> None:
    store = ModelStore(URL)
    assert store.packages() == []
    for version in "12":
        store.add(make_package(tmp_path / version, version))
        store.promote(version, by="me", why="better", is_ungated=True)
    assert [p.aliases for p in store.packages()] == [("previous",), ("champion",)]
    package = store.fetch("champion", tmp_path / "cache")
    assert package.folder.is_relative_to(tmp_path / "cache")
    assert load_package(package.folder).description.version == "2"
    before = package.model_path.stat().st_mtime_ns
    assert store.fetch("2", tmp_path / "cache").model_path.stat().st_mtime_ns == before  # not fetched again
    package.model_path.write_bytes(b"")
    assert store.fetch("2", tmp_path / "cache").model_path.stat().st_size > 0  # damaged: fetched again
    assert store.rollback(by="me", why="worse").champion.reference == "street-patrol-n/1"
    assert files.ls("patrol-models/production/_promotions")[-1].endswith("000003.json")


def test_an_add_that_was_cut_off_is_no_package_and_goes_on(files: s3fs.S3FileSystem, tmp_path: Path) -> None:
    folder = make_package(tmp_path / "1", "1")
    files.put_file(str(folder / "model.onnx"), f"{URL}/street-patrol-n/1/model.onnx")  # as far as it came
    store = ModelStore(URL)
    assert store.packages() == []
    with pytest.raises(StoreError, match="holds another package of this version"):
        store.add(make_package(tmp_path / "other", "1", content=b"other"))
    store.add(folder)
    assert store.fetch("1", tmp_path / "cache").description.version == "1"


def test_writers_at_the_same_time_come_one_after_the_other(files: s3fs.S3FileSystem, tmp_path: Path) -> None:  # noqa: ARG001
    store = ModelStore(URL)
    for version in "123":
        store.add(make_package(tmp_path / version, version))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda v: ModelStore(URL).promote(v, by=v, why="race", is_ungated=True), "123"))
    history = store.history()
    assert [c.revision for c in history] == [3, 2, 1]
    assert history[0].before == (history[1].champion, history[2].champion)


def test_a_store_out_of_reach_is_one_clear_error() -> None:
    script = f"from inference.model_store import ModelStore; ModelStore({URL!r}).packages()"
    environment = {**KEYS, "FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "PYTHONPATH": "."}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert "cannot be reached or written" in done.stderr
