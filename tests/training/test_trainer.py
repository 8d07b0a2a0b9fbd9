"""Real training on made photos: it learns, it survives being cut off, it leaves a checkpoint anybody can load."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `train` is not installed")
pytest.importorskip("ultralytics", reason="extra `train` is not installed")

from ultralytics.nn.tasks import DetectionModel, load_checkpoint

from datasets.labels import Box, LabelledPhoto
from inference.paths import CONFIGS
from tests.shared import shared
from training.settings import TrainSettings, load_train_settings
from training.trainer import PartialLabelTrainer, TrainingSet, train, wants_bf16

CATEGORIES = ["waste_bin", "utility_pole"]


@pytest.fixture
def data(tmp_path: Path) -> TrainingSet:
    photos = []
    for number in range(16):
        pixels = np.full((96, 96, 3), 200, np.uint8)
        cv2.rectangle(pixels, (20, 20), (60, 70), (0, 120, 0), -1)
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), pixels)
        box = Box(CATEGORIES[0], (20 / 96, 20 / 96, 60 / 96, 70 / 96))
        photos.append(LabelledPhoto("made", path, (box,), frozenset({CATEGORIES[0]})))
    return TrainingSet(photos, CATEGORIES, frozenset())


@pytest.fixture
def settings() -> TrainSettings:
    loaded = load_train_settings(CONFIGS / "train.yaml")
    model = loaded.model.model_copy(update={"start": shared("weights", "yolo11n.pt")})
    quick = {"epochs": 3, "hours": None, "image_size": 64, "batch": 8, "nominal_batch": 8, "workers": 0, "finish": None}
    training = loaded.training.model_copy(update=quick)
    return loaded.model_copy(update={"model": model, "training": training})


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(
    data: TrainingSet, settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "run"
    epochs: list[int] = []
    saved = PartialLabelTrainer.save_model

    def save_and_die_after_the_second(self: PartialLabelTrainer) -> bool:
        done = saved(self)
        epochs.append(self.epoch)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(PartialLabelTrainer, "save_model", save_and_die_after_the_second)
    with pytest.raises(KeyboardInterrupt):
        train(settings, data, runs)
    checkpoint = train(settings, data, runs)
    assert epochs == [0, 1, 2]
    model, state = load_checkpoint(checkpoint)
    assert type(model) is DetectionModel  # no class of ours inside: any ultralytics loads it
    assert state["epoch"] == 2
    assert model.model[-1].nc == len(CATEGORIES)
    assert train(settings, data, runs) == checkpoint  # finished: nothing more to do
    assert epochs == [0, 1, 2]


def test_the_stem_stays_as_it_was(data: TrainingSet, settings: TrainSettings, tmp_path: Path) -> None:
    once = settings.with_budget(1, None)
    trained, _ = load_checkpoint(train(once, data, tmp_path / "run"))
    start, _ = load_checkpoint(settings.model.start)
    for layer in range(len(start.model) - 1):
        pairs = zip(start.model[layer].parameters(), trained.model[layer].parameters(), strict=True)
        same = all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)
        if layer < settings.training.frozen_layers:
            assert same, f"layer {layer} is frozen but changed"


def test_the_second_run_starts_from_the_first_and_both_are_averaged(
    data: TrainingSet, settings: TrainSettings, tmp_path: Path
) -> None:
    finish = load_train_settings(CONFIGS / "train.yaml").training.finish
    assert finish is not None
    training = settings.training.model_copy(update={"epochs": 1, "finish": finish.model_copy(update={"epochs": 1})})
    both = settings.model_copy(update={"training": training})
    checkpoint = train(both, data, tmp_path / "run")
    first = tmp_path / "run" / "weights" / "last.pt"
    second = tmp_path / "run" / "finish" / "weights" / "last.pt"
    _, state = load_checkpoint(second)
    assert state["train_args"]["model"] == str(first)
    assert state["train_args"]["lr0"] == finish.learning_rate
    one, other, mean = (load_checkpoint(path)[0].state_dict() for path in (first, second, checkpoint))
    for name in ("model.22.m.0.cv1.conv.weight", "model.10.cv1.bn.running_mean"):
        assert torch.allclose(mean[name], (one[name] + other[name]) / 2, rtol=1e-3, atol=1e-3)  # kept in fp16
    before = first.stat().st_mtime_ns
    assert train(both, data, tmp_path / "run") == checkpoint
    assert first.stat().st_mtime_ns == before


@pytest.mark.parametrize(("asked", "expected"), [("fp32", False), ("bf16", True)])
def test_precision_asked_for_is_taken(asked: str, *, expected: bool) -> None:
    assert wants_bf16(asked) is expected


def test_auto_precision_never_emulates_bf16() -> None:
    capabilities = torch.cpu.get_capabilities()
    assert wants_bf16("auto") is bool(capabilities["amx_bf16"] or capabilities["avx512_bf16"])
