from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.model_store import ModelStore
from inference.package import DESCRIPTION
from inference.paths import MODELS
from inference.service.shelf import Shelf
from tests.inference.service.conftest import Client, Open, assert_problem

SHIPPED = MODELS / "street-patrol-n"
VERSION = json.loads((SHIPPED / DESCRIPTION).read_text("utf-8"))["version"]


def make_package(folder: Path, version: str, **changes: Any) -> Path:
    """The shipped model under another version, with some members of model.json changed."""
    folder.mkdir(parents=True)
    for file in SHIPPED.iterdir():
        if file.name != DESCRIPTION:
            (folder / file.name).symlink_to(file)
    document = json.loads((SHIPPED / DESCRIPTION).read_text("utf-8")) | {"version": version} | changes
    (folder / DESCRIPTION).write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: two good ones, a damaged one, one that nobody can read, and a link to elsewhere."""
    root = tmp_path_factory.mktemp("models")
    make_package(root / "good", "2.0")
    make_package(root / "street-patrol-n" / "3.0", "3.0")
    damaged = make_package(root / "damaged", "4.0")
    (damaged / "report.md").unlink()
    (damaged / "report.md").write_text("another report", "utf-8")
    (root / "torn").mkdir()
    (root / "torn" / DESCRIPTION).write_text("{", "utf-8")
    elsewhere = make_package(tmp_path_factory.mktemp("elsewhere") / "outside", "5.0")
    (root / "link").symlink_to(elsewhere)
    return root


@pytest.fixture
def admin(open_client: Open, store: Path) -> Iterator[Client]:
    with open_client(models_dir=store) as client:
        yield client


@pytest.fixture(scope="module")
def idle(open_client: Open, store: Path) -> Iterator[Client]:
    """Shared by tests that change nothing."""
    with open_client(models_dir=store) as client:
        yield client


def post(client: Client, action: str, **body: Any) -> Any:
    response = client.post(f"/v1/models/{action}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def states(client: Client) -> dict[str | None, str]:
    return {model["version"]: model["state"] for model in client.get("/v1/models").json()["models"]}


def answering(client: Client, jpeg: bytes) -> str:
    """The version that answers; probes and categories must name the same."""
    version = client.classify(jpeg).json()["model"]["version"]
    assert client.get("/readyz").json()["model"]["version"] == version
    assert client.get("/v1/categories").json()["model"]["version"] == version
    return str(version)


def test_what_there_is(admin: Client) -> None:
    answer = admin.get("/v1/models").json()
    assert answer["shadow"] is None
    assert [(m["version"], m["state"], m["path"]) for m in answer["models"]] == [
        (VERSION, "active", None),
        ("4.0", "available", "damaged"),
        ("2.0", "available", "good"),
        ("3.0", "available", "street-patrol-n/3.0"),
        (None, "failed", "torn"),
    ]
    active, *_, torn = answer["models"]
    assert active["activated_at"]
    assert "not valid JSON" in torn["error"]


def test_switching_and_going_back(admin: Client, jpeg: bytes) -> None:
    assert_problem(admin.post("/v1/models/rollback"), 409, "no-previous-model")
    assert post(admin, "load", path="good")["state"] == "loaded"
    assert states(admin)["2.0"] == "loaded"
    assert answering(admin, jpeg) == VERSION
    assert post(admin, "activate", version="2.0")["state"] == "active"
    assert answering(admin, jpeg) == "2.0"
    assert states(admin)[VERSION] == "previous"
    assert post(admin, "rollback")["version"] == VERSION
    assert answering(admin, jpeg) == VERSION
    assert states(admin) == {
        VERSION: "active",
        "2.0": "previous",
        "3.0": "available",
        "4.0": "available",
        None: "failed",
    }
    assert post(admin, "rollback")["version"] == "2.0"
    assert post(admin, "activate", version="3.0")["path"] == "street-patrol-n/3.0"  # loaded on the way
    assert states(admin)["2.0"] == "previous"
    metrics = admin.get("/metrics").text
    assert "patrol_model_swaps_total 4.0" in metrics
    assert metrics.count("patrol_model_info{") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"path": "damaged"}, "report.md"), ({"version": "4.0"}, "report.md"), ({"path": "torn"}, "not valid JSON")],
)
def test_a_model_that_must_not_be_used_changes_nothing(
    admin: Client, jpeg: bytes, body: dict[str, str], reason: str
) -> None:
    document = assert_problem(admin.post("/v1/models/load", json=body), 422, "model-refused")
    assert reason in document["detail"]
    assert f"answers is still {VERSION}" in document["detail"]
    assert answering(admin, jpeg) == VERSION
    errors = [model["error"] for model in admin.get("/v1/models").json()["models"] if model["state"] == "failed"]
    assert any(reason in error for error in errors)


def test_wrong_golden_outputs_are_refused(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference import golden

    observe = golden._observe

    def off(*args: Any) -> golden.GoldenOutput:
        output = observe(*args)
        return output.model_copy(update={"candidates": tuple((*c[:-1], c[-1] + 0.5) for c in output.candidates)})

    monkeypatch.setattr(golden, "_observe", off)
    document = assert_problem(admin.post("/v1/models/activate", json={"version": "2.0"}), 422, "model-refused")
    assert "golden picture" in document["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "..",
        ".",
        "../elsewhere",
        "/",
        str(SHIPPED),
        "good/../../x",
        "link",
        "no-such",
        "good\\..",
        "good\0",
        "torn/" * 99,
    ],
)
def test_only_packages_below_the_folder_can_be_named(idle: Client, path: str) -> None:
    document = assert_problem(idle.post("/v1/models/load", json={"path": path}), 404, "unknown-model")
    assert len(document["detail"]) < 400


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("load", {}, "body"),
        ("load", {"path": "good", "version": "2.0"}, "body"),
        ("load", {"path": "good", "url": "http://x"}, "url"),
        ("activate", {"path": "good"}, "version"),
        ("shadow", {"version": "2.0", "requests": 0}, "requests"),
        ("rollback", {"version": "2.0"}, "version"),
    ],
)
def test_wrong_bodies_are_named(idle: Client, action: str, body: dict[str, object], field: str) -> None:
    document = assert_problem(idle.post(f"/v1/models/{action}", json=body), 422, "invalid-field")
    assert field in [error["field"] for error in document["errors"]]


def test_versions_that_are_not_there_or_there_twice(open_client: Open, tmp_path: Path) -> None:
    make_package(tmp_path / "a", "7")
    make_package(tmp_path / "b", "7")
    with open_client(models_dir=tmp_path) as client:
        twice = assert_problem(client.post("/v1/models/activate", json={"version": "7"}), 409, "ambiguous-model")
        assert "a, b" in twice["detail"]
        assert_problem(client.post("/v1/models/activate", json={"version": "8"}), 404, "unknown-model")


def test_a_version_that_has_answered_keeps_its_content(open_client: Open, tmp_path: Path) -> None:
    make_package(tmp_path / "a", VERSION, created="2027-01-01")
    with open_client(models_dir=tmp_path) as client:
        document = assert_problem(client.post("/v1/models/load", json={"path": "a"}), 422, "model-refused")
        assert "version of its own" in document["detail"]


def test_a_model_store_is_such_a_folder(open_client: Open, tmp_path: Path, jpeg: bytes) -> None:
    ModelStore(tmp_path / "store").add(make_package(tmp_path / "new", "2.0"))
    with open_client(models_dir=tmp_path / "store") as client:
        assert post(client, "activate", version="2.0")["path"] == "street-patrol-n/2.0"
        assert answering(client, jpeg) == "2.0"


def test_without_keeping_the_previous_model_it_is_loaded_again(open_client: Open, store: Path, jpeg: bytes) -> None:
    with open_client(models_dir=store, keep_previous=False) as client:
        post(client, "activate", version="2.0")
        shelf = client.startup.shelf
        assert shelf.previous is not None
        assert shelf.previous.classifier is None
        post(client, "rollback")
        assert answering(client, jpeg) == VERSION


def test_requests_at_work_are_finished_by_the_model_they_began_with(admin: Client, jpeg: bytes) -> None:
    runtime = admin.runtime
    post(admin, "activate", version="2.0")
    assert runtime.classifier.package.description.version == VERSION
    assert admin.runtime.classifier.package.description.version == "2.0"
    assert runtime.classifier.classify(jpeg).photo.width == 320
    assert admin.runtime.queue is runtime.queue


class TestShadow:
    def test_the_next_requests_are_compared(self, admin: Client, clear_patrol_photo: Path) -> None:
        photo = clear_patrol_photo.read_bytes()
        assert post(admin, "shadow", version="2.0", requests=2)["state"] == "running"
        for count in (1, 2, 2):
            assert admin.classify(photo, b"junk").json()["model"]["version"] == VERSION
            report = compared(admin, count)
        assert (report["version"], report["state"], report["photos"], report["failed"]) == ("2.0", "done", 2, 0)
        assert report["verdict_agreement"] == 1
        assert report["categories"]
        for agreement in report["categories"].values():
            assert (agreement["both"], agreement["same_decision"], agreement["agreement"]) == (2, 2, 1)
            assert agreement["mean_probability_difference"] == 0
        assert states(admin)["2.0"] == "loaded"

    def test_switching_ends_it(self, admin: Client, jpeg: bytes) -> None:
        post(admin, "shadow", version="2.0", requests=50)
        post(admin, "activate", version="2.0")
        assert admin.get("/v1/models").json()["shadow"]["state"] == "done"
        assert admin.runtime.shadow is None
        assert answering(admin, jpeg) == "2.0"

    def test_the_model_that_answers_is_no_shadow(self, admin: Client) -> None:
        response = admin.post("/v1/models/shadow", json={"version": VERSION, "requests": 5})
        assert "try another" in assert_problem(response, 422, "model-refused")["detail"]


def compared(client: Client, requests: int) -> dict[str, Any]:
    for _ in range(600):
        report: dict[str, Any] = client.get("/v1/models").json()["shadow"]
        if report["compared"] >= requests:
            return report
        time.sleep(0.05)
    raise TimeoutError(report)


class TestGoldenAgain:
    def test_a_mismatch_is_told_and_mended_by_another_model(
        self, open_client: Open, store: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_client(models_dir=store, golden_check_seconds=0.05) as client:
            engine = client.runtime.classifier.engine
            run = engine.run

            def off(tensor: Any) -> Any:
                raw = run(tensor)
                raw.candidates[4:] += 0.5
                return raw

            monkeypatch.setattr(engine, "run", off)
            wait_for_status(client, 503)
            document = assert_problem(client.get("/readyz"), 503, "not-ready")
            assert "golden picture" in document["detail"]
            assert "patrol_golden_match 0.0" in client.get("/metrics").text
            post(client, "activate", version="2.0")
            assert client.get("/readyz").status_code == 200
            assert client.classify(jpeg).status_code == 200

    def test_it_goes_on_where_the_folder_is_gone(self, open_client: Open, tmp_path: Path) -> None:
        folder = make_package(tmp_path / "models" / "short-lived", "9")
        with open_client(models_dir=tmp_path / "models", golden_check_seconds=None) as client:
            post(client, "activate", version="9")
            for file in folder.iterdir():
                file.unlink()
            shelf: Shelf = client.startup.shelf
            asyncio.run(shelf.check_golden())
            assert shelf.fault is None


def wait_for_status(client: Client, status: int) -> None:
    for _ in range(600):
        if client.get("/readyz").status_code == status:
            return
        time.sleep(0.05)
    raise TimeoutError(f"/readyz never said {status}")
