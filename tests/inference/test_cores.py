"""How many cores a process counts on."""

from __future__ import annotations

import os

import pytest

from inference.cores import cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds processes to cores")
def test_a_bound_process_counts_its_own_cores() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("machine", "expected"), [(6, 6), (None, 1)])
def test_where_the_system_binds_no_process(monkeypatch: pytest.MonkeyPatch, machine: int | None, expected: int) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    assert cores() == expected
