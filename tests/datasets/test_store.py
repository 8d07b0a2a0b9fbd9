"""Folders of the label store are replaced whole: whatever a killed process leaves behind, a complete one is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.labels import LabelledPhoto
from datasets.store import LabelStore, SourceRecord, replaced_folder

ABOUT = SourceRecord(name="north", licence="CC0", attribution="me", origin="x")
KILLED_AT_RENAME = """
import os, sys
from pathlib import Path
from datasets.store import replaced_folder

renames = 0
rename = Path.rename

def counted(self, target):
    global renames
    renames += 1
    if renames > int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    return rename(self, target)

Path.rename = counted
with replaced_folder(Path(sys.argv[1])) as folder:
    for name in ("source.json", "photos.jsonl", "faults.jsonl"):
        (folder / name).write_bytes((Path(sys.argv[1]) / name).read_bytes().replace(b'"me"', b'"you"'))
"""


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    store = LabelStore(tmp_path)
    store.write(ABOUT, [LabelledPhoto("north", tmp_path / "a.jpg")], [])
    return store


@pytest.mark.parametrize(("renames", "expected"), [(0, "me"), (1, "me"), (2, "you")])
def test_a_source_is_whole_whenever_its_replacement_was_killed(store: LabelStore, renames: int, expected: str) -> None:
    target = store.sources_folder / "north"
    command = [sys.executable, "-c", KILLED_AT_RENAME, str(target), str(renames)]
    done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109
    assert done.returncode == (0 if renames == 2 else -9)
    assert store.sources() == ["north"]
    assert store.about("north").attribution == expected
    assert [photo.key for photo in store.photos("north")] == ["north/a.jpg"]


def test_the_next_import_replaces_what_a_killed_one_left(store: LabelStore) -> None:
    target = store.sources_folder / "north"
    target.rename(target.with_name(".north-replaced"))
    store.write(ABOUT.model_copy(update={"attribution": "us"}), [], [])
    assert store.about("north").attribution == "us"
    assert not target.with_name(".north-replaced").exists()


def test_nothing_is_replaced_after_an_error(store: LabelStore) -> None:
    with pytest.raises(OSError, match="full"), replaced_folder(store.sources_folder / "north"):
        raise OSError("full")
    assert store.about("north").photos == 1
    assert sorted(path.name for path in store.sources_folder.iterdir()) == ["north"]
