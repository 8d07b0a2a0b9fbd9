"""`patrol data import`: whole or not at all, one table, exit codes; and all the real sources in one run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from datasets.cli import app
from datasets.labels import LabelledPhoto
from datasets.store import LabelStore
from inference.paths import CONFIGS
from tests.datasets.labels_in import Store, box, image, put_coco, put_photos, tree
from tests.shared import shared

ROOT = Path(__file__).resolve().parents[2]


def make_source(folder: Path, *, names: tuple[str, ...] = ("waste_bin",), photos: int = 3) -> Path:
    put_photos(folder / "images", [f"{n}.jpg" for n in range(photos)])
    images = [image(n, f"{n}.jpg", exhaustive_for=list(names)) for n in range(photos)]
    put_coco(folder / "labels.coco.json", images, [box(n) for n in range(photos)], list(names))
    return folder


def patrol(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from inference.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["import", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_several_sources_end_in_one_table(tmp_path: Path) -> None:
    sources = [make_source(tmp_path / name) for name in ("春", "second")]
    code, out, err = run(*sources, "--data", tmp_path / "data")
    assert code == 0
    assert not err
    assert re.search(r"春 .*coco .* 3 .* 3 .* 1 ", out)
    assert re.search(r"合计 total .* 6 .* 6 ", out)
    assert LabelStore(tmp_path / "data").sources() == ["second", "春"]


def test_a_source_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = make_source(tmp_path / "bad", names=("overflowing_bins",))
    good = make_source(tmp_path / "good")
    code, out, err = run(bad, tmp_path / "none", good, "--data", tmp_path / "data")
    assert code == 1
    assert "失败 failed" in out
    assert "class 'overflowing_bins' is not mapped to a category; nearest ids: overflowing_bin" in err
    assert "there is no such file or folder" in err
    assert LabelStore(tmp_path / "data").sources() == ["good"]


def test_what_is_left_out_is_counted_and_the_exit_code_says_so(tmp_path: Path) -> None:
    source = make_source(tmp_path / "s")
    (source / "images" / "1.jpg").unlink()
    code, out, _ = run(source, "--data", tmp_path / "data")
    assert code == 1
    assert "s: error photo-missing: 1" in out
    (fault,) = LabelStore(tmp_path / "data").faults("s")
    assert (fault.file, fault.where, fault.name) == ("labels.coco.json", "images[1]", "1.jpg")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--map", "nonsense"], "neither NAME=ID nor a file"),
        (["--recipe", "none.yaml"], "cannot be read"),
        (["--format", "xml2"], "no label format is called 'xml2'"),
        (["--name", "../up"], "must not be empty, begin with a dot or hold slashes"),
        (["--photos", "none"], "there is no such folder"),
    ],
)
def test_bad_usage_imports_nothing(tmp_path: Path, options: list[str], problem: str) -> None:
    source = make_source(tmp_path / "s")
    done = patrol("data", "import", source, "--data", tmp_path / "data", *options)
    assert done.returncode == 2
    assert problem in done.stderr
    assert not tree(tmp_path / "data")


def test_json_for_programs(tmp_path: Path) -> None:
    code, out, _ = run(make_source(tmp_path / "s"), tmp_path / "none", "--data", tmp_path / "data", "--json")
    assert code == 1
    document = json.loads(out)
    assert document["sources"][0]["boxes"] == {"waste_bin": 3}
    assert [failed["source"] for failed in document["failed"]] == [str(tmp_path / "none")]


def test_two_sources_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = (make_source(tmp_path / parent / "s") for parent in ("a", "b"))
    code, _, err = run(first, second, "--data", tmp_path / "data")
    assert code == 1
    assert "import it alone, with --name" in err
    assert LabelStore(tmp_path / "data").about("s").origin == str(first.resolve())


def test_options_and_recipe_reach_the_papers(tmp_path: Path) -> None:
    source = make_source(tmp_path / "s", names=("Bin",))
    (tmp_path / "seen.txt").write_text("# nothing there\nempty.jpg\n", encoding="utf-8")
    put_photos(source / "images", ["empty.jpg"])
    settings = {"s": {"class_map": {"Bin": "waste_bin"}, "series_block": 5, "negatives": "seen.txt"}}
    data = {"root": ".", "sources": settings, "val_fraction": 0.2, "split_seed": 0, "near_duplicate_bits": 0}
    (tmp_path / "train.yaml").write_text(json.dumps({"data": data}), encoding="utf-8")
    options = ["--recipe", tmp_path / "train.yaml", "--licence", "CC0", "--attribution", "me", "--held-out"]
    assert run(source, "--data", tmp_path / "data", *options)[0] == 0
    store = LabelStore(tmp_path / "data")
    about = store.about("s")
    assert (about.licence, about.attribution, about.held_out, about.series_block) == ("CC0", "me", True, 5)
    assert about.class_map == {"Bin": "waste_bin"}
    empty = next(photo for photo in store.photos("s") if photo.name == "empty.jpg")
    assert empty.flags == {"unrelated"}
    assert empty.shows("street_vendor") is False


def test_a_label_file_alone_with_its_photos_elsewhere(tmp_path: Path) -> None:
    source = make_source(tmp_path / "s")
    (source / "labels.coco.json").rename(tmp_path / "五月.json")
    store = Store(tmp_path / "data")
    done = store.take(tmp_path / "五月.json", name="五月", photos=source / "images")
    assert done.about.photos == 3
    assert done.about.origin.endswith("五月.json")
    put_photos(source / "images", ["8.jpg", "9.jpg"])
    store.take(tmp_path / "五月.json", name="五月", photos=source / "images")
    assert [f.message for f in store.faults if f.code == "photo-unlabelled"] == [
        "2 张照片没有标注 / no label file is about 2 of the photos"
    ]


def test_a_data_yaml_stands_for_its_folder(tmp_path: Path) -> None:
    put_photos(tmp_path / "五月" / "images", ["a.jpg"])
    (tmp_path / "五月" / "labels").mkdir()
    (tmp_path / "五月" / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2", encoding="utf-8")
    (tmp_path / "五月" / "data.yaml").write_text("names: [waste_bin]", encoding="utf-8")
    assert run(tmp_path / "五月" / "data.yaml", "--data", tmp_path / "data", "--exhaustive-for", "waste_bin")[0] == 0
    assert LabelStore(tmp_path / "data").about("五月").format == ("yolo",)


def test_groups_and_proposed_parts_come_along(tmp_path: Path) -> None:
    source = make_source(tmp_path / "s")
    (source / "groups.json").write_text(json.dumps({"0.jpg": "g", "1.jpg": "g"}), encoding="utf-8")
    (source / "splits.json").write_text(json.dumps({"train": ["0.jpg"], "val": ["2.jpg"]}), encoding="utf-8")
    store = Store(tmp_path / "data")
    store.take(source)
    assert [(p.group, p.split) for p in store.photos.values()] == [("g", "train"), ("g", None), ("", "val")]


def test_an_error_in_the_middle_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, store = make_source(tmp_path / "s"), Store(tmp_path / "data")
    store.take(source)
    before = tree(tmp_path / "data")
    rows = iter(range(2))

    def broken(photo: LabelledPhoto) -> dict[str, Any]:
        if next(rows, None) is None:
            raise OSError(28, "No space left on device")
        return {"name": photo.name}

    monkeypatch.setattr("datasets.store.to_row", broken)
    with pytest.raises(OSError, match="No space left"):
        store.take(source)
    assert tree(tmp_path / "data") == before


KILLED = """
import os, signal, sys
import datasets.store as store
from pathlib import Path
real = store.to_row
rows = []
def killing(photo):
    rows.append(photo)
    if len(rows) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(photo)
