"""The model store: versioned packages that never change, and the aliases `champion` and `previous`.

    STORE/<name>/<version>/          a model package, as it was added
    STORE/_promotions/000007.json    see `inference.promotions`

STORE is a folder, or a URL that fsspec reaches (s3://bucket/models). A process that is killed at any moment leaves a
store in which every package is whole and one model is champion; of two writers at a time, one goes after the other.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Final

from pydantic import ValidationError

from inference.engine import Engine
from inference.errors import PatrolError
from inference.golden import check_golden
from inference.model_files import ModelFiles, StoreError, model_files
from inference.package import DESCRIPTION, ModelDescription, ModelPackage, PackageError, load_package
from inference.promotions import GateReport, Pinned, Promotion, Promotions

ALIASES: Final = ("champion", "previous")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
_KEPT_BEFORE: Final = 50
"""Champions before the present one that a rollback can still reach; the history keeps all."""
_ATTEMPTS: Final = 5
"""Times that a change is tried again after another writer was first."""


class GateError(StoreError):
    """A promotion without the gate's consent."""


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A package in a store.

    Attributes:
        pinned: Its reference and the hash of its model.json.
        description: Its model.json.
        aliases: The names that stand for it.
    """

    pinned: Pinned
    description: ModelDescription
    aliases: tuple[str, ...]

    @property
    def reference(self) -> str:
        """`name/version`."""
        return self.pinned.reference


@dataclass(frozen=True, slots=True)
class Verified:
    """What a second look at a package found.

    Attributes:
        reference: `name/version`.
        problem: What is wrong; None: nothing.
        golden: Golden picture -> largest difference of a score from what it was where the package was made.
    """

    reference: str
    problem: str | None
    golden: Mapping[str, float]


class ModelStore:
    """A store of model packages.

    Args:
        place: A folder, or a URL that fsspec reaches.

    Raises:
        StoreError: no such kind of address is known, or its package is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        self._files: ModelFiles = model_files(self.place)
        self._promotions = Promotions(self._files)

    def packages(self) -> list[StoredPackage]:
        """Every package, by name and time of making."""
        aliases = self._aliases()
        found = [self._stored(reference, aliases) for reference in self._references()]
        return sorted(found, key=lambda one: (one.description.name, one.description.created))

    def current(self) -> Promotion | None:
        """Who is champion, since when and why; None: nobody yet."""
        return self._promotions.current()

    def history(self) -> list[Promotion]:
        """Every change of the champion, the latest first."""
        return self._promotions.history()

    def find(self, name: str) -> StoredPackage:
        """A package by alias, by `name/version`, or by a version that only one model has.

        Raises:
            StoreError: there is none, or several; or an alias stands for one that was changed since.
        """
        aliases = self._aliases()
        if name in ALIASES:
            if name not in aliases:
                raise StoreError(f"{self.place}: there is no {name} yet; `patrol models promote` makes one")
            return self._unchanged(self._stored(aliases[name].reference, aliases), aliases[name])
        known = self._references()
        chosen = [reference for reference in known if name in (reference, reference.partition("/")[2])]
        if len(chosen) != 1:
            what = "several packages have" if chosen else "no package has"
            raise StoreError(f"{self.place}: {what} the name or version {name!r}; there are: {', '.join(known) or '-'}")
        return self._stored(chosen[0], aliases)

    def add(self, folder: Path) -> StoredPackage:
        """Keep a copy of a package; the same package again changes nothing.

        Raises:
            PackageError: it is damaged.
            StoreError: another package has its name and version.
        """
        package = load_package(folder)
        description, pinned = package.description, pinned_package(package)
        if not _VERSION.fullmatch(description.version):
            raise StoreError(
                f"{folder}: version {description.version!r} is no folder name; use letters, digits, . + _ -"
            )
        reference = pinned.reference
        try:
            self._files.add(folder, [*description.files, DESCRIPTION], reference)
        except FileExistsError as error:
            if self._hash(reference) != pinned.sha256:
                raise StoreError(
                    f"{self._files.shown(reference)} holds another package of this version, and packages never change: "
                    "give yours a new version"
                ) from error
        return self._stored(reference, self._aliases())

    def promote(
        self, name: str, *, by: str, why: str, gate: Mapping[str, Any] | None = None, is_ungated: bool = False
    ) -> Promotion:
        """Make a package the champion; the champion before becomes `previous`.

        Args:
            name: As `find` takes it.
            by: Who promotes.
            why: The reason, for whoever asks next year.
            gate: The report of `patrol gate` about this package and the present champion; it is kept.
            is_ungated: Promote without one; the history says so.

        Returns:
            The change; for a package that is champion already, the one that made it so.

        Raises:
            GateError: the gate refused, or judged other packages than these two, or was not asked.
            StoreError: there is no such package.
        """
        stored = self.find(name)

        def change(now: Promotion | None) -> Promotion:
            if now is not None and now.champion == stored.pinned:
                return now
            if gate is not None:
                _require_consent(gate, stored.pinned, now)
            elif now is not None and not is_ungated:
                raise GateError(
                    f"{stored.reference}: the gate was not asked; run `patrol gate` against the champion and give its "
                    "report with --gate, or say --ungated"
                )
            before = () if now is None else (now.champion, *now.before)
            return _promotion(now, "promote", stored.pinned, before, by, why, gate)

        return self._change(change)

    def rollback(self, *, by: str, why: str) -> Promotion:
        """Make the previous champion the champion again; a second rollback goes back one more.

        Raises:
            StoreError: there was none before.
        """

        def change(now: Promotion | None) -> Promotion:
            if now is None or now.previous is None:
                raise StoreError(f"{self.place}: there is no previous champion to go back to")
            self._unchanged(self._stored(now.previous.reference, {}), now.previous)
            return _promotion(now, "rollback", now.previous, now.before[1:], by, why, None)

        return self._change(change)

    def fetch(self, name: str, cache: Path) -> ModelPackage:
        """A package on this machine's disk, every hash checked, ready for `Classifier`.

        Args:
            name: As `find` takes it.
            cache: Folder for packages of remote stores; a package in it is not fetched again.

        Raises:
            PackageError: it is damaged.
            StoreError: there is no such package.
        """
        stored = self.find(name)
        folder = self._files.on_disk(stored.reference)
        if folder is None:
            return self._cached(stored, cache)
        return load_package(folder)

    def verify(self, name: str) -> Verified:
        """Hash every file of a package again, and replay its golden outputs on this machine."""
        try:
            stored = self.find(name)
            for promotion in self.history():
                for pinned in (promotion.champion, *promotion.before):
                    if pinned.reference == stored.reference:
                        self._unchanged(stored, pinned)
            with TemporaryDirectory(prefix="patrol-verify-") as cache:
                package = self.fetch(stored.reference, Path(cache))
                golden = check_golden(package, Engine(package.model_path, "cpu"))
        except PatrolError as error:
            return Verified(name, str(error), {})
        return Verified(stored.reference, None, golden)

    def _change(self, change: Callable[[Promotion | None], Promotion]) -> Promotion:
        """Make a change on top of the one that holds; again, when another writer was first."""
        for _ in range(_ATTEMPTS):
            with self._files.locked():
                now = self.current()
                wanted = change(now)
                if wanted == now:
                    return wanted
                try:
                    self._promotions.append(wanted)
                except FileExistsError:
                    continue
                return wanted
        raise StoreError(f"{self.place}: others change the champion all the time; try again later")

    def _aliases(self) -> Mapping[str, Pinned]:
        now = self.current()
        return {} if now is None else now.aliases

    def _references(self) -> list[str]:
        models = (name for name in self._files.names("") if not name.startswith("_"))
        return [
            f"{model}/{version}"
            for model in models
            for version in self._files.names(model)
            if DESCRIPTION in self._files.names(f"{model}/{version}")
        ]

    def _stored(self, reference: str, aliases: Mapping[str, Pinned]) -> StoredPackage:
        path = f"{reference}/{DESCRIPTION}"
        try:
            data = self._files.read(path)
            description = ModelDescription.model_validate(json.loads(data))
        except FileNotFoundError as error:
            raise StoreError(f"{self._files.shown(path)} is missing; put the package back from a copy") from error
        except (ValueError, ValidationError) as error:
            raise StoreError(f"{self._files.shown(path)} is damaged; put the package back from a copy") from error
        names = tuple(alias for alias, pinned in aliases.items() if pinned.reference == reference)
        return StoredPackage(Pinned(reference=reference, sha256=sha256(data).hexdigest()), description, names)

    def _hash(self, reference: str) -> str:
        try:
            return sha256(self._files.read(f"{reference}/{DESCRIPTION}")).hexdigest()
        except FileNotFoundError:
            return ""

    def _unchanged(self, stored: StoredPackage, pinned: Pinned) -> StoredPackage:
        if stored.pinned == pinned:
            return stored
        path = self._files.shown(f"{stored.reference}/{DESCRIPTION}")
        raise StoreError(f"{path}: changed since it was promoted; put the package back from a copy")

    def _cached(self, stored: StoredPackage, cache: Path) -> ModelPackage:
        target = cache / f"{stored.reference}-{stored.pinned.sha256[:12]}"
        try:
            return load_package(target)
        except PackageError:
            shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(mkdtemp(dir=target.parent, prefix=".fetching-"))
        try:
            for name in (*stored.description.files, DESCRIPTION):
                self._files.download(f"{stored.reference}/{name}", staging / name)
            load_package(staging)
            staging.chmod(0o755)
            if not target.exists():  # another process may have been first, with the same files
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return load_package(target)


