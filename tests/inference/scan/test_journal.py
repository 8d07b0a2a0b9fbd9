"""The journal: torn lines, locks, segments, damage, and what `validate` sees."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import jsonschema
import pytest

from inference.scan.inputs import ScanFailureCode
from inference.scan.journal import BusyError, Journal, JournalError, records, segments, validate
from inference.scan.record import SCHEMA_FILE, Record, copied, failed, json_schema, parse

MIB = 1024 * 1024


def digest(number: int) -> str:
    return f"{number:02x}" * 32


def record(number: int, *, sha256: str | None = None, code: ScanFailureCode = "corrupt") -> Record:
    return failed("/照片", f"路口 {number}.jpg", code, "for the test", sha256=sha256 or digest(number), size=number)


def opened(folder: Path, segment_bytes: int = MIB) -> Journal:
    return Journal(folder, sync_seconds=1, segment_bytes=segment_bytes)


def write(folder: Path, *numbers: int) -> None:
    with opened(folder) as journal:
        for number in numbers:
            journal.append(record(number))


def paths(folder: Path) -> list[str]:
    return [one.path for one in records(folder)]


LAST_LINE = record(3).line()


@pytest.mark.parametrize("length", range(len(LAST_LINE)))
def test_a_last_line_torn_at_any_byte_is_cut_and_written_again(length: int, tmp_path: Path) -> None:
    whole = record(1).line() + record(2).line()
    (tmp_path / "records-00001.jsonl").write_bytes(whole + LAST_LINE[:length])
    assert paths(tmp_path) == ["路口 1.jpg", "路口 2.jpg"]  # a reader beside the scan sees the whole lines
    with opened(tmp_path) as journal:
        assert len(journal) == 2
        assert not journal.index.add_place("/照片/路口 2.jpg")
        assert journal.index.add_place("/照片/路口 3.jpg")
        journal.append(record(3))
    assert segments(tmp_path)[0].read_bytes() == whole + LAST_LINE


def test_a_file_of_nothing_but_a_torn_line_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "records-00001.jsonl").write_bytes(b"x" * 200_000)
    with opened(tmp_path) as journal:
        assert len(journal) == 0
    assert segments(tmp_path)[0].read_bytes() == b""


@pytest.mark.parametrize("damage", [b"{}", b"no json", b'{"source": 3}', b"\0" * 50])
def test_damage_in_the_middle_is_never_cut(damage: bytes, tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    path = segments(tmp_path)[0]
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + damage + b"\n" + second)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"records-00001\.jsonl:2: is no record"):
        opened(tmp_path)
    with pytest.raises(JournalError, match=r"records-00001\.jsonl:2: is no record"):
        list(records(tmp_path))
    assert path.read_bytes() == before
    assert [mistake.split(":")[1] for mistake in validate(tmp_path).mistakes] == ["2"]


def test_two_cannot_write_into_one_folder(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(BusyError, match="another scan writes there now"):
        opened(tmp_path)
    with opened(tmp_path) as journal:
        assert len(journal) == 0


def test_a_journal_that_is_refused_lets_the_lock_go(tmp_path: Path) -> None:
    (tmp_path / "records-00001.jsonl").write_bytes(b"no json\n")
    for _ in range(2):
        with pytest.raises(JournalError, match="is no record"):
            opened(tmp_path)


def test_records_go_on_in_the_next_file(tmp_path: Path) -> None:
    with opened(tmp_path, 1000) as journal:
        for number in range(10):
            journal.append(record(number))
            found = journal.first_of(digest(number))
            assert found == record(number)
    assert len(segments(tmp_path)) > 2
    with opened(tmp_path, 1000) as journal:
        assert len(journal) == 10
        assert [journal.first_of(digest(number)) for number in range(10)] == [record(n) for n in range(10)]
        journal.append(record(10))
    assert paths(tmp_path) == [f"路口 {number}.jpg" for number in range(11)]


def test_a_torn_line_in_an_earlier_file_is_damage(tmp_path: Path) -> None:
    with opened(tmp_path, 1000) as journal:
        for number in range(10):
            journal.append(record(number))
    first = segments(tmp_path)[0]
    first.write_bytes(first.read_bytes()[:-5])
    with pytest.raises(JournalError, match="records-00001"):
        opened(tmp_path)


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_some = os.write

    def full(descriptor: int, data: memoryview) -> int:
        write_some(descriptor, data[:40])
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as journal:
        journal.append(record(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(JournalError, match=r"No space left on device.*run the same command again"):
                journal.append(record(2))
        journal.append(record(3))
    assert paths(tmp_path) == ["路口 1.jpg", "路口 3.jpg"]


def test_our_own_faults_speak_for_no_other_input(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append(record(1, sha256="a" * 64, code="internal-error"))
        assert journal.first_of("a" * 64) is None
    with opened(tmp_path) as journal:
        assert journal.first_of("a" * 64) is None


def test_validate_counts_and_finds_second_records(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    assert validate(tmp_path).records == 2
    assert not validate(tmp_path).mistakes
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes() + record(1).line())
    [mistake] = validate(tmp_path).mistakes
    assert mistake.endswith("a second record of /照片/路口 1.jpg")


def test_a_folder_without_records_is_no_scan(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="holds no scan"):
        validate(tmp_path)


def test_the_shipped_schema_is_that_of_the_records() -> None:
    shipped = json.loads(SCHEMA_FILE.read_text("utf-8"))
    assert shipped == json_schema()
    jsonschema.Draft202012Validator.check_schema(shipped)
    jsonschema.validate(json.loads(record(1).line()), shipped)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"status": "fine"}, shipped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "ok"}, "status is ok, but failure is"),
        ({"failure": None}, "status is failed, but failure is None"),
        ({"verdict": "issue"}, "verdict is issue"),
        ({"sha256": "short"}, "sha256"),
        ({"latitude": 91}, "latitude"),
        ({"schema_version": 2}, "schema_version"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(change: dict[str, object], message: str) -> None:
    line = json.dumps({**json.loads(record(1).line()), **change}).encode()
    with pytest.raises(ValueError, match=message):
        parse(line)


def test_a_copy_of_a_copy_names_the_first() -> None:
    second = copied(record(1), "/照片", "b.jpg")
    assert copied(second, "/照片", "c.jpg").same_as == "/照片/路口 1.jpg"
