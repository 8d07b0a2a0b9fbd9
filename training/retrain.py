"""New labels in, a better model in production or a readable refusal out; every step can be cut off and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from datasets.check import PREDICTIONS, check
from datasets.check_command import write_report as write_check
from datasets.check_settings import CheckSettings, load_check_settings
from datasets.diff import difference
from datasets.freeze import FreezeOptions, freeze
from datasets.importing import ImportOptions, import_source
from datasets.opened_source import source_name
from datasets.predictions import Predictor
from datasets.settings import DataSettings, SourceSettings
from datasets.store import LabelStore
from datasets.versions import Version, Versions
from inference.categories import Catalogue
from inference.classify import Classifier
from inference.errors import PatrolError
from inference.model_store import ModelStore
from inference.package import ModelPackage, load_package
from training.build import WEIGHTS
from training.evaluation import FILE as EVALUATION
from training.evaluation import Evaluation, read_evaluation
from training.gate_command import answers, judged, write_report
from training.gate_photos import GatePhotos, gate_photos
from training.gate_report import JSON as GATE_JSON
from training.gate_report import GateReport
from training.gate_settings import GateSettings
from training.observe import Observation
from training.retrain_plan import (
    RetrainError,
    find_version,
    require_categories,
    require_kept_parts,
    require_replay,
    training_photos,
)
from training.retrain_progress import RetrainProgress
from training.retrain_state import STEPS, RunState, StepDone, StepName, write_state
from training.run import run as train_package
from training.settings import TrainSettings
from training.warm_start import warm_start

_GALLERY: Final = 200
"""Findings of each kind that the check's gallery shows."""
_WHO: Final = {"candidate": "新模型 candidate", "champion": "现用模型 champion"}


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a retraining works with.

    Attributes:
        folder: Of the run.
        settings: The recipe.
        gate: Settings of the gate.
        catalogue: All categories.
        champion: Whom the new model is compared with.
        by: Who retrains.
    """

    folder: Path
    settings: TrainSettings
    gate: GateSettings
    catalogue: Catalogue
    champion: ModelPackage
    by: str

    @property
    def package(self) -> Path:
        """Where the new model package goes."""
        return self.folder / "package"

    @property
    def gate_report(self) -> Path:
        """The gate's report."""
        return self.folder / "gate" / GATE_JSON


