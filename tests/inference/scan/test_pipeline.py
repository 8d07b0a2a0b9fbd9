"""The pipeline: one record each, in order, whatever the inputs do; nothing is judged twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.scan.inputs import Input
from inference.scan.journal import Journal, records, segments, validate
from inference.scan.pipeline import Pipeline
from inference.scan.record import Record, failed
from tests import photos
from tests.inference.scan.archive import make_archive, photo
from tests.inference.scan.stub import CountingJudge, stub_scan


def statuses(folder: Path) -> dict[str, str]:
    return {one.path: one.failure.code if one.failure else one.status for one in records(folder)}


def test_every_input_has_one_record_in_the_order_of_the_list(tmp_path: Path) -> None:
    sources = make_archive(tmp_path, 60)
    stub_scan(tmp_path / "out", *sources)
    found = [(one.path, one.status) for one in records(tmp_path / "out")]
    wanted = [
        *(f"000/{number:05d}.jpg" for number in range(60)),
        "gone.jpg",
        *(f"more.zip!/{number}.jpg" for number in range(6)),
        *(f"vanished-{number}.jpg" for number in range(3)),
    ]
    assert [path for path, _ in found] == wanted
    assert validate(tmp_path / "out").mistakes == ()


def test_what_is_wrong_with_an_input_is_in_its_record(tmp_path: Path) -> None:
    sources = make_archive(tmp_path, 12)
    (tmp_path / "photos" / "half.jpg").write_bytes(photos.truncated(photos.encode(photos.scene(), "jpeg")))
    stub_scan(tmp_path / "out", *sources)
    found = statuses(tmp_path / "out")
    assert found["000/00003.jpg"] == "too-many-pixels"
    assert found["000/00005.jpg"] == "empty"
    assert found["000/00007.jpg"] == "truncated"
    assert found["gone.jpg"] == "vanished"
    assert found["half.jpg"] == "degraded"
    assert found["000/00000.jpg"] == "ok"


def test_duplicates_are_judged_once_and_name_the_first(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(photo(1))
    judge = CountingJudge(0.05)
    stub_scan(tmp_path / "out", tmp_path, judge=judge)
    assert judge.asked == ["a.jpg"]
    first, *others = records(tmp_path / "out")
    assert first.same_as is None
    assert [one.same_as for one in others] == [f"{tmp_path}/a.jpg"] * 2
    assert [one.suggestions for one in others] == [first.suggestions] * 2
    assert [one.status for one in others] == [first.status] * 2


def test_moved_and_renamed_files_are_not_judged_again(tmp_path: Path) -> None:
    sources = make_archive(tmp_path, 24)
    stub_scan(tmp_path / "out", *sources)
    before = {one.path: one for one in records(tmp_path / "out")}
    (tmp_path / "photos" / "000").rename(tmp_path / "photos" / "2026-05")
    (tmp_path / "photos" / "new.jpg").write_bytes(photo(999))
    judge = CountingJudge()
    outcome = stub_scan(tmp_path / "out", *sources, judge=judge)
    assert judge.asked == ["new.jpg"]
    assert (outcome.new, outcome.known) == (25, 4)
    for one in records(tmp_path / "out"):
        if one.path.startswith("2026-05/"):
            old = before[one.path.replace("2026-05", "000")]
            assert (one.status, one.suggestions, one.failure) == (old.status, old.suggestions, old.failure)
            assert one.same_as == (old.same_as or old.location)
    assert validate(tmp_path / "out").mistakes == ()


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    sources = make_archive(tmp_path, 24)
    stub_scan(tmp_path / "out", *sources)
    before = segments(tmp_path / "out")[0].read_bytes()
    judge = CountingJudge()
    outcome = stub_scan(tmp_path / "out", *sources, judge=judge)
    assert (outcome.new, judge.asked) == (0, [])
    assert segments(tmp_path / "out")[0].read_bytes() == before


@pytest.mark.parametrize("threads", [1, 5])
def test_two_runs_and_any_number_of_threads_write_the_same_bytes(threads: int, tmp_path: Path) -> None:
    sources = make_archive(tmp_path, 36)
    stub_scan(tmp_path / "one", *sources)
    stub_scan(tmp_path / "two", *sources, threads=threads, readers=threads)
    assert segments(tmp_path / "one")[0].read_bytes() == segments(tmp_path / "two")[0].read_bytes()


class SlowFirst:
    """The first photo takes longest."""

    def judge(self, item: Input, data: bytes, sha256: str) -> Record:
        time.sleep(0.2 if item.path == "0" else 0)
        return failed(item.source, item.path, "corrupt", "for the test", sha256=sha256, size=len(data))


def opened(folder: Path) -> Journal:
    return Journal(folder, sync_seconds=1, segment_bytes=1 << 20)


def test_queues_are_bounded_and_order_is_kept(tmp_path: Path) -> None:
    drawn, written, ahead = 0, 0, 0

    def inputs() -> Iterator[Input]:
        nonlocal drawn, ahead
        for number in range(200):
            drawn += 1
            ahead = max(ahead, drawn - written)
            yield Input("/x", str(number), lambda number=number: b"%d" % number)  # type: ignore[misc]

    def on_record(_: Record) -> None:
        nonlocal written
        written += 1

    with opened(tmp_path) as journal:
        Pipeline(journal, SlowFirst(), workers=2, readers=3, on_record=on_record).run(inputs())
    assert [one.path for one in records(tmp_path)] == [str(number) for number in range(200)]
    assert ahead <= 2 + 3 + 2 * 2 + 2


def test_a_reader_that_fails_in_an_unforeseen_way_costs_one_input(tmp_path: Path) -> None:
    def broken() -> bytes:
        raise RuntimeError("never seen before")

    inputs = [Input("/x", "a", lambda: b"a"), Input("/x", "b", broken), Input("/x", "c", lambda: b"c")]
    with opened(tmp_path) as journal:
        Pipeline(journal, SlowFirst(), workers=1, readers=1).run(inputs)
    assert statuses(tmp_path) == {"a": "corrupt", "b": "internal-error", "c": "corrupt"}


def test_stopping_finishes_and_writes_what_is_in_flight(tmp_path: Path) -> None:
    stop = threading.Event()
    begun: list[str] = []

    def inputs() -> Iterator[Input]:
        for number in range(100):
            if number == 10:
                stop.set()
            begun.append(str(number))
            yield Input("/x", str(number), lambda number=number: b"%d" % number)  # type: ignore[misc]

    with opened(tmp_path) as journal:
        is_complete = Pipeline(journal, SlowFirst(), workers=2, readers=2, stop=stop).run(inputs())
    assert not is_complete
    assert [one.path for one in records(tmp_path)] == begun[:-1]


def test_an_input_that_comes_twice_has_one_record(tmp_path: Path) -> None:
    twice = [Input("/x", "a", lambda: b"a"), Input("/x", "a", lambda: b"a"), Input("/x/", "a", lambda: b"a")]
    with opened(tmp_path) as journal:
        Pipeline(journal, SlowFirst(), workers=1, readers=1).run(twice)
    assert len(list(records(tmp_path))) == 1
