from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import OperationalError

from inference.feedback.writer import BackgroundWriter

OUTAGE = OperationalError("INSERT", {}, Exception("the server is gone"))


class Shelf:
    """Takes numbers; fails as long as it is told to."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.error: Exception | None = None
        self.poison: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def write(self, batch: Sequence[int]) -> None:
        self.gate.wait(10)
        if self.error is not None:
            raise self.error
        if self.poison & {*batch}:
            raise ValueError("cannot be written")
        self.taken += batch


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


def test_everything_is_written_in_order() -> None:
    shelf = Shelf()
    writer = BackgroundWriter("numbers", shelf.write, 10_000)
    for number in range(1000):
        writer.offer(number)
    assert writer.flush(10)
    assert shelf.taken == [*range(1000)]
    writer.close(10)
    assert (writer.lost, writer.waiting, writer.error) == (0, 0, None)


def test_an_outage_loses_nothing_that_the_buffer_holds() -> None:
    shelf = Shelf()
    shelf.error = OUTAGE
    writer = BackgroundWriter("numbers", shelf.write, 10)
    for number in range(25):
        writer.offer(number)
    until(lambda: writer.error is not None)
    assert (writer.lost, writer.waiting) == (15, 10)
    assert "the server is gone" in str(writer.error)
    shelf.error = None
    assert writer.flush(20)
    assert shelf.taken == [*range(10)]
    assert writer.error is None
    writer.close(10)


def test_one_item_that_is_refused_does_not_hold_up_the_others() -> None:
    shelf = Shelf()
    shelf.poison = {3}
    shelf.gate.clear()
    writer = BackgroundWriter("numbers", shelf.write, 100)
    for number in range(6):
        writer.offer(number)
    shelf.gate.set()
    assert writer.flush(10)
    assert shelf.taken == [0, 1, 2, 4, 5]
    assert writer.lost == 1
    writer.close(10)


def test_what_weighs_too_much_is_lost_at_once() -> None:
    shelf = Shelf()
    shelf.gate.clear()
    writer = BackgroundWriter("numbers", shelf.write, 10, weigh=lambda number: number)
    for number in (6, 5, 4):
        writer.offer(number)
    assert writer.lost == 1
    shelf.gate.set()
    writer.close(10)
    assert shelf.taken == [6, 4]


def test_closing_counts_what_could_not_be_written() -> None:
    shelf = Shelf()
    shelf.error = OUTAGE
    writer = BackgroundWriter("numbers", shelf.write, 10)
    writer.offer(1)
    writer.close(0.3)
    assert writer.lost == 1
    writer.offer(2)
    assert writer.lost == 2
