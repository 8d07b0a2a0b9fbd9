"""Frozen versions, from the command line: immutable, named by their content, verified, explained."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from datasets.errors import LabelError
from datasets.freeze import FreezeOptions, Frozen, freeze
from datasets.labels import LabelledPhoto
from datasets.rows import photo_path
from datasets.settings import SplitSettings
from datasets.store import LabelStore
from datasets.versions import Version, Versions
from inference.categories import load_catalogue
from inference.cli import app
from tests import photos
from tests.datasets.stores import fill, labelled, located, picture, shown_by, some_store, write_photos

CATALOGUE = load_catalogue()
RUNNER = CliRunner()


def patrol(*arguments: object, expect: int = 0) -> Result:
    done = RUNNER.invoke(app, ["data", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done


def document(*arguments: object, expect: int = 0) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(patrol(*arguments, "--json", expect=expect).stdout)
    return value


def frozen(store: LabelStore, name: str, options: FreezeOptions | None = None) -> Frozen:
    return freeze(store, name, options or FreezeOptions(), CATALOGUE)


def based(store: LabelStore, name: str, base: Version, **split: Any) -> Version:
    return frozen(store, name, FreezeOptions(base=base, split=SplitSettings(**split))).version


def splits(version: Version) -> dict[str, str | None]:
    return {row.photo.key: row.photo.split for row in version.photos()}


def test_a_version_is_frozen_listed_shown_and_never_changed(tmp_path: Path) -> None:
    store = some_store(tmp_path)
    made = document("freeze", "may", "--data", store.root)
    assert (made["photos"], made["read"], made["same_as"]) == (60, 60, [])
    folder = Path(made["folder"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.md",
        "joins.jsonl",
        "manifest.jsonl",
        "protected.jsonl",
        "version.json",
    ]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in folder.iterdir())
    again = patrol("freeze", "may", "--data", store.root, expect=2)
    assert "frozen already and never changes" in again.output
    assert [v["name"] for v in document("show", "--data", store.root)["versions"]] == ["may"]
    assert document("show", made["id"][:8], "--data", store.root)["photos"] == 60  # by id, as a model package names it
    assert "waste_bin" in patrol("show", "may", "--data", store.root).stdout
    assert [path.name for path in store.versions_folder.iterdir()] == ["may"]


def test_the_id_follows_from_content_not_from_place_time_or_order(tmp_path: Path) -> None:
    def store_of(place: str, order: Iterable[int]) -> LabelStore:
        store = LabelStore(tmp_path / place / "data")
        for source in order:
            paths = write_photos(tmp_path / place / f"s{source}", range(source * 20, source * 20 + 20))
            for path in paths:
                os.utime(path, (source, source))
            fill(store, f"s{source}", (labelled(p, "", shown_by(i)) for i, p in enumerate(paths)))
        return store

    here, there = store_of("here", [0, 1, 2]), store_of("there", [2, 0, 1])
    first = frozen(here, "a").version
    assert frozen(there, "b").version.record.id == first.record.id
    again = frozen(here, "c", FreezeOptions(base=first))
    assert again.version.record.id == first.record.id
    assert again.same_as == ("a",)
    assert (again.version.folder / "manifest.jsonl").read_bytes() == (first.folder / "manifest.jsonl").read_bytes()
    other = frozen(here, "d", FreezeOptions(split=SplitSettings(seed=9)))
    assert other.version.record.id != first.record.id


def test_only_new_and_changed_photos_are_read_again(tmp_path: Path) -> None:
    store = some_store(tmp_path, 200)
    first = frozen(store, "a")
    assert first.read == 200
    paths = write_photos(tmp_path / "photos" / "street", range(300))
    paths[7].write_bytes(picture(7777))
    fill(store, "street", (labelled(p, "street", shown_by(i)) for i, p in enumerate(paths)))
    second = frozen(store, "b", FreezeOptions(base=first.version))
    assert second.read == 101
    assert frozen(store, "c").read == 0
    store.cache_folder.joinpath("photos.sqlite").unlink()
    assert frozen(store, "d").version.record.photos == 300  # losing the cache costs time alone


def test_parts_are_kept_from_the_base_version(tmp_path: Path) -> None:
    store = some_store(tmp_path, 100)
    first = frozen(store, "a").version
    paths = write_photos(tmp_path / "photos" / "street", range(150))
    renamed = paths[0].rename(paths[0].with_name("renamed.png"))
    changed = [labelled(p, "street", shown_by(i + 1)) for i, p in enumerate([renamed, *paths[1:]])]  # and relabelled
    fill(store, "street", changed)
    second = based(store, "b", first, seed=5)
    before, after = splits(first), splits(second)
    before["street/renamed.png"] = before.pop("street/000000.png")
    assert {key: after[key] for key in before} == before
    assert second.record.base is not None
    assert second.record.base.id == first.record.id


def test_a_test_photo_that_went_and_came_back_is_a_test_photo_still(tmp_path: Path) -> None:
    store = some_store(tmp_path, 60)
    versions = [frozen(store, "v0").version]
    tested = {key for key, part in splits(versions[0]).items() if part == "test"}
    everything = list(store.photos("street"))
    fill(store, "street", [p for p in everything if p.key not in tested])
    versions.append(based(store, "v1", versions[-1]))
    versions.append(based(store, "v2", versions[-1], test_fraction=0.0))
    fill(store, "street", everything)
    versions.append(based(store, "v3", versions[-1], test_fraction=0.0))
    after = splits(versions[-1])
    assert {after[key] for key in tested} == {"test"}
    assert len(list(versions[1].protected())) == len(tested)
    assert list(versions[3].protected()) == []


def test_the_newest_version_is_the_base_unless_told_otherwise(tmp_path: Path) -> None:
    store = some_store(tmp_path, 40)
    for name in ("a", "b"):
        patrol("freeze", name, "--data", store.root)
    assert document("show", "b", "--data", store.root)["base"]["name"] == "a"
    patrol("freeze", "c", "--base", "a", "--data", store.root)
    assert document("show", "c", "--data", store.root)["base"]["name"] == "a"
    patrol("freeze", "d", "--base", "none", "--data", store.root)
    assert document("show", "d", "--data", store.root)["base"] is None
    assert "there are: a (" in patrol("freeze", "e", "--base", "x", "--data", store.root, expect=2).output


def test_missing_and_changed_photos_are_named(tmp_path: Path) -> None:
    store = some_store(tmp_path)
    patrol("freeze", "a", "--data", store.root)
    assert "全部相符" in patrol("verify", "a", "--data", store.root).output
    folder = tmp_path / "photos" / "street"
    (folder / "000003.png").unlink()
    before = (folder / "000004.png").stat()
    swapped = picture(4).replace(picture(4)[-20:-12], b"\0" * 8)  # same size, same time
    (folder / "000004.png").write_bytes(swapped)
    os.utime(folder / "000004.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    problems = document("verify", "a", "--data", store.root, expect=1)["problems"]
    assert [p.split(":")[0] for p in problems] == ["street/000003.png", "street/000004.png"]
    assert "missing" in problems[0]
    assert "changed since it was frozen" in problems[1]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("manifest.jsonl", '"split":"test"', '"split":"train"'),
        ("manifest.jsonl", '"waste_bin",0.0', '"street_vendor",0.0'),
        ("version.json", '"seed": 0', '"seed": 1'),
        ("protected.jsonl", "", "\n"),
        ("card.md", "CC0", "CC1"),
    ],
)
def test_tampering_is_noticed_and_no_base_to_start_from(tmp_path: Path, name: str, old: str, new: str) -> None:
    store = some_store(tmp_path)
    path = frozen(store, "a").version.folder / name
    path.chmod(0o644)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    assert document("verify", "a", "--data", store.root, expect=1)["problems"]
    assert "cannot start from this version" in patrol("freeze", "b", "--data", store.root, expect=2).output


def test_photos_that_cannot_be_read_stop_the_freeze_or_are_left_out(tmp_path: Path) -> None:
    store = some_store(tmp_path, 20)
    folder = tmp_path / "photos" / "street"
    (folder / "000003.png").unlink()
    (folder / "000004.png").write_bytes(b"<html>not found</html>")
    refused = patrol("freeze", "a", "--data", store.root, expect=2)
    assert "street/000003.png: the photo is missing" in refused.output
    assert "street/000004.png: the file is a web page" in refused.output
    assert not list(store.versions_folder.glob("*"))
    made = document("freeze", "a", "--data", store.root, "--leave-out-faulty", expect=1)
    assert made["photos"] == 18
    assert "street/000003.png" in (Path(made["folder"]) / "card.md").read_text(encoding="utf-8")


def test_licences_and_sources_can_be_left_out_and_the_rest_is_flagged(tmp_path: Path) -> None:
    store = some_store(tmp_path, 20)
    paths = write_photos(tmp_path / "photos" / "web", range(500, 510))
    fill(store, "web", (labelled(p, "web", ["waste_bin"]) for p in paths), licence="NO LICENCE STATED", notes="Found.")
    done = patrol("freeze", "all", "--data", store.root)
    assert "未声明许可的来源 / sources with no licence stated: web" in done.stderr
    card = (store.versions_folder / "all" / "card.md").read_text(encoding="utf-8")
    assert "sources with NO licence stated:** `web`" in card
    free = document("freeze", "free", "--data", store.root, "--licences-allowed", "cc0, CC BY")
    assert free["left_out"] == ["web: licence not allowed: NO LICENCE STATED"]
    one = document("freeze", "one", "--data", store.root, "--sources", "web")
    assert one["photos"] == 10
    assert "was never imported" in patrol("freeze", "x", "--data", store.root, "--sources", "wep", expect=2).output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["../x"], "is no name for a version"),
        (["a/b"], "is no name for a version"),
        (["x", "--val-fraction", "0.7", "--test-fraction", "0.5"], "nothing is left for training"),
        (["x", "--near-bits", "300"], "near_duplicate_bits: Input should be less than or equal to 256"),
    ],
)
def test_bad_options_are_explained(tmp_path: Path, arguments: list[str], says: str) -> None:
    store = some_store(tmp_path, 4)
    assert says in patrol("freeze", *arguments, "--data", store.root, expect=2).output
    assert not store.versions_folder.exists()


def test_chinese_names_are_names(tmp_path: Path) -> None:
    store = some_store(tmp_path, 4)
    assert document("freeze", "五月-1", "--data", store.root)["name"] == "五月-1"


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    assert "import first" in patrol("freeze", "a", "--data", tmp_path / "none", expect=2).output


def test_a_store_that_changes_meanwhile_gives_no_version(tmp_path: Path) -> None:
    store = some_store(tmp_path, 20)

    def import_again() -> None:
        before = list(store.photos("street"))
        fill(store, "street", [labelled(p.path, "street", ["waste_bin"]) for p in before])

    with pytest.raises(LabelError, match="labels were imported meanwhile; freeze again"):
        freeze(store, "a", FreezeOptions(), CATALOGUE, import_again)
    assert list(store.versions_folder.iterdir()) == []


def test_a_group_is_explained(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "data")
    folder = tmp_path / "photos"
    folder.mkdir()
    files = {
        "a.jpg": located(1, "2026:05:06 07:00:00", (52.0, 4.0)),
        "b.jpg": located(2, "2026:05:06 07:00:20", (53.0, 4.0)),
        "c.jpg": located(3, "2026:05:07 07:00:00", (53.0003, 4.0)),
        "d.jpg": located(4, "2026:05:08 07:00:00", (54.0, 4.0)),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    fill(store, "s", [labelled(folder / name, "s") for name in files])
    patrol("freeze", "v", "--data", store.root)
    found = document("show", "v", "--group", "s/c.jpg", "--data", store.root)
    assert [photo["key"] for photo in found["photos"]] == ["s/a.jpg", "s/b.jpg", "s/c.jpg"]
    reasons = {(j["first"], j["second"]): j["reason"] for j in found["joins"]}
    assert reasons == {("s/b.jpg", "s/c.jpg"): "same-place", ("s/a.jpg", "s/b.jpg"): "burst"}
    text = patrol("show", "v", "--group", found["group"], "--data", store.root).stdout
    assert "33.36 m" in text
    assert "20 s" in text
    assert "唯一" not in text
    assert "只有这一张" in patrol("show", "v", "--group", "s/d.jpg", "--data", store.root).stdout
    assert "no photo or group 'x'" in patrol("show", "v", "--group", "x", "--data", store.root, expect=2).output


def test_crops_and_mirrored_copies_stay_with_their_original(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "data")
    rgb = photos.noisy_scene(640, 480)
    copies = {
        "original": rgb,
        "mirrored": np.ascontiguousarray(rgb[:, ::-1]),
        "cropped": np.ascontiguousarray(rgb[30:, 40:]),
    }
    for name, pixels in copies.items():
        (tmp_path / f"{name}.jpg").write_bytes(photos.encode(pixels, "jpeg"))
    fill(store, "s", [labelled(tmp_path / f"{name}.jpg", "s") for name in copies])
    patrol("freeze", "v", "--data", store.root)
    found = document("show", "v", "--group", "s/mirrored.jpg", "--data", store.root)
    assert len(found["photos"]) == 3
    assert "altered-copy" in {join["reason"] for join in found["joins"]}
    hashes = document("freeze", "w", "--data", store.root, "--no-scenes", "--base", "none")
    assert Versions(store.versions_folder).find("w").record.groups > 1
    assert "perceptual hash alone" in (Path(hashes["folder"]) / "card.md").read_text(encoding="utf-8")


def test_a_difference_names_what_changed(tmp_path: Path) -> None:
    store = some_store(tmp_path, 30)
    patrol("freeze", "a", "--data", store.root)
    before = {p.key: p for p in store.photos("street")}
    paths = write_photos(tmp_path / "photos" / "street", range(30, 32))
    changed = labelled(before["street/000005.png"].path, "street", ["waste_bin", "street_vendor"])
    kept = [p for key, p in before.items() if key not in {"street/000004.png", "street/000005.png"}]
    fill(store, "street", [*kept, changed, *(labelled(p, "street", ["street_vendor"]) for p in paths)])
    patrol("freeze", "b", "--data", store.root)
    found = document("diff", "a", "b", "--data", store.root)
    assert [key for keys in found["added"].values() for key in keys] == ["street/000030.png", "street/000031.png"]
    assert [key for keys in found["removed"].values() for key in keys] == ["street/000004.png"]
    assert found["relabelled"] == ["street/000005.png"]
    assert found["moved"] == found["broken_promises"] == []
    assert found["boxes"]["street_vendor"] == [2, 5]
    text = patrol("diff", "a", "b", "--data", store.root).stdout
    assert "2 → 5 (+3)" in text
    assert "no photo left test" in text


def test_a_version_that_breaks_the_promise_is_found_out(tmp_path: Path) -> None:
    store = some_store(tmp_path, 40)
    patrol("freeze", "a", "--data", store.root)
    patrol("freeze", "b", "--data", store.root, "--base", "none", "--seed", "3")
    done = patrol("diff", "a", "b", "--data", store.root, expect=1)
    assert "moved out of test or val" in done.stdout


def test_the_card_counts_and_names_what_is_missing(tmp_path: Path) -> None:
    store = some_store(tmp_path, 60)
    version = frozen(store, "v").version
    card = (version.folder / "card.md").read_text(encoding="utf-8")
    tally = version.tally
    waste = [tally.of(tally.shown, "waste_bin", part) for part in ("train", "val", "test")]
    negatives = [tally.of(tally.absent, "waste_bin", part) for part in ("train", "val", "test")]
    cells = " | ".join(f"{n} / {n} / {absent}" for n, absent in zip(waste, negatives, strict=True))
    assert f"| 垃圾桶 `waste_bin` | {cells} | 20 / 20 / 40 |" in card
    assert "飞线/杂乱线缆 `overhead_cable_mess`" in card.split("no box in the training part")[1].splitlines()[0]
    assert "| street |" in card
    assert "CC0 | me |" in card


def test_the_cache_is_one_small_table(tmp_path: Path) -> None:
    store = some_store(tmp_path, 10)
    frozen(store, "v")
    with sqlite3.connect(store.cache_folder / "photos.sqlite") as db:
        assert db.execute("SELECT count(*) FROM photos").fetchone() == (10,)
    db.close()


def test_a_password_in_a_url_is_refused(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "data")
    fill(store, "s", [LabelledPhoto("s", photo_path("s3://key:secret@bucket/x.jpg"), name="x.jpg")])
    with pytest.raises(LabelError, match="holds a password") as error:
        frozen(store, "v")
    assert "secret" not in str(error.value)


def test_versions_are_found_oldest_first(tmp_path: Path) -> None:
    store = some_store(tmp_path, 4)
    for name in ("z", "a"):
        frozen(store, name)
    assert Versions(store.versions_folder).names() == ["z", "a"]
