from __future__ import annotations

import pytest

from benchmarks.bomb import measure
from tests.bombs import bombs


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_before_it_unfolds(name: str) -> None:
    refusal = measure(name, bombs()[name], 2)
    assert refusal.code in ("too-many-pixels", "corrupt")
    assert refusal.memory_mb < 20
    assert refusal.milliseconds < 1000  # benchmarks/bomb.py measures it; decoding takes many seconds
