from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from inference.service.logs import JsonFormatter
from tests import photos
from tests.inference.service.conftest import Client

LOGGER = "street-patrol.request"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    formatter = JsonFormatter()
    return [json.loads(formatter.format(record)) for record in caplog.records if record.name == LOGGER]


def test_one_line_per_request_without_anything_private(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    gps = {1: "N", 2: (39.0, 54.0, 13.0), 3: "E", 4: (116.0, 23.0, 29.0)}
    photo = photos.encode(photos.scene(), "jpeg", exif=photos.exif_block(gps=gps))
    with caplog.at_level(logging.INFO):
        files = [("photos", ("王家门口.jpg", photo)), ("photos", ("b.jpg", photo))]
        response = client.post("/v1/classify?", files=files, data={"latitude": "39.9219", "grid_id": "secret-grid"})
    (line,) = lines(caplog)
    assert response.status_code == line["status"] == 200
    assert line["request_id"] == response.headers["x-request-id"]
    assert (line["method"], line["path"], line["photos"]) == ("POST", "/v1/classify", 2)
    for stage in ("ms", "read_ms", "decode_ms", "infer_ms", "decide_ms"):
        assert line[stage] >= 0
    whole = " ".join(said(record) for record in caplog.records)
    for private in ("王家", "b.jpg", "39.9", "secret-grid", "116"):
        assert private not in whole


def said(record: logging.LogRecord) -> str:
    """What a record tells beyond times and random identifiers, in whose digits anything can turn up."""
    fields = {key: value for key, value in vars(record).get("fields", {}).items() if not key.endswith(("ms", "_id"))}
    return f"{record.getMessage()} {record.args} {fields}"


def test_a_problem_is_named(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.classify(b"")
    (line,) = lines(caplog)
    assert (line["status"], line["problem"]) == (422, "no-readable-photo")


def test_probes_are_logged_for_debugging_only(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/livez")
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert record.levelno == logging.DEBUG


def test_a_line_is_one_line_of_json() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, __file__, 1, "two\nlines: %s", ("照片",), None)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "a.b", "two\nlines: 照片")
    assert line["time"].endswith("+00:00")


def test_warnings_are_lines_of_the_log_too() -> None:
    program = "import warnings; from inference.service import logs; logs.configure('info'); warnings.warn('odd photo')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    line = json.loads(done.stderr)
    assert line["level"] == "warning"
    assert "odd photo" in line["message"]
