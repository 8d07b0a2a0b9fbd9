"""`patrol evaluate` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("sklearn", reason="extra `train` is not installed")
pytest.importorskip("faster_coco_eval", reason="extra `train` is not installed")

from datasets.freeze import FreezeOptions, freeze
from datasets.labels import Box, LabelledPhoto
from datasets.settings import GroupSettings, SplitSettings
from datasets.store import LabelStore
from inference.categories import load_catalogue
from inference.errors import PatrolError
from inference.paths import CONFIGS, MODELS
from tests.datasets.stores import fill, picture
from training.cli import evaluate_command
from training.evaluation import read_evaluation

PACKAGE = MODELS / "street-patrol-n"
app = typer.Typer()
app.command()(evaluate_command)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A label store with a frozen version of twelve generated photos."""
    folder = tmp_path_factory.mktemp("store")
    photos = []
    for i in range(12):
        path = folder / f"{i}.png"
        path.write_bytes(picture(i))
        boxes = (Box("overflowing_bin", (0.1, 0.1, 0.5, 0.6)),) if i % 2 else ()
        photos.append(LabelledPhoto("town", path, boxes, frozenset({"overflowing_bin"})))
    data = LabelStore(folder / "data")
    fill(data, "town", photos)
    groups = GroupSettings(scenes=False)
    split = SplitSettings(val_fraction=0.4, test_fraction=0.3)
    freeze(data, "2026-11", FreezeOptions(groups=groups, split=split), load_catalogue())
    return data.root


def run(store: Path, out: Path, *options: str) -> tuple[int, str]:
    settings = out.parent / "evaluate.yaml"
    settings.write_text((CONFIGS / "evaluate.yaml").read_text(encoding="utf-8").replace("1000 ", "20 "), "utf-8")
    given = ["--data", "2026-11", "--store", str(store), "--out", str(out), "--settings", str(settings), *options]
    result = CliRunner().invoke(app, [str(PACKAGE), *given])
    if isinstance(result.exception, PatrolError):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


def test_a_report_a_page_and_a_record_are_written(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(store, out)[0] == 0
    assert sorted(p.name for p in out.iterdir()) == ["evaluation.json", "index.html", "report.md"]
    evaluation = read_evaluation(out / "evaluation.json")
    assert evaluation.data.part == "val"
    assert {p.source for p in evaluation.photos} == {"town"}
    assert "overflowing_bin" in (out / "report.md").read_text(encoding="utf-8")


def test_json_gives_the_figures_without_the_photos_and_replaces_an_earlier_report(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(store, out, "--part", "test")[0] == 0
    code, printed = run(store, out, "--part", "all", "--json")
    assert code == 0
    document = json.loads(printed)
    assert document["whole"]["photos"] == 12
    assert "photos" not in document
    assert read_evaluation(out / "evaluation.json").data.part == "all"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--part", "valid"), "--part is 'valid'; choose one of train, val, test, proposed, all"),
        (("--source", "city"), "--source names city; the photos come from town"),
        (("--part", "proposed"), "no photo of data version"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(
    store: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    code, error = run(store, tmp_path / "report", *options)
    assert code == 2
    assert message in error
    assert not (tmp_path / "report").exists()


def test_a_folder_with_other_things_is_not_replaced(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.doc").touch()
    code, error = run(store, out)
    assert code == 2
    assert "choose another folder" in error
    assert (out / "chapter1.doc").exists()
