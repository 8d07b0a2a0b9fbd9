"""ultralytics' trainer, extended for partial labels, CPU speed and offline use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("YOLO_OFFLINE", "true")  # no font, model or update is ever fetched

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics.data.build import build_dataloader
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel, load_checkpoint
from ultralytics.utils.callbacks import get_default_callbacks

from datasets.labels import LabelledPhoto
from inference.cores import cores
from training.partial import PartialLabelLoss
from training.photos import PartialLabelPhotos, repeat_factors
from training.settings import TrainSettings

OnEpoch = Callable[[int, int], None]


def _unheard(_: int, __: int) -> None:
    """Nobody listens."""


class PartialLabelModel(DetectionModel):  # type: ignore[misc]
    """ultralytics' detector with the partial-label loss, optionally in bf16 on CPU.

    The loss itself always runs in fp32.
    """

    bf16 = False

    def init_criterion(self) -> PartialLabelLoss:
        """The criterion that ultralytics builds on the first batch."""
        return PartialLabelLoss(self)

    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch as ultralytics' trainer asks for it."""
        if preds is None:
            with self._precision(batch["img"]):
                preds = self.forward(batch["img"])
            preds = _as_float(preds)
        result: tuple[Tensor, dict[str, Tensor]] = super().loss(batch, preds)
        return result

    def _precision(self, images: Tensor) -> AbstractContextManager[None]:
        return torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.bf16)


def _as_float(preds: Any) -> Any:
    if isinstance(preds, Tensor):
        return preds.float()
    if isinstance(preds, dict):
        return {key: _as_float(value) for key, value in preds.items()}
    return type(preds)(_as_float(value) for value in preds)


def wants_bf16(precision: str) -> bool:
    """Whether to train in bf16: asked for, or `auto` on a CPU with native bf16 arithmetic.

    Emulated bf16 was measured at ten times the time of fp32 (benchmarks/training_step.py): never chosen silently.
    """
    if precision != "auto":
        return precision == "bf16"
    cpu = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(cpu.get("amx_bf16") or cpu.get("avx512_bf16"))


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What one run trains on.

    Attributes:
        photos: The training part.
        categories: Category ids in output order.
        stretched: Sources whose photos lost their aspect ratio.
    """

    photos: Sequence[LabelledPhoto]
    categories: Sequence[str]
    stretched: frozenset[str]

    def repeats(self, settings: TrainSettings) -> NDArray[np.float64]:
        """(photos,) how often each photo is shown per epoch."""
        shown = np.array([[p.shows(c) is True for c in self.categories] for p in self.photos], dtype=bool)
        return repeat_factors(shown, settings.training.repeat_threshold, settings.training.repeat_limit)


class PartialLabelTrainer(DetectionTrainer):  # type: ignore[misc]
    """Trains a `PartialLabelModel` on a `TrainingSet`.

    Validation inside training is off: the package is judged by `patrol evaluate` on the exported model.
    """

    def __init__(self, settings: TrainSettings, data: TrainingSet, overrides: dict[str, Any]) -> None:
        self.settings = settings
        self.training_set = data
        super().__init__(overrides=overrides)
        # no tracking service that happens to be installed is spoken to
        self.callbacks = get_default_callbacks()
        self.args.workers = settings.training.workers  # ultralytics sets 0 on CPU; one worker hides augmentation

    def _setup_train(self) -> None:
        super()._setup_train()
        torch.set_num_threads(cores())  # ultralytics leaves one core idle

    def get_dataset(self) -> dict[str, Any]:
        """What ultralytics needs to know of the data."""
        names = dict(enumerate(self.training_set.categories))
        return {"names": names, "nc": len(names), "channels": 3, "train": "", "val": ""}

    def get_model(self, cfg: Any = None, weights: nn.Module | None = None, verbose: bool = True) -> PartialLabelModel:
        """A model with one output per category; weights are taken over where shapes agree."""
        model = PartialLabelModel(cfg, nc=self.data["nc"], ch=self.data["channels"], verbose=verbose)
        model.bf16 = wants_bf16(self.settings.training.precision)
        if weights is not None:
            model.load(weights)
        # an eighth faster on CPU than channels first, see benchmarks/training_step.py
        return cast("PartialLabelModel", model.to(memory_format=torch.channels_last))

    def get_dataloader(
        self,
        dataset_path: str,  # noqa: ARG002 - ultralytics' signature
        batch_size: int = 16,
        rank: int = 0,
        mode: str = "train",
    ) -> Any:
        """Loader of the training part; the one ultralytics asks for validation is never run."""
        recipe, data = self.settings.training, self.training_set
        dataset = PartialLabelPhotos(
            data.photos,
            data.categories,
            stretched=data.stretched,
            aspect_jitter=recipe.aspect_jitter,
            repeats=data.repeats(self.settings) if mode == "train" else None,
            seed=recipe.seed,
            imgsz=self.args.imgsz,
            augment=mode == "train",
            hyp=self.args,
            batch_size=batch_size,
        )
        workers = self.args.workers if mode == "train" else 0
        return build_dataloader(dataset, batch=batch_size, workers=workers, shuffle=mode == "train", rank=rank)

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pixels to [0, 1], in the layout of the model's weights."""
        prepared: dict[str, Any] = super().preprocess_batch(batch)
        prepared["img"] = prepared["img"].contiguous(memory_format=torch.channels_last)
        return prepared

    def get_validator(self) -> Any:
        """Ultralytics' validator, needed for its metric names only."""
        self.loss_names = "box_loss", "cls_loss", "dfl_loss"
        return super().get_validator()

    def save_model(self) -> bool:
        """Write checkpoints that hold a stock DetectionModel, so that any ultralytics loads them."""
        ema, own = self.ema.ema, self.ema.ema.__class__
        ema.__class__ = DetectionModel
        try:
            return bool(super().save_model())
        finally:
            ema.__class__ = own

    def validate(self) -> tuple[dict[str, float], float]:
        """Nothing: see the class."""
        self.best_fitness = float(self.epoch)
        return {}, self.best_fitness

    def final_eval(self) -> None:
        """Nothing: see the class."""


