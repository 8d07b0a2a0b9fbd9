"""A package loads when it is whole, and is refused with the file or key that is wrong when it is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.classify import Classifier
from inference.package import ModelDescription, PackageError, file_record, load_package

Damage = Callable[[Path], None]


@pytest.fixture
def package(model_folder: Path, tmp_path: Path) -> Path:
    """The shipped description with files of a few bytes: loading checks hashes, it does not run the model."""
    folder = tmp_path / "package"
    folder.mkdir()
    shutil.copy(model_folder / "model.json", folder)
    for name in ("model.onnx", "golden.json"):
        (folder / name).write_bytes(b"{} " * 40)
    edit("files", {name: file_record(folder / name).model_dump() for name in ("model.onnx", "golden.json")})(folder)
    return folder


def edit(key: str, value: object) -> Damage:
    """Sets a key of model.json, dots go inside; `...` deletes it."""

    def damage(folder: Path) -> None:
        path = folder / "model.json"
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        *above, last = key.split(".") if key != "files" else ["files"]
        place = document
        for name in above:
            place = place[name]
        if value is ...:
            del place[last]
        else:
            place[last] = value
        path.write_text(json.dumps(document), "utf-8")

    return damage


def decided(**values: object) -> Damage:
    """Sets fields of one category's decision."""

    def damage(folder: Path) -> None:
        for key, value in values.items():
            edit(f"decisions.exposed_garbage.{key}", value)(folder)

    return damage


def listed(name: str) -> Damage:
    """Lists one more file, with the hash of one that exists."""

    def damage(folder: Path) -> None:
        records = json.loads((folder / "model.json").read_text("utf-8"))["files"]
        edit("files", records | {name: records["model.onnx"]})(folder)

    return damage


def flip_a_bit(name: str) -> Damage:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def text(name: str, content: bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def delete(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def twice(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text("utf-8"))
    edit("categories", [*description["categories"], description["categories"][0]])(folder)


def test_the_shipped_package_loads_from_anywhere(model_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(model_folder, copy)
    package = load_package(copy)
    assert package.folder == copy
    assert package.model_path == copy / "model.onnx"
    assert package.description == load_package(model_folder).description
    assert {*package.description.files} == {path.name for path in copy.iterdir()} - {"model.json"}


def test_the_description_survives_being_written(model_folder: Path) -> None:
    description = load_package(model_folder).description
    assert ModelDescription.model_validate_json(description.model_dump_json()) == description


def test_the_small_package_is_whole(package: Path) -> None:
    assert load_package(package).description.schema_version == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(delete("model.json"), "is no model package: model.json is missing", id="no description"),
        pytest.param(delete("model.onnx"), "model.onnx is listed in model.json but missing", id="no model"),
        pytest.param(delete("golden.json"), "golden.json is listed in model.json but missing", id="no golden"),
        pytest.param(flip_a_bit("model.onnx"), "the file was changed or damaged", id="one bit of the model"),
        pytest.param(flip_a_bit("golden.json"), "the file was changed or damaged", id="one bit of the golden"),
        pytest.param(text("model.onnx", b""), "0 bytes with sha256 e3b0c44298fc", id="model empty"),
        pytest.param(text("model.json", b"{"), "not valid JSON", id="half a description"),
        pytest.param(text("model.json", b"\xff\xfe"), "not valid JSON", id="description is not text"),
        pytest.param(text("model.json", b"[]"), "schema_version is None", id="description is a list"),
        pytest.param(edit("schema_version", 2), "schema_version is 2, this program reads 1", id="later schema"),
        pytest.param(edit("schema_version", ...), "schema_version is None, this program reads 1", id="no schema"),
        pytest.param(edit("colour", "BGR"), "colour: Extra inputs are not permitted", id="unknown key"),
        pytest.param(edit("nms.time_limit", 1), "nms.time_limit: Extra inputs", id="unknown key inside"),
        pytest.param(edit("nms", ...), "nms: Field required", id="missing key"),
        pytest.param(edit("name", "Street Patrol"), "name: String should match pattern", id="name"),
        pytest.param(edit("nms.iou", 1.5), "nms.iou: Input should be less than 1", id="overlap above 1"),
        pytest.param(edit("input.width", 600), "input.width: Input should be a multiple of 32", id="input size"),
        pytest.param(edit("input.colour", "BGR"), "input.colour: Input should be 'RGB'", id="colour order"),
        pytest.param(twice, "categories are not unique", id="category twice"),
        pytest.param(
            decided(suggest=0.5, prefill=0.4),
            "decisions.exposed_garbage: Value error, prefill threshold 0.4 is below the suggest threshold 0.5",
            id="prefill below suggest",
        ),
        pytest.param(
            decided(suggest=None, prefill=0.9),
            "prefill threshold 0.9 is below the suggest threshold None",
            id="prefill without suggest",
        ),
        pytest.param(decided(prefill=None, demoted=None), "must say why in `demoted`", id="demoted without reason"),
        pytest.param(decided(suggest=1.5), "suggest: Input should be less than or equal to 1", id="no probability"),
        pytest.param(
            edit("decisions.exposed_garbage.calibration.slope", -1), "slope: Input should be greater", id="slope"
        ),
        pytest.param(
            edit("decisions.exposed_garbage.calibration.intercept", float("nan")),
            "intercept: Input should be a finite number",
            id="not a number",
        ),
        pytest.param(edit("files", {}), "files does not list model.onnx", id="nothing listed"),
        pytest.param(listed("../x"), "files lists '../x'", id="above the folder"),
        pytest.param(listed("/etc/hostname"), "files lists '/etc/hostname'", id="absolute path"),
        pytest.param(listed("..\\x"), "files lists '..\\\\x'", id="above the folder on Windows"),
        pytest.param(listed("C:x"), "files lists 'C:x'", id="another drive"),
        pytest.param(listed(".."), "files lists '..'", id="the folder above"),
        pytest.param(listed(""), "files lists ''", id="no name"),
    ],
)
def test_a_damaged_package_is_refused_with_what_is_wrong(package: Path, damage: Damage, message: str) -> None:
    damage(package)
    with pytest.raises(PackageError) as caught:
        load_package(package)
    assert message in str(caught.value)
    assert str(package) in str(caught.value)


def test_all_mistakes_are_named_at_once(package: Path) -> None:
    edit("nms.iou", 2)(package)
    edit("name", "?")(package)
    with pytest.raises(PackageError, match=r"name: .*nms\.iou: "):
        load_package(package)


def test_what_is_no_folder_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"PK")
    for path in (tmp_path / "absent", tmp_path / "model.zip"):
        with pytest.raises(PackageError, match=f"{path.name} is no model package"):
            load_package(path)


def test_one_flipped_byte_of_the_shipped_model_is_refused_before_it_runs(
    classifier: Classifier, model_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model_folder, copy)
    flip_a_bit("model.onnx")(copy)
    with pytest.raises(PackageError, match=r"model\.onnx: \d+ bytes with sha256 "):
        Classifier.load(copy, classifier.catalogue)
