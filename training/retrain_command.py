"""`patrol retrain`: plan, go on, tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from datasets.store import LabelStore
from inference.categories import load_catalogue
from inference.errors import PatrolError
from inference.model_store import ModelStore
from inference.models_command import user
from inference.package import ModelPackage, load_package
from inference.printer import Printer
from inference.settings import load_settings
from training.gate_report import GateReport
from training.gate_settings import load_gate_settings
from training.retrain import Retraining, Workshop
from training.retrain_plan import find_version, make_plan, require_replay, run_name
from training.retrain_progress import RetrainProgress
from training.retrain_state import STEP_NAMES, STEPS, Request, RunState, read_state, require_same, write_state
from training.retrain_summary import SUMMARY, render, summarise
from training.settings import load_train_settings

DONE, REFUSED = 0, 1
_PACKAGES: Final = "champion"


@dataclass(frozen=True, slots=True)
class RetrainOptions:
    """What the command line asks for.

    Attributes:
        request: What decides what comes out.
        name: Of the run and its data version; None: after the new labels.
        runs: Folder of the runs.
        is_dry: Only say what would be done.
        promotes: Whether a model that passed goes into production; None: ask, where a person can answer.
        confirm: Asks a person.
        as_json: Print the outcome as JSON.
    """

    request: Request
    name: str | None
    runs: Path
    is_dry: bool
    promotes: bool | None
    confirm: Callable[[str], bool]
    as_json: bool


def run_retrain(options: RetrainOptions, printer: Printer) -> int:
    """Go from new labels to a verdict, or on to it.

    Returns:
        The exit code: 0 passed, 1 refused.

    Raises:
        PatrolError: something stands in the way, with what to do about it; the same command goes on after that.
    """
    name = options.name or run_name(options.request.sources)
    folder = options.runs / name
    models = ModelStore(options.request.store)
    shipped = load_package(load_settings().model)
    state = read_state(folder)
    if state is None:
        state = RunState(request=options.request, plan=make_plan(name, options.request, models, shipped))
    require_same(folder, state, options.request)
    if options.is_dry:
        _tell_plan(state, folder, shipped if models.current() is None else models.fetch("champion", folder), printer)
        return DONE
    state = _against_the_present_champion(state, models)
    champion = shipped if models.current() is None else models.fetch("champion", folder / _PACKAGES)
    _require_sources(state)
    write_state(folder, state)
    shop = Workshop(
        folder=folder,
        settings=load_train_settings(Path(options.request.config)),
        gate=load_gate_settings(Path(options.request.gate_config)),
        catalogue=load_catalogue(),
        champion=champion,
        by=user(),
    )
    with RetrainProgress(printer) as progress:
        state = Retraining(state, shop, progress).go_on(promote=bool(options.promotes))
    if options.promotes is None and _has_passed(state) and "promote" not in state.steps:
        state = _ask(state, shop, options, printer)
    return _tell(state, shop, options, printer)


def _against_the_present_champion(state: RunState, models: ModelStore) -> RunState:
    """The state without what was measured against a champion who is champion no more."""
    if "promote" in state.steps:
        return state
    now = models.find("champion") if models.current() is not None else None
    if now is None or now.pinned == state.plan.champion:
        return state
    changed = {"champion": now.pinned, "champion_data_version": now.description.data.version}
    plan = state.plan.model_copy(update=changed)
    return state.without("evaluate", "gate").model_copy(update={"plan": plan})


def _require_sources(state: RunState) -> None:
    if "import" in state.steps:
        return
    known = LabelStore(Path(state.request.labels)).sources()
    for source in state.request.sources:
        if source not in known and not Path(source).exists():
            raise PatrolError(
                f"{source}: 没有这个文件、文件夹或已导入的来源 / no such file or folder, and no imported source "
                "of this name"
            )


def _has_passed(state: RunState) -> bool:
    gate = state.steps.get("gate")
    return gate is not None and bool(gate.result["passed"])


def _ask(state: RunState, shop: Workshop, options: RetrainOptions, printer: Printer) -> RunState:
    if not printer.is_watched or options.as_json:
        return state
    if not options.confirm(
        f"{state.plan.model}/{state.plan.model_version} 通过门禁，现在上线？/ passed; promote it now?"
    ):
        return state
    with RetrainProgress(printer) as progress:
        return Retraining(state, shop, progress).go_on(promote=True)


def _tell_plan(state: RunState, folder: Path, champion: ModelPackage, printer: Printer) -> None:
    plan, request = state.plan, state.request
    printer.text(f"新标注 / new labels: {', '.join(request.sources)}")
    printer.text(f"数据版本 / data version: {plan.version} ({request.labels})")
    printer.text(f"新模型 / new model: {plan.model}/{plan.model_version}")
    printer.text(f"现用模型 / champion: {plan.champion.reference}，数据 / data {plan.champion_data_version}")
    known = find_version(Path(request.labels), plan.champion_data_version) is not None
    replayed = "按照片核对 / checked photo by photo" if known else "按来源核对 / checked by source"
    replayed = "不核对 / not checked" if request.without_replay else replayed
    printer.text(f"旧数据一并训练 / old data is trained on again: {replayed}")
    if not request.without_replay:
        require_replay(champion.description, Path(request.labels))
    steps = ("✓ " * (name in state.steps) + STEP_NAMES[name] for name in STEPS)
    printer.text(f"步骤 / steps: {' → '.join(steps)}")
    printer.text(f"运行目录 / run: {folder}")


def _tell(state: RunState, shop: Workshop, options: RetrainOptions, printer: Printer) -> int:
    report = None
    if shop.gate_report.is_file() and "gate" in state.steps:
        report = GateReport.model_validate_json(shop.gate_report.read_bytes())
    (shop.folder / SUMMARY).write_text(render(state, report, str(shop.folder)), encoding="utf-8")
    summary = summarise(state, report, str(shop.folder))
    if options.as_json:
        printer.json(
            {
                "passed": _has_passed(state),
                "promoted": "promote" in state.steps,
                "run": str(shop.folder),
                "plan": state.plan.model_dump(mode="json"),
                "steps": {name: done.model_dump(mode="json") for name, done in state.steps.items()},
                **summary.model_dump(mode="json"),
            }
        )
    else:
        for line in _lines(summary.verdict_zh, summary.verdict_en, summary.reasons, summary.next_step):
            printer.text(line)
        printer.text(f"摘要 / summary: {shop.folder / SUMMARY}")
    return DONE if _has_passed(state) else REFUSED


def _lines(zh: str, en: str, reasons: Sequence[tuple[str, str]], next_step: str) -> list[str]:
    told = [f"{n}. {reason_zh}\n   {reason_en}" for n, (reason_zh, reason_en) in enumerate(reasons, start=1)]
    return [zh, en, *told, next_step]
