"""What is exported is what officers meant, and what `patrol data import` takes."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from inference.categories import Catalogue
from inference.cli import app
from inference.feedback.confirm import confirm
from inference.feedback.database import Database
from inference.feedback.export import ExportFilter, export
from inference.feedback.kept_photos import Stores, file_name, keep
from inference.feedback.said import Said
from inference.feedback.store import add_records
from tests import photos
from tests.inference.feedback.making import audit, digest, photo

BIN, LITTER, AWNING = "overflowing_bin", "exposed_garbage", "illegal_awning"
BOX = [10.0, 20.0, 110.0, 220.0]
TWO = (photo(0, (BIN, 0.97, "prefill")), photo(1, (LITTER, 0.5, "suggest")))


def lines(database: Database, folder: Path, **wanted: Any) -> list[dict[str, Any]]:
    out = folder / "feedback.jsonl"
    export(database, ExportFilter(**wanted), out, None)
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def drawn(*categories: str) -> dict[str, Any]:
    return {"index": 0, "boxes": [{"category": category, "box": BOX} for category in categories]}


@pytest.mark.parametrize(
    ("shown", "said", "expected"),
    [
        # one photo: what holds for the case holds for it
        ((), {"categories": [BIN, AWNING]}, [([BIN, AWNING], [], [LITTER])]),
        # several: only where it was suggested, ...
        (TWO, {"categories": [BIN]}, [([BIN], [], [LITTER]), ([], [BIN], [LITTER])]),
        # ... drawn, ...
        (
            TWO,
            {"categories": [BIN, AWNING], "photos": [drawn(AWNING)]},
            [([BIN, AWNING], [], [LITTER]), ([], [BIN, AWNING], [LITTER])],
        ),
        # ... or where the officer said so
        (
            TWO,
            {"categories": [BIN], "photos": [{"index": 0, "categories": []}, {"index": 1, "categories": [BIN]}]},
            [([], [BIN], [LITTER]), ([BIN], [], [LITTER])],
        ),
        (TWO, {"categories": []}, [([], [], [BIN, LITTER])] * 2),
        # a photo that could not be read gives no line, and makes no single photo of the other
        (
            (TWO[0], photo(1, error={"type": "x"}, width=None, height=None)),
            {"categories": [AWNING]},
            [([], [AWNING], [BIN])],
        ),
    ],
)
def test_the_rules_for_the_writer(
    database: Database,
    catalogue: Catalogue,
    tmp_path: Path,
    shown: tuple[dict[str, Any], ...],
    said: dict[str, Any],
    expected: list[tuple[list[str], list[str], list[str]]],
) -> None:
    add_records(database, [audit("r", *shown)])
    confirm(database, Said(request_id="r", **said), catalogue)
    found = lines(database, tmp_path)
    assert [(each["confirmed"], each["confirmed_on_case"], each["rejected"]) for each in found] == expected
    assert all(each["no_issue"] == (not said["categories"]) for each in found)


def test_every_line_is_one_that_the_importer_takes(database: Database, catalogue: Catalogue, tmp_path: Path) -> None:
    """Also bins drawn where there is no issue, which the format cannot say beside `no_issue`."""
    feedback = pytest.importorskip("datasets.formats.feedback", exc_type=ImportError)
    says: list[dict[str, Any]] = [
        {"categories": [BIN], "photos": [drawn(BIN, "waste_bin")], "searched": [AWNING]},
        {"categories": [], "photos": [{**drawn("waste_bin"), "exhaustive_for": ["waste_bin"]}], "searched": [AWNING]},
        {"categories": [], "verdict": "unrelated"},
        {"categories": [], "verdict": "unusable", "note": "模糊"},
    ]
    for number, said in enumerate(says):
        add_records(database, [audit(f"r{number}", external_id=f"案件-{number}")])
        confirm(database, Said(request_id=f"r{number}", **said), catalogue)
    lines(database, tmp_path)
    faults: list[object] = []
    read = list(feedback.read(tmp_path, faults.append))
    assert not faults
    assert [set(each.present) for each in read] == [{BIN}, set(), set(), set()]
    assert [set(each.absent) for each in read] == [{LITTER}, {BIN, LITTER, AWNING}, {BIN, LITTER}, set()]
    assert [len(each.boxes) for each in read] == [2, 1, 0, 0]
    assert [set(each.flags) for each in read] == [set(), set(), {"unrelated"}, {"unusable"}]


def test_only_the_latest_counts_and_filters_cut(database: Database, catalogue: Catalogue, tmp_path: Path) -> None:
    add_records(database, [audit("a"), audit("b"), audit("silent")])
    confirm(database, Said(request_id="a", categories=[BIN]), catalogue)
    confirm(database, Said(request_id="a", categories=[LITTER]), catalogue)
    confirm(database, Said(request_id="b", categories=[]), catalogue)
    assert [(each["request_id"], each["confirmed"]) for each in lines(database, tmp_path)] == [
        ("a", [LITTER]),
        ("b", []),
    ]
    assert [each["request_id"] for each in lines(database, tmp_path, only_confirmed=True)] == ["a"]
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert lines(database, tmp_path, since=soon) == []
    assert len(lines(database, tmp_path, until=soon)) == 2


def test_corrections_and_their_photos_come_back_by_one_import(
    database: Database, address: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    pytest.importorskip("ijson")
    scene = photos.scene()
    content = photos.encode(scene, "jpeg")
    sha256, (height, width) = hashlib.sha256(content).hexdigest(), scene.shape[:2]
    named = photo(0, (BIN, 0.9, "prefill"), filename="", sha256=sha256, width=width, height=height)
    add_records(database, [audit("r", named), audit("old")])
    keep(database, Stores(), str(tmp_path / "kept"), sha256, content, datetime.now(UTC))
    for request_id in ("r", "old"):
        confirm(database, Said(request_id=request_id, categories=[LITTER]), catalogue)
    out = tmp_path / "corrections" / "feedback.jsonl"
    runner = CliRunner()
    told = runner.invoke(app, ["feedback", "export", "--out", str(out), "--photos", "--database", address, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output) | {"out": ""} == {
        "out": "",
        "requests": 2,
        "lines": 2,
        "photos": 1,
        "missing": 1,
        "failures": [],
    }
    assert (out.parent / "photos" / file_name(sha256, content)).read_bytes() == content
    from datasets.importing import ImportOptions, import_source
    from datasets.store import LabelStore

    imported = import_source(out.parent, LabelStore(tmp_path / "data"), catalogue, ImportOptions("corrections"))
    assert imported.about.photos == 1
    assert imported.tags[LITTER] == 1
    assert [code for _, code in imported.faults if code != "licence-missing"] == ["photo-missing"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["export", "--out", "x.jsonl", "--database", "sqlite:///none.sqlite"], "there is no such file"),
        (["export", "--out", "x.jsonl", "--since", "yesterday"], "--since 'yesterday' is no time"),
        (["purge", "--database", "nonsense"], "is no database URL"),
    ],
)
def test_wrong_input_is_one_message(
    arguments: list[str], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["feedback", *arguments])
    assert done.exit_code == 2
    assert match in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_names_of_photos_that_were_not_kept_are_their_content(
    database: Database, catalogue: Catalogue, tmp_path: Path
) -> None:
    add_records(database, [audit("r", photo(0, filename=""))])
    confirm(database, Said(request_id="r", categories=[]), catalogue)
    assert lines(database, tmp_path)[0]["photo"]["filename"] == digest("photo 0")
