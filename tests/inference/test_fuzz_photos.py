from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.fuzz_photos import fuzz, read, seed_files
from benchmarks.mutations import mended_png, mutant
from inference.photo import read_photo
from inference.printer import Printer
from tests import photos

ROOT = Path(__file__).resolve().parents[2]
FILES = {f"file-{number}": bytes([number]) * 100 for number in range(4)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return seed_files(tmp_path_factory.mktemp("none") / "there")


class TestMutants:
    def test_a_number_always_makes_the_same_file(self, files: dict[str, bytes]) -> None:
        first, again, other = mutant(files, 7, 5), mutant(files, 7, 5), mutant(files, 8, 5)
        assert first == again
        assert first.origin == other.origin
        assert first.data != other.data

    def test_every_encoding_is_broken_in_every_way(self, files: dict[str, bytes]) -> None:
        several = [mutant(files, 7, index) for index in range(200)]
        assert {each.origin for each in several} == set(files)
        changes = {change for each in several for change in each.changes}
        assert changes >= {"flip-bits", "overwrite", "number", "delete", "repeat", "swap", "truncate", "splice"}
        assert "mend-checksums" in changes
        assert sum(each.data != files[each.origin] for each in several) > 190

    def test_mended_checksums_get_changes_past_the_check(self) -> None:
        data = bytearray(photos.encode(photos.scene(), "png"))
        data[16 + 3] += 1  # one column more than there is data for
        with pytest.raises(Exception, match="checksum"):
            read_photo(bytes(data), target_side=64)
        with pytest.raises(Exception, match="PNG") as raised:
            read_photo(mended_png(bytes(data)), target_side=64)
        assert "checksum" not in str(raised.value)


def test_whole_files_are_read(files: dict[str, bytes]) -> None:
    assert {read(data) for data in files.values()} == {"read"}


@pytest.mark.filterwarnings("ignore")
def test_broken_ones_are_refused_or_read_in_part(files: dict[str, bytes]) -> None:
    for index in range(400):
        assert read(mutant(files, 11, index).data)


def dies(data: bytes) -> str:
    if data[:1] == b"\1":
        os._exit(3)
    return "read"


def stalls(data: bytes) -> str:
    time.sleep(60 if data[:1] == b"\2" else 0)
    return "read"


def raises(data: bytes) -> str:
    if data[:1] == b"\3":
        raise KeyError("surprise")
    return "read"


@pytest.mark.parametrize(
    ("reader", "said"), [(dies, "kills the process (exit code 3)"), (raises, "KeyError: 'surprise'")]
)
def test_what_goes_wrong_is_found_and_gone_past(reader: object, said: str) -> None:
    tally = fuzz(FILES, 7, 12, 30, Printer(), reader)  # type: ignore[arg-type]
    assert sum(tally.counts.values()) == 12
    assert tally.findings
    assert all(said in finding.what for finding in tally.findings)
    assert tally.counts["read"] == 12 - len(tally.findings)


def test_who_takes_too_long_is_ended() -> None:
    tally = fuzz(FILES, 7, 4, 1, Printer(), stalls)
    assert sum(tally.counts.values()) == 4
    assert tally.counts["takes longer than 1 s"] == len(tally.findings) > 0


def test_the_command() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz_photos", "--inputs", "60", "--server-share", "0.1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert sum(report["read"].values()) == 60
    assert sum(report["requests"].values()) == 6
    assert report["findings"] == []
    assert report["bomb"]["mib"] < 20