class Retraining:
    """One way from new labels to a verdict.

    Args:
        state: How far it has come.
        shop: What it works with.
        progress: Shows how far it is.
    """

    def __init__(self, state: RunState, shop: Workshop, progress: RetrainProgress) -> None:
        self.state = state
        self._shop = shop
        self._progress = progress
        self._store = LabelStore(Path(state.request.labels))
        self._steps: dict[StepName, Callable[[], dict[str, Any]]] = {
            "import": self._import,
            "check": self._check,
            "freeze": self._freeze,
            "train": self._train,
            "evaluate": self._evaluate,
            "gate": self._gate,
            "promote": self._promote,
        }

    def go_on(self, *, promote: bool) -> RunState:
        """Every step that is not finished, up to a refusal.

        Args:
            promote: Whether to promote a model that passed; otherwise it ends with the gate.

        Raises:
            PatrolError: a step cannot be done, with what to do about it; the same call goes on after that.
        """
        for name in STEPS:
            if name == "promote" and not (promote and self._passed()):
                break
            if name in self.state.steps:
                self._progress.skip(name)
                continue
            with self._progress.step(name):
                self._do(name)
        return self.state

    def _do(self, name: StepName) -> None:
        began = time.monotonic()
        try:
            result = self._steps[name]()
        except PatrolError:
            if name in ("check", "freeze"):  # whoever mends labels now wants them imported again
                self._record(self.state.without("import", "check"))
            raise
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        done = StepDone(finished=finished, seconds=round(time.monotonic() - began, 1), result=result)
        self._record(self.state.with_step(name, done))

    def _record(self, state: RunState) -> None:
        self.state = state
        write_state(self._shop.folder, state)

    def _passed(self) -> bool:
        gate = self.state.steps.get("gate")
        return gate is not None and bool(gate.result["passed"])

    def _import(self) -> dict[str, Any]:
        """Labels that are paths; names of imported sources are there already."""
        imported = []
        for source in self.state.request.sources:
            if source in self._store.sources() and not Path(source).exists():
                continue
            self._require_own_name(Path(source))
            options = _import_options(source_name(Path(source)), self._shop.settings.data.sources, self.state)
            start = partial(self._progress.counting, options.name)
            found = import_source(Path(source), self._store, self._shop.catalogue, options, start=start)
            imported.append(found.to_json())
        return {"sources": imported}

    def _require_own_name(self, path: Path) -> None:
        """Importing takes the place of what has the name: last month's labels must not go that way."""
        name = source_name(path)
        if name in self._store.sources() and self._store.about(name).origin != str(path.resolve()):
            raise RetrainError(
                f"{path}: labels named {name!r} are in the store already, from {self._store.about(name).origin}; "
                "importing these would take their place. Rename the folder"
            )

    def _names(self) -> list[str]:
        """Names of the new labels in the store."""
        known = self._store.sources()
        return [s if s in known and not Path(s).exists() else source_name(Path(s)) for s in self.state.request.sources]

    def _check(self) -> dict[str, Any]:
        names, out = self._names(), self._shop.folder / "check"
        settings = load_check_settings()
        photos = [photo for name in names for photo in self._store.photos(name)]
        imported = [fault for name in names for fault in self._store.faults(name)]
        with self._doubts(settings) as predictor:
            report = check(
                photos,
                settings,
                self._store.cache_folder,
                predictor=predictor,
                imported=imported,
                progress=self._progress.photos,
            )
        write_check(report, out, self._shop.catalogue, _GALLERY)
        errors = sum(fault.severity == "error" for fault in report.faults)
        if errors and not self.state.request.accept_faults:
            raise RetrainError(
                f"标注有 {errors} 处错误，先改正再运行同一命令 / the check found {errors} errors: look at "
                f"{out / 'index.html'}, mend them and run the same command again, or say --accept-faults"
            )
        return {"photos": len(photos), "errors": errors, "findings": len(report.faults), "report": str(out)}

    def _doubts(self, settings: CheckSettings) -> AbstractContextManager[Predictor | None]:
        """The champion, which doubts the new labels where it is asked."""
        if not self.state.request.ask_model:
            return nullcontext()
        classifier = Classifier.load(self._shop.champion.folder, self._shop.catalogue, "cpu")
        return Predictor(classifier, self._store.cache_folder / PREDICTIONS, settings.suspicions.score_floor)

    def _freeze(self) -> dict[str, Any]:
        request, plan = self.state.request, self.state.plan
        champion, labels = self._shop.champion.description, Path(request.labels)
        if not request.without_replay:
            require_replay(champion, labels)
        versions = Versions(self._store.versions_folder)
        if plan.version not in versions.names():  # else a run that was killed just after it had frozen it
            options = FreezeOptions(base=versions.base(None), leave_out_faulty=request.accept_faults)
            total = sum(self._store.about(name).photos for name in self._store.sources())
            with self._progress.photos("读取照片 reading photos", total) as advance:
                freeze(self._store, plan.version, options, self._shop.catalogue, advance)
        version = versions.find(plan.version)
        if not request.without_replay:
            require_replay(champion, labels, version)
        require_kept_parts(find_version(labels, plan.champion_data_version), version)
        return _frozen(version, None if version.record.base is None else versions.find(version.record.base.name))

    def _train(self) -> dict[str, Any]:
        settings, shop = self._training_settings(), self._shop
        photos = training_photos(Path(self.state.request.labels), self.state.plan.version, shop.catalogue)
        description = shop.champion.description
        categories = require_categories(description, photos, shop.catalogue, settings.model, shop.gate)
        weights = shop.champion.folder / WEIGHTS
        if self.state.request.start == "champion" and weights.is_file():
            start = warm_start(weights, description.categories, categories, shop.folder / "start.pt")
            settings = _going_on_from(start, settings)

        def on_photos(what: str, stream: Iterable[Observation]) -> Iterable[Observation]:
            self._progress.tell(what)
            return stream

        report = train_package(
            settings,
            Path(self.state.request.config).parent,
            shop.catalogue,
            shop.folder / "training",
            shop.package,
            self._progress.tell,
            on_photos,
        )
        return {
            "photos": len(photos),
            "categories": list(report.description.categories),
            "start": str(settings.model.start),
            "prefilled": [c for c, d in report.description.decisions.items() if d.prefill is not None],
        }

    def _training_settings(self) -> TrainSettings:
        request, plan = self.state.request, self.state.plan
        changed = {
            "name": plan.model,
            "version": plan.model_version,
            "data": DataSettings(root=Path(request.labels), version=plan.version),
        }
        return self._shop.settings.model_copy(update=changed).with_budget(request.epochs, request.hours)

    def _gate_photos(self) -> GatePhotos:
        request = self.state.request
        return gate_photos(
            DataSettings(root=Path(request.labels), version=self.state.plan.version),
            Path(request.config).parent,
            self._shop.catalogue,
            champion_version=self._shop.champion.description.data.version,
            part=request.part,
        )

    def _evaluate(self) -> dict[str, Any]:
        photos, packages = self._gate_photos(), self._packages()
        for who, package in packages.items():
            found = answers(package, _WHO[who], photos, self._shop.catalogue, self._progress.photos)
            path = self._shop.folder / "evaluation" / who / EVALUATION
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found.model_dump_json() + "\n", encoding="utf-8")
        return {"photos": len(photos.photos), "new": len(photos.new)}

    def _packages(self) -> dict[str, ModelPackage]:
        return {"candidate": load_package(self._shop.package), "champion": self._shop.champion}

    def _evaluation(self, who: str) -> Evaluation:
        return read_evaluation(self._shop.folder / "evaluation" / who / EVALUATION)

    def _gate(self) -> dict[str, Any]:
        packages = self._packages()
        report = judged(
            packages["candidate"],
            self._evaluation("candidate"),
            packages["champion"],
            self._evaluation("champion"),
            self._gate_photos(),
            self._shop.gate,
        )
        write_report(report, self._shop.gate_report.parent)
        return {"passed": report.passed, "refusals": len(report.judgement.refusals)}

    def _promote(self) -> dict[str, Any]:
        models, plan = ModelStore(self.state.request.store), self.state.plan
        if models.current() is None:
            models.add(self._shop.champion.folder)
            models.promote(plan.champion.reference, by=self._shop.by, why="现用模型，建库 / the model in use so far")
        stored = models.add(self._shop.package)
        why = f"retrained on {plan.version}: {', '.join(self._names())}"
        report = GateReport.model_validate_json(self._shop.gate_report.read_bytes())
        change = models.promote(stored.reference, by=self._shop.by, why=why, gate=report.model_dump(mode="json"))
        return {"champion": change.champion.reference, "revision": change.revision}


def _going_on_from(start: Path, settings: TrainSettings) -> TrainSettings:
    """The recipe from other weights, whose head already knows something."""
    model = settings.model.model_copy(update={"start": start})
    training = settings.training.model_copy(update={"warmup_bias_lr": 0.0})
    return settings.model_copy(update={"model": model, "training": training})


def _import_options(name: str, recipe: dict[str, SourceSettings], state: RunState) -> ImportOptions:
    about = recipe.get(name, SourceSettings())
    negatives = None if about.negatives is None else Path(state.request.config).parent / about.negatives
    return ImportOptions(
        name=name,
        class_map=about.class_map,
        negatives=negatives,
        held_out=about.held_out,
        stretched=about.stretched,
        series_block=about.series_block,
    )


def _frozen(version: Version, base: Version | None) -> dict[str, Any]:
    """What a version holds, and what is new in it."""
    record = version.record
    found: dict[str, Any] = {"name": record.name, "id": record.short, "photos": record.photos}
    if base is None:
        return found
    changed = difference(base, version)
    return {
        **found,
        "base": base.record.name,
        "added": {part: len(keys) for part, keys in changed.added.items()},
        "boxes": {category: list(counts) for category, counts in changed.boxes.items()},
    }
