"""The index against a dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.scan.index import Index, Table

KEYS = st.integers(1, 2**64 - 1)


@given(st.lists(st.tuples(KEYS | st.integers(1, 40), st.integers(0, 2**60)), max_size=200))
def test_a_table_is_a_dictionary_that_keeps_the_first(pairs: list[tuple[int, int]]) -> None:
    table, wanted = Table(has_values=True, slots=4), dict[int, int]()
    for key, value in pairs:
        assert table.add(key, value) == (key not in wanted)
        wanted.setdefault(key, value)
    assert len(table) == len(wanted)
    assert {key: table.get(key) for key in wanted} == wanted
    assert table.get(2**63 + 12_345) == wanted.get(2**63 + 12_345)


def test_places_and_contents_are_found_again() -> None:
    index = Index()
    assert index.add_place("/a/路口.jpg")
    assert not index.add_place("/a/路口.jpg")
    assert index.add_place("/a/\udcd5.jpg")
    index.add_content("ab" * 32, 77)
    index.add_content("ab" * 32, 99)
    assert index.position("ab" * 32) == 77
    assert index.position("cd" * 32) is None
    assert len(index) == 2
