"""`patrol models ...` as a person and as a program use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from inference.cli import app
from inference.model_store import ModelStore
from tests.inference.models.packages import SHIPPED, make_package


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A store of versions 1 and 2, without a champion."""
    for version in "12":
        ModelStore(tmp_path / "store").add(make_package(tmp_path / version, version))
    return str(tmp_path / "store")


def patrol(place: str, *arguments: object, expect: int = 0) -> str:
    done = CliRunner().invoke(app, ["models", *map(str, arguments), "--store", place], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done.output


def document(place: str, *arguments: object) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(patrol(place, *arguments, "--json"))
    return value


def test_the_way_of_a_model_into_production_and_back(place: str) -> None:
    assert "street-patrol-n/1" in patrol(place, "promote", "1", "--why", "first")
    refused = patrol(place, "promote", "2", "--why", "better", expect=2)
    assert "the gate was not asked" in refused
    assert "--ungated" in refused
    patrol(place, "promote", "2", "--why", "tried by hand", "--ungated", "--by", "王")
    listed = patrol(place, "list")
    assert "现用 champion" in listed
    assert "上一个 previous" in listed
    patrol(place, "rollback", "--why", "bins are worse")
    told = patrol(place, "history")
    for word in ("回退 rollback", "未经 not asked", "王", "bins are worse"):
        assert word in told


def test_programs_read_json(place: str) -> None:
    promoted = document(place, "promote", "1", "--why", "first", "--by", "me")
    assert promoted["champion"]["reference"] == "street-patrol-n/1"
    listed = document(place, "list")
    assert listed["revision"] == 1
    assert [(m["reference"], m["aliases"]) for m in listed["models"]] == [
        ("street-patrol-n/1", ["champion"]),
        ("street-patrol-n/2", []),
    ]
    assert document(place, "history")["promotions"][0]["why"] == "first"
    assert Path(document(place, "fetch", "champion", "--to", "cache")["folder"]).is_dir()


def test_the_report_of_the_gate_is_read_from_its_file(place: str, tmp_path: Path) -> None:
    patrol(place, "promote", "1", "--why", "first")
    store = ModelStore(place)
    pinned = {role: store.find(v).pinned.model_dump() for role, v in (("candidate", "2"), ("champion", "1"))}
    report = tmp_path / "gate.json"
    report.write_text(json.dumps({"passed": True, **pinned}))
    patrol(place, "promote", "2", "--why", "better", "--gate", report)
    assert "通过 passed" in patrol(place, "history")
    report.write_text("[]")
    assert "no JSON report" in patrol(place, "promote", "1", "--why", "x", "--gate", report, expect=2)


def test_verify_says_what_is_wrong_and_what_is_right(tmp_path: Path) -> None:
    place = str(tmp_path / "store")
    patrol(place, "add", SHIPPED)
    assert "as they were" in patrol(place, "verify")
    patrol(place, "add", make_package(tmp_path / "9", "9"))  # its model.onnx is none
    output = patrol(place, "verify", expect=1)
    assert "street-patrol-n/0.1.0: 文件与输出均相符" in output
    assert "street-patrol-n/9: " in output


def test_an_empty_store_says_how_to_begin(tmp_path: Path) -> None:
    assert "patrol models add DIR" in patrol(str(tmp_path / "none"), "list")