def package_hash(folder: Path) -> str:
    """The hash that names a package: of model.json, which holds the hashes of all other files."""
    return sha256((folder / DESCRIPTION).read_bytes()).hexdigest()


def pinned_package(package: ModelPackage) -> Pinned:
    """Reference and hash of a package, wherever it lies."""
    about = package.description
    return Pinned(reference=f"{about.name}/{about.version}", sha256=package_hash(package.folder))


def _promotion(
    now: Promotion | None,
    action: str,
    champion: Pinned,
    before: tuple[Pinned, ...],
    by: str,
    why: str,
    gate: Mapping[str, Any] | None,
) -> Promotion:
    return Promotion.model_validate(
        {
            "revision": 1 if now is None else now.revision + 1,
            "action": action,
            "champion": champion,
            "before": before[:_KEPT_BEFORE],
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": by,
            "why": why,
            "gate": gate,
        }
    )


def _require_consent(gate: Mapping[str, Any], candidate: Pinned, now: Promotion | None) -> None:
    """Refuse what the gate refused, and a report about other packages than those at hand."""
    try:
        report = GateReport.model_validate(gate)
    except ValidationError as error:
        raise GateError("the report given with --gate is none that `patrol gate` writes") from error
    if report.candidate.sha256 != candidate.sha256:
        raise GateError(
            f"the gate's report is about {report.candidate.reference}, not about this {candidate.reference}"
        )
    if now is not None and report.champion.sha256 != now.champion.sha256:
        raise GateError(
            f"the gate compared with {report.champion.reference}, but the champion is {now.champion.reference} by now: "
            "run `patrol gate` again"
        )
    if not report.passed:
        raise GateError(f"the gate refused {candidate.reference}; its report says why")
