"""Export, calibrate and judge weights again: `python -m benchmarks.rejudge [--weights FILE] [--out DIR]`.

Without arguments the shipped weights, which gives the tables of models/street-patrol-n/report.md.
"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from datasets.load_version import labelled_photos
from inference.categories import load_catalogue
from inference.paths import CONFIGS, MODELS
from training.build import REPORT, build_package
from training.selection import trainable
from training.settings import load_train_settings


def main(weights: Path = MODELS / "street-patrol-n" / "weights.pt", out: Path = Path("runs/rejudged")) -> None:
    """Write a package to `out` and print its report."""
    settings, catalogue = load_train_settings(), load_catalogue()
    collection = labelled_photos(settings.data, catalogue, CONFIGS)
    categories, left_out = trainable(collection.part("train"), catalogue, settings.model)
    build_package(weights, settings, collection, catalogue, tuple(categories), left_out, out)
    Console().print((out / REPORT).read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
