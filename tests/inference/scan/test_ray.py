"""A scan on a Ray cluster of several nodes on this machine, against the same scan without."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from inference.scan.journal import Journal, records
from inference.scan.ray_pipeline import Cluster, RayPipeline
from inference.scan.record import Record
from inference.scan.sources import Lister
from tests import photos
from tests.inference.scan.stub import RULES, CountingJudge, stub_scan

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip("ray", reason="needs the extra `ray`")
pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]

PHOTOS = 96
SECONDS = 0.02  # of judging one


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that only coordinates, and two nodes with a core each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster as LocalCluster

        found = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        found.add_node(num_cpus=1)
        found.add_node(num_cpus=1)
        found.wait_for_nodes()
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good photos, duplicates of some, a torn and an empty one, and an archive with some in it."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(PHOTOS):
        whole = photos.encode(photos.scene(96 + number, 64), "jpeg")
        (folder / f"{number:03d}.jpg").write_bytes(whole)
        if number % 10 == 0:
            (folder / f"{number:03d}-again.jpg").write_bytes(whole)
    (folder / "torn.jpg").write_bytes(whole[:400])
    (folder / "empty.jpg").write_bytes(b"")
    with zipfile.ZipFile(folder / "some.zip", "w") as members:
        members.writestr("1.jpg", whole)
        members.writestr("2.jpg", photos.encode(photos.scene(64, 64), "jpeg"))
    return folder


@pytest.fixture(scope="module")
def expected(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the scan writes without a cluster."""
    out = tmp_path_factory.mktemp("local")
    stub_scan(out, archive)
    return journal_of(out)


def journal_of(out: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(out.glob("records-*.jsonl")))


def ray_scan(cluster: Any, out: Path, source: Path, chunk: int, on_record: Any, stop: Event | None = None) -> bool:
    make_judge: Any = partial(CountingJudge, SECONDS)
    machines = Cluster(make_judge, cluster.address, chunk=chunk, chunk_bytes=1 << 30, cpus=1, gpus=0)
    with Journal(out, sync_seconds=1, segment_bytes=1 << 20) as journal:
        pipeline = RayPipeline(journal, machines, on_record=on_record, stop=stop)
        return pipeline.run(Lister([str(source)], RULES).inputs())


def test_a_scan_that_is_stopped_goes_on_to_the_same_records_as_on_one_machine(
    cluster: Any, archive: Path, expected: bytes, tmp_path: Path
) -> None:
    stop, seen = Event(), list[Record]()

    def stop_midway(record: Record) -> None:
        seen.append(record)
        if len(seen) == PHOTOS // 3:
            stop.set()

    assert not ray_scan(cluster, tmp_path, archive, 40, stop_midway, stop)
    assert journal_of(tmp_path) == b"".join(expected.splitlines(keepends=True)[: len(seen)])
    assert ray_scan(cluster, tmp_path, archive, 40, seen.append)
    assert journal_of(tmp_path) == expected
    assert len(seen) == len(list(records(tmp_path)))


def test_a_node_that_dies_midway_costs_no_record(cluster: Any, archive: Path, expected: bytes, tmp_path: Path) -> None:
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    count = 0

    def kill_midway(_: Record) -> None:
        nonlocal count
        count += 1
        if count == PHOTOS // 3:
            cluster.remove_node(doomed, allow_graceful=False)

    assert ray_scan(cluster, tmp_path, archive, 1000, kill_midway)
    assert journal_of(tmp_path) == expected