def _overrides(settings: TrainSettings, runs: Path, resume: Path | None) -> dict[str, Any]:
    recipe = settings.training
    return {
        "task": "detect",
        "model": str(resume or settings.model.start),
        "resume": str(resume) if resume else False,
        "data": "",
        "imgsz": recipe.image_size,
        "batch": recipe.batch,
        "nbs": recipe.nominal_batch,
        "epochs": recipe.epochs,
        "time": recipe.hours,
        "close_mosaic": recipe.close_mosaic,
        "optimizer": recipe.optimizer,
        "lr0": recipe.learning_rate,
        "lrf": recipe.final_learning_rate_fraction,
        "cos_lr": recipe.schedule == "cosine",
        "warmup_epochs": recipe.warmup_epochs,
        "warmup_bias_lr": recipe.warmup_bias_lr,
        "weight_decay": recipe.weight_decay,
        "freeze": recipe.frozen_layers or None,
        "scale": recipe.scale,
        "hsv_v": recipe.brightness,
        "degrees": recipe.rotation,
        "seed": recipe.seed,
        "amp": False,  # its check fetches a model; bf16 is handled by PartialLabelModel
        "val": False,
        "plots": False,  # they fetch fonts
        "project": str(runs.parent.resolve()),
        "name": runs.name,
        "exist_ok": True,
    }


def train(settings: TrainSettings, data: TrainingSet, runs: Path, on_epoch: OnEpoch = _unheard) -> Path:
    """Fine-tune, finish with a second run, average both; goes on from the last checkpoint when it was cut off.

    Args:
        settings: The recipe.
        data: What to train on.
        runs: Folder of the run; checkpoints are written after every epoch, the second run's under `finish`.
        on_epoch: Told after each epoch how many are done, and of how many.

    Returns:
        A checkpoint with the EMA weights, or with their average over both runs.
    """
    first = _train_once(settings, data, runs, on_epoch)
    finish, second = settings.training.finish, settings.finishing(first)
    if finish is None or second is None:
        return first
    return averaged(first, _train_once(second, data, runs / "finish", on_epoch), finish.share, runs / "averaged.pt")


def averaged(first: Path, second: Path, share: float, target: Path) -> Path:
    """Write a checkpoint whose weights are `(1 - share) * first + share * second`.

    Averaging along one fine-tuning run finds flatter minima than its end (Izmailov et al. 2018); integer buffers are
    taken from the first.
    """
    model, _ = load_checkpoint(first)
    other = load_checkpoint(second)[0].state_dict()
    mixed = {
        name: torch.lerp(value, other[name], share) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(mixed)
    torch.save({"model": model.half(), "epoch": -1, "train_args": {}}, target)
    return target


def _train_once(settings: TrainSettings, data: TrainingSet, runs: Path, on_epoch: OnEpoch) -> Path:
    last = runs / "weights" / "last.pt"
    if _finished(last):
        return last
    trainer = PartialLabelTrainer(settings, data, _overrides(settings, runs, last if last.exists() else None))
    trainer.add_callback("on_train_epoch_end", lambda at: on_epoch(at.epoch + 1, at.epochs))
    trainer.train()
    return last


def _finished(checkpoint: Path) -> bool:
    if not checkpoint.exists():
        return False
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    return bool(state["epoch"] + 1 >= state["train_args"]["epochs"])
