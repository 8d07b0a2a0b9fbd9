"""What belongs together stays together, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from datasets.facts import PhotoFacts
from datasets.grouping import Groups, group_names, grouped, large_groups
from datasets.joins import Join
from datasets.labels import LabelledPhoto
from datasets.likeness import near_duplicates
from datasets.photo_table import PhotoTable
from datasets.settings import GroupSettings
from datasets.store import SourceRecord

PRINT = np.random.default_rng(0).integers(0, 256, (50, 32), dtype=np.uint8)


def record(name: str, series_block: int = 0) -> SourceRecord:
    return SourceRecord(name=name, licence="CC0", attribution="", origin="", series_block=series_block)


def table_of(*rows: Mapping[str, object], series_block: int = 0) -> PhotoTable:
    """Photos that have nothing in common but what the rows say."""
    table = PhotoTable()
    for number, row in enumerate(rows):
        source = str(row.get("source", "s"))
        photo = LabelledPhoto(
            source, Path("x"), group=str(row.get("group", "")), name=str(row.get("name", f"x{number}/p"))
        )
        facts = PhotoFacts(
            sha256=str(row.get("sha256", f"{number:012x}{0:052x}")),
            size=1,
            captured=row.get("captured"),  # type: ignore[arg-type]
            latitude=row.get("latitude"),  # type: ignore[arg-type]
            longitude=row.get("longitude"),  # type: ignore[arg-type]
            fingerprint=PRINT[int(str(row.get("look", number)))].tobytes(),
        )
        table.add(photo, facts, record(source, series_block))
    return table


def joins(table: PhotoTable, settings: GroupSettings | None = None) -> list[tuple[int, int, str]]:
    settings = settings or GroupSettings()
    alike = near_duplicates(table.prints(), settings.near_duplicate_bits)
    return [(j.first, j.second, j.reason) for j in grouped(table, alike, settings).joins()]


NOON = 12 * 3600


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"sha256": "f" * 64}, {"sha256": "f" * 64}, "same-content"),
        ({"group": "g"}, {"group": "g"}, "given"),
        ({"look": 7}, {"look": 7}, "near-duplicate"),
        ({"name": "pole_11.jpg"}, {"name": "pole_12.jpg"}, "series"),
        ({"latitude": 52.0, "longitude": 4.0}, {"latitude": 52.0003, "longitude": 4.0}, "same-place"),
        ({"captured": NOON}, {"captured": NOON + 30}, "burst"),
        ({"captured": NOON, "name": "a/i"}, {"captured": 2 * NOON - 1, "name": "a/j"}, "day-and-folder"),
        ({"group": "g", "source": "a"}, {"group": "g", "source": "b"}, None),
        ({"name": "a/pole_11.jpg"}, {"name": "b/pole_12.jpg"}, None),
        ({"name": "pole_19.jpg"}, {"name": "pole_20.jpg"}, None),
        ({"name": "a/morning"}, {"name": "a/evening"}, None),
        ({"latitude": 52.0, "longitude": 4.0}, {"latitude": 52.0006, "longitude": 4.0}, None),
        ({"captured": NOON}, {"captured": NOON + 31}, None),
        ({"captured": NOON, "source": "a"}, {"captured": NOON, "source": "b"}, None),
        ({"captured": NOON, "name": "a/i"}, {"captured": 3 * NOON, "name": "a/j"}, None),
    ],
)
def test_what_joins_two_photos(first: dict[str, object], second: dict[str, object], reason: str | None) -> None:
    expected = [] if reason is None else [(0, 1, reason)]
    assert joins(table_of(first, second, series_block=10)) == expected


def test_the_most_telling_reason_is_kept() -> None:
    both = {"look": 3, "captured": NOON, "group": "g"}
    assert joins(table_of(both, both)) == [(0, 1, "given")]


def test_joins_are_a_tree_that_reaches_every_photo_of_a_group() -> None:
    chain = table_of(*({"captured": NOON + 20 * i} for i in range(30)))
    found = joins(chain, GroupSettings(day_and_folder=False))
    assert len(found) == 29
    assert {i for first, second, _ in found for i in (first, second)} == set(range(30))


def test_a_runaway_chain_is_reported_with_its_reasons() -> None:
    table = table_of(*({"captured": NOON + 20 * i} for i in range(40)), {"look": 49}, {"look": 49, "captured": NOON})
    settings = GroupSettings(chain_photos=10, chain_share=0.5)
    groups = grouped(table, near_duplicates(table.prints(), 40), settings)
    roots = groups.roots()
    [large] = large_groups(groups, roots, group_names(table, roots), settings)
    assert large.photos == 42
    assert large.reasons == {"burst": 40, "near-duplicate": 1}
    assert large_groups(groups, roots, group_names(table, roots), GroupSettings()) == []  # too few to speak of


def test_names_follow_from_content_alone() -> None:
    def names(order: list[int]) -> set[str]:
        table = table_of(*({"sha256": f"{n:012x}{0:052x}", "group": "g" if n < 3 else ""} for n in order))
        groups = grouped(table, [], GroupSettings())
        return set(group_names(table, groups.roots()).values())

    assert names([0, 1, 2, 3]) == names([3, 1, 0, 2]) == {"g-0000000000000000", "g-0000000000030000"}


def test_near_duplicates_are_found_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = np.random.default_rng(1).integers(0, 256, (60, 32), dtype=np.uint8)
    prints[50] = prints[3]
    prints[50, 0] ^= 0b111
    expected = [Join(3, 50, "near-duplicate", 3.0)]
    assert list(near_duplicates(prints, 40)) == expected
    monkeypatch.setattr("datasets.likeness._COMPARED_AT_ONCE", 100)
    assert list(near_duplicates(prints, 40)) == expected


def test_an_empty_union_is_no_error() -> None:
    assert Groups(0).roots().tolist() == []
