"""Splits keep their promises over any sequence of versions, and are as even as groups allow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from datasets.facts import PhotoFacts
from datasets.grouping import group_names, grouped
from datasets.labels import Box, LabelledPhoto, Split
from datasets.parts import assign_parts
from datasets.photo_table import PARTS, PhotoTable
from datasets.settings import GroupSettings, SplitSettings
from datasets.store import SourceRecord

WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Item:
    """A photo as a test describes it; `content` is its identity."""

    content: int
    group: str = ""
    shows: tuple[str, ...] = ()
    source: str = "near"
    proposed: Split | None = None


def parts_of(
    items: list[Item], promises: dict[bytes, int] | None = None, settings: SplitSettings | None = None
) -> dict[int, Split]:
    table = PhotoTable()
    for item in items:
        boxes = tuple(Box(category, WHOLE) for category in item.shows)
        photo = LabelledPhoto(item.source, Path("x"), boxes, group=item.group, split=item.proposed)
        about = SourceRecord(name=item.source, licence="", attribution="", origin="", held_out=item.source == "far")
        table.add(photo, PhotoFacts(digest(item.content).hex(), 1, fingerprint=bytes(32)), about)
    groups = grouped(table, [], GroupSettings())
    roots = groups.roots()
    parts = assign_parts(table, roots, group_names(table, roots), promises or {}, settings or SplitSettings())
    return {item.content: PARTS[code] for item, code in zip(items, parts.tolist(), strict=True)}


def digest(content: int) -> bytes:
    return hashlib.sha256(str(content).encode()).digest()


def promised(parts: dict[int, Split]) -> dict[bytes, int]:
    return {digest(content): PARTS.index(part) for content, part in parts.items()}


items = st.builds(
    Item,
    content=st.integers(0, 25),
    group=st.sampled_from(["", "", "g1", "g2", "g3", "g4"]),
    shows=st.sets(st.sampled_from(["bin", "rare"])).map(lambda shown: tuple(sorted(shown))),
    source=st.sampled_from(["near", "near", "near", "far"]),
    proposed=st.sampled_from([None, None, None, "train", "val", "test"]),
)
versions = st.lists(
    st.tuples(st.lists(items, min_size=1, max_size=12, unique_by=lambda i: i.content), st.integers(0, 3)),
    min_size=2,
    max_size=4,
)


@given(versions)
@settings_of_hypothesis(max_examples=60)
def test_over_any_sequence_of_versions_nothing_leaves_test_and_no_group_parts(
    history: list[tuple[list[Item], int]],
) -> None:
    """Photos come, go, come back, are relabelled, regrouped and proposed elsewhere; seeds change."""
    promises: dict[bytes, int] = {}
    for photos, seed in history:
        settings = SplitSettings(val_fraction=0.3, test_fraction=0.3, seed=seed)
        parts = parts_of(photos, promises, settings)
        for photo in photos:
            before = promises.get(digest(photo.content), -1)
            assert PARTS.index(parts[photo.content]) >= before  # train -> val -> test, never back
            assert photo.source != "far" or parts[photo.content] == "test"
        together: dict[tuple[str, str], set[Split]] = {}
        for photo in photos:
            if photo.group:
                together.setdefault((photo.source, photo.group), set()).add(parts[photo.content])
        assert all(len(found) == 1 for found in together.values())
        promises = promises | promised(parts)


def test_a_new_photo_that_belongs_with_a_test_photo_goes_to_test() -> None:
    first = {1: "test", 2: "val", 3: "train"}
    items = [Item(1, "a"), Item(2, "b"), Item(3, "c"), Item(4, "a"), Item(5, "b"), Item(6, "c")]
    after = parts_of(items, promised(first))  # type: ignore[arg-type]
    assert after == {1: "test", 2: "val", 3: "train", 4: "test", 5: "val", 6: "train"}


def test_a_photo_that_joins_two_groups_takes_the_stricter_part_for_all() -> None:
    promises = promised({1: "test", 2: "train", 3: "val"})
    assert set(parts_of([Item(1, "a"), Item(2, "a"), Item(3, "a")], promises).values()) == {"test"}


def test_adding_photos_moves_no_old_one() -> None:
    old = [Item(i, f"g{i // 3}", ("bin",) if i % 2 else ("rare",)) for i in range(300)]
    before = parts_of(old)
    after = parts_of([*old, *(Item(1000 + i, f"n{i // 2}", ("bin",)) for i in range(200))], promised(before))
    assert {content: after[content] for content in before} == before
    new = [after[1000 + i] for i in range(200)]
    assert [new.count(part) / 200 for part in ("val", "test")] == pytest.approx([0.15, 0.15], abs=0.011)


def test_proposed_splits_and_held_out_sources_are_honoured_and_not_made_up_for() -> None:
    proposed = [Item(i, shows=("bin",), proposed="train") for i in range(100)]
    free = [Item(1000 + i, shows=("bin",)) for i in range(100)]
    far = [Item(5000 + i, shows=("bin",), source="far") for i in range(50)]
    parts = parts_of([*proposed, *free, *far])
    assert {parts[i] for i in range(100)} == {"train"}
    assert {parts[5000 + i] for i in range(50)} == {"test"}
    assert sum(parts[1000 + i] == "test" for i in range(100)) == 15
    ignored = parts_of(proposed, settings=SplitSettings(proposed=False))
    assert set(ignored.values()) == {"train", "val", "test"}


def test_every_category_gets_its_share_the_rare_ones_too() -> None:
    rng = np.random.default_rng(3)
    frequency = {"common": 0.5, "seldom": 0.05, "rare": 0.01}
    items = [
        Item(
            content=i,
            group=f"g{i // int(rng.integers(1, 6))}",
            shows=tuple(name for name, share in frequency.items() if rng.random() < share),
        )
        for i in range(4000)
    ]
    parts = parts_of(items)
    for name in frequency:
        holders = [item.content for item in items if name in item.shows]
        for part in ("val", "test"):
            share = sum(parts[content] == part for content in holders) / len(holders)
            assert share == pytest.approx(0.15, abs=max(0.01, 0.6 / len(holders)))


def test_the_order_of_photos_and_sources_does_not_matter_but_the_seed_does() -> None:
    items = [Item(i, f"g{i // 2}", ("bin",), "near" if i % 4 < 2 else "other") for i in range(80)]
    parts = parts_of(items)
    assert parts_of(items[::-1]) == parts
    assert parts_of(items, settings=SplitSettings(seed=1)) != parts


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.2)])
def test_a_part_that_nobody_wants_stays_empty(val: float, test: float) -> None:
    settings = SplitSettings(val_fraction=val, test_fraction=test)
    parts = list(parts_of([Item(i, shows=("bin",)) for i in range(50)], settings=settings).values())
    assert (parts.count("val"), parts.count("test")) == (50 * val, 50 * test)
