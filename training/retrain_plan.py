"""What a retraining will do, settled before it does anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from datasets.diff import difference
from datasets.errors import LabelError
from datasets.labels import LabelledPhoto
from datasets.load_version import labelled_photos
from datasets.opened_source import source_name
from datasets.settings import DataSettings
from datasets.store import LabelStore
from datasets.versions import Version, Versions
from inference.categories import Catalogue
from inference.errors import PatrolError
from inference.model_store import ModelStore, pinned_package
from inference.package import ModelDescription, ModelPackage
from training.gate_settings import GateSettings
from training.retrain_state import Plan, Request
from training.selection import trainable
from training.settings import ModelSettings

_SEMANTIC: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_NAME_LENGTH: Final = 60
_NAMED: Final = 5


class RetrainError(PatrolError):
    """A retraining that should not go on, with what to do about it."""


def run_name(sources: Sequence[str]) -> str:
    """The name of a run and of its data version: of the new labels."""
    joined = "+".join(source_name(Path(source)) for source in sources)
    return re.sub(r"[^\w.-]+", "-", joined).strip("-.")[:_NAME_LENGTH] or "retrain"


def next_version(versions: Iterable[str]) -> str:
    """The minor release after the highest of some versions that are X.Y.Z."""
    known = [tuple(map(int, match.groups())) for version in versions if (match := _SEMANTIC.fullmatch(version))]
    major, minor, _ = max(known, default=(0, 0, 0))
    return f"{major}.{minor + 1}.0"


def make_plan(name: str, request: Request, models: ModelStore, shipped: ModelPackage) -> Plan:
    """Settle names; `shipped` is the champion where the model store has none yet.

    Raises:
        RetrainError: a data version of this name was made by something else.
    """
    folder = LabelStore(Path(request.labels)).versions_folder / name
    if folder.exists():
        raise RetrainError(f"{folder}: there is a data version of this name already; name the new one with --name")
    champion = models.find("champion") if models.current() is not None else None
    description = shipped.description if champion is None else champion.description
    versions = [
        stored.description.version for stored in models.packages() if stored.description.name == description.name
    ]
    return Plan(
        version=name,
        model=description.name,
        model_version=next_version([*versions, description.version]),
        champion=pinned_package(shipped) if champion is None else champion.pinned,
        champion_data_version=description.data.version,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def find_version(labels: Path, version: str) -> Version | None:
    """A frozen version by name or id, or None."""
    try:
        return Versions(LabelStore(labels).versions_folder).find(version)
    except LabelError:
        return None


def require_replay(champion: ModelDescription, labels: Path, new: Version | None = None) -> None:
    """Refuse to forget: what the champion was trained on must be trained on again.

    Args:
        champion: The champion's model.json.
        labels: The label store.
        new: The version to train on; None: it is not frozen yet, and sources are all that can be looked at.

    Raises:
        RetrainError: naming what is missing.
    """
    before = find_version(labels, champion.data.version)
    if before is None or new is None:
        known = set(LabelStore(labels).sources())
        missing = [source.name for source in champion.data.sources if source.name not in known]
        what = "sources"
    else:
        here = {frozen.sha256 for frozen in new.photos()}
        missing = [f.photo.key for f in before.photos() if f.photo.split == "train" and f.sha256 not in here]
        what = "training photos"
    if missing:
        raise RetrainError(
            f"现用模型训练过的数据不全 / {len(missing)} {what} that the champion was trained on are not in {labels}: "
            f"{', '.join(missing[:_NAMED])}{' ...' if len(missing) > _NAMED else ''}. A model trained without them "
            "would forget what they taught: import them (`patrol data import`), or say --without-replay"
        )


def require_kept_parts(before: Version | None, new: Version) -> None:
    """Refuse to train on what the champion is judged by.

    Args:
        before: The champion's data version, where it is known.
        new: The version to train on.

    Raises:
        RetrainError: naming photos that left the test part, or left validation for training.
    """
    broken = [] if before is None else [move.key for move in difference(before, new).broken_promises]
    if broken:
        raise RetrainError(
            f"{new.record.name}: {len(broken)} photos were held out when the champion was made, and are not any more: "
            f"{', '.join(broken[:_NAMED])}. Freeze a version on top of {before.record.name if before else '-'} "
            "(`patrol data freeze --base`) and retrain then"
        )


def require_categories(
    champion: ModelDescription,
    photos: Sequence[LabelledPhoto],
    catalogue: Catalogue,
    model: ModelSettings,
    gate: GateSettings,
) -> list[str]:
    """The categories to train, once it is certain that the gate would not refuse them unseen.

    Raises:
        RetrainError: some of the champion's would be missing.
    """
    categories, left_out = trainable(photos, catalogue, model)
    lost = [c for c in champion.categories if c not in categories and c not in gate.may_be_dropped]
    if lost:
        reasons = "; ".join(f"{c}: {left_out.get(c, 'no category any more')}" for c in lost)
        raise RetrainError(
            "新模型将缺少现用模型的类别 / the new model would lack categories of the champion, which the gate "
            f"refuses: {reasons}. Import more of their labels, or list them under may_be_dropped in gate.yaml"
        )
    return categories


def training_photos(labels: Path, version: str, catalogue: Catalogue) -> list[LabelledPhoto]:
    """The training part of a frozen version."""
    return labelled_photos(DataSettings(root=labels, version=version), catalogue, labels).part("train")