store.to_row = killing
from datasets.importing import ImportOptions, import_source
from inference.categories import load_catalogue
import_source(Path(sys.argv[1]), store.LabelStore(Path(sys.argv[2])), load_catalogue(), ImportOptions("s"))
"""


def test_a_killed_import_leaves_the_old_source_in_place(tmp_path: Path) -> None:
    source, store = make_source(tmp_path / "s"), Store(tmp_path / "data")
    store.take(source, name="s")
    before = tree(tmp_path / "data" / "sources" / "s")
    command = [sys.executable, "-c", KILLED, str(source), str(tmp_path / "data")]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -9
    assert tree(tmp_path / "data" / "sources" / "s") == before
    assert store.labels.sources() == ["s"]  # and not the half that lies beside it
    store.take(source, name="s")
    assert len(store.photos) == 3


def readme_table(path: Path) -> dict[str, tuple[int, int, int]]:
    """Category -> (photos with it, boxes, verified negatives) of the table "Per category" of the sources' README.

    Of signboard it gives 313 photos in a source that has 248: the sum over two classes that meet on 67 of them.
    """
    text = path.read_text(encoding="utf-8").partition("## Per category")[2]
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    table = {category: (int(photos), int(boxes), int(absent)) for category, photos, boxes, absent in rows}
    return table | {"signboard": (313 - 67, *table["signboard"][1:])}


@pytest.mark.timeout(600)
def test_all_real_sources_in_one_run(tmp_path: Path) -> None:
    root = shared("data")
    sources = sorted(path for path in root.iterdir() if path.is_dir())
    code, out, err = run(*sources, "--data", tmp_path / "data", "--recipe", CONFIGS / "train.yaml", "--json")
    assert (code, err) == (0, "")
    assert len(json.loads(out)["sources"]) == len(sources) == 11
    store = LabelStore(tmp_path / "data")
    photos = [photo for source in store.sources() for photo in store.photos(source)]
    boxes = Counter(box.category for photo in photos for box in photo.boxes)
    with_it = Counter(category for photo in photos for category in {b.category for b in photo.boxes})
    by_hand = [photo for photo in photos if photo.source not in ("coco-unrelated", "graffiti-styles-rf")]
    absent = Counter(category for p in by_hand for category in p.exhaustive_for if p.shows(category) is False)
    expected = readme_table(root / "README.md")
    assert len(expected) == 21
    assert {c: (with_it[c], boxes[c]) for c in boxes} == {c: row[:2] for c, row in expected.items()}
    of_the_authors = {"exposed_garbage", "overflowing_bin", "waste_bin"}  # of gbs111-cn, which README leaves aside
    assert {c: absent[c] for c in {*boxes} - of_the_authors} == {
        c: row[2] for c, row in expected.items() if c not in of_the_authors
    }
    assert {s for s in store.sources() if store.about(s).held_out} >= {"amsterdam-patrol", "graffiti-styles-rf"}
    assert "NO LICENCE STATED" in store.about("cables_vn_poles").licence
