"""`python -m benchmarks.encodings`: one photo, every encoding, one answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console

from benchmarks import encodings
from benchmarks.encodings import Comparison, Encoded, comparison_table
from inference.categories import Catalogue
from inference.classify import Classifier, PhotoResult, Timings
from inference.decide import Suggestion
from inference.detections import Detections
from inference.photo import Photo
from tests.photos import encode, noisy_scene, truncated

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = 25
LEAST = 16


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.encodings", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


def test_a_real_photo_gets_the_same_suggestions_in_every_encoding(
    clear_patrol_photo: Path, classifier: Classifier
) -> None:
    done = run(clear_patrol_photo, "--model", classifier.package.folder, "--json")
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["original"]["suggestions"]
    assert len(report["encodings"]) == ENCODINGS
    assert report["judged"] == ENCODINGS - 1  # all but the grey one
    assert report["same"] >= LEAST
    assert (done.returncode == 0) is (report["same"] == report["judged"])
    original = report["original"] | {"encoding": "png-rgb"}
    lossless = next(entry for entry in report["encodings"] if entry["encoding"] == "png-rgb")
    for key in ("verdict", "suggestions", "score_difference", "smallest_iou", "decoded_width", "decoded_height"):
        assert lossless[key] == original[key]


def test_a_file_that_is_no_whole_photo_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "half.jpg"
    path.write_bytes(truncated(encode(noisy_scene(640, 480), "jpeg")))
    done = run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "send the whole file again" in done.stderr


# ------------------------------------------------------------------------------------ on made-up answers


def result(*suggestions: Suggestion) -> PhotoResult:
    photo = Photo(np.zeros((6, 8, 3), np.uint8), 8, 6, "0" * 64, "jpeg")
    return PhotoResult(photo, "issue", suggestions, Detections.empty(), Timings(0, 0, 0))


SURE = Suggestion("exposed_garbage", 0.912, "prefill")
ORIGINAL = Encoded("original", 1234, result(SURE), 0.0, None, None)


def comparison(*same: bool | None) -> Comparison:
    forms = (Encoded(f"form-{i}", 99, result(SURE), 0.0123, 0.987, one) for i, one in enumerate(same))
    return Comparison(ORIGINAL, tuple(forms))


@pytest.mark.parametrize(
    ("same", "judged", "alike", "code"),
    [
        ((True, True), 2, 2, 0),
        ((True, False), 2, 1, 1),
        ((True, None), 1, 1, 0),
        ((None, False), 1, 0, 1),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_exit_code(
    classifier: Classifier,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    same: tuple[bool | None, ...],
    judged: int,
    alike: int,
    code: int,
    *,
    as_json: bool,
) -> None:
    monkeypatch.setattr(encodings, "compare", lambda *_: comparison(*same))
    monkeypatch.setattr(Classifier, "load", lambda *_: classifier)
    assert (len(comparison(*same).judged), len(comparison(*same).same)) == (judged, alike)
    with pytest.raises(typer.Exit) as caught:
        encodings.main(model_folder / "model.json", model_folder, as_json=as_json)
    assert caught.value.exit_code == code


def test_the_table_says_what_each_encoding_was_answered(catalogue: Catalogue) -> None:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(comparison_table(comparison(True, False, None), catalogue))
    lines = capture.get().splitlines()
    assert next(line for line in lines if "original" in line).split("│")[6].split() == ["暴露垃圾", "0.912", "prefill"]
    assert [cell.strip() for cell in next(line for line in lines if "form-1" in line).split("│")[1:10]] == [
        "form-1",
        "99",
        "jpeg",
        "8x6",
        "issue",
        "暴露垃圾 0.912 prefill",
        "0.0123",
        "0.987",
        "no",
    ]
    assert lines[-1].strip() == "the same suggestions in 1 of 2 encodings"
