"""The models in memory: the one that answers, the one before it, and one that was loaded to be tried."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import cv2

from inference.categories import Catalogue
from inference.classify import Classifier
from inference.engine import EngineError, Provider
from inference.errors import PatrolError
from inference.golden import Golden, check_golden, generated_picture, read_golden
from inference.package import ModelDescription, PackageError, read_description
from inference.photo import PhotoLimits
from inference.service.heap import trim
from inference.service.metrics import Metrics
from inference.service.problems import MODEL_REFUSED, NO_PREVIOUS_MODEL, Problem
from inference.service.shadow import Shadow

log = logging.getLogger(__name__)

_WARM_UP_PICTURE: Final = "blocks"


def load_warm(
    folder: Path, catalogue: Catalogue, provider: Provider | Literal["auto"], threads: int | None
) -> Classifier:
    """Load a package, check its hashes and golden outputs, and judge a picture, so that no request is the first.

    Raises:
        PackageError: The package must not be used.
        EngineError: There is no session to be had.
    """
    classifier = Classifier.load(folder, catalogue, provider, threads)
    _, file = cv2.imencode(".jpg", generated_picture(_WARM_UP_PICTURE))
    classifier.classify(file.tobytes())
    return classifier


@dataclass(frozen=True, slots=True)
class Place:
    """A model on the shelf.

    Attributes:
        folder: Where its package lies.
        description: Its model.json.
        golden: What its golden outputs must be; kept, because the folder may be gone when they are checked again.
        classifier: The model, or None where it has to be loaded again.
        activated_at: When it began to answer; None: never.
    """

    folder: Path
    description: ModelDescription
    golden: Golden
    classifier: Classifier | None
    activated_at: datetime | None = None

    @classmethod
    def of(cls, classifier: Classifier) -> Place:
        """The place of a model just loaded."""
        package = classifier.package
        return cls(package.folder, package.description, read_golden(package), classifier)


class Shelf:
    """Loads, switches and drops models; a failed load leaves everything as it was.

    Not thread-safe: for the event loop. At most three models are in memory: the one that answers, the one before it
    (unless `keep_previous` is false) and the one loaded last.

    Args:
        classifier: The model that answers.
        load: Loads, verifies and warms a package; called in a thread.
        switch: Told which model answers from now on, and which is compared with it.
        keep_previous: Whether the model before stays loaded.
        limits: Of photos that are judged for comparison.
        metrics: Told which model answers.

    Attributes:
        active: The model that answers.
        previous: The one before it, if there was one.
        candidate: One that was loaded and has not answered yet.
        loading: The folder that is being loaded.
        failed: Folder -> why it could not be loaded, the last time.
        shadow: The comparison under way, or the last one.
        fault: Why the active model must not be relied on, or None.
    """

    def __init__(
        self,
        classifier: Classifier,
        load: Callable[[Path], Classifier],
        switch: Callable[[Classifier, Shadow | None], None],
        *,
        keep_previous: bool,
        limits: PhotoLimits,
        metrics: Metrics,
    ) -> None:
        self._load_package = load
        self._switch = switch
        self._keep_previous = keep_previous
        self._limits = limits
        self._metrics = metrics
        self._changing = asyncio.Lock()
        self._classifier = classifier
        self.active = replace(Place.of(classifier), activated_at=_now())
        self.previous: Place | None = None
        self.candidate: Place | None = None
        self.loading: Path | None = None
        self.failed: dict[Path, str] = {}
        self.shadow: Shadow | None = None
        self.fault: str | None = None
        metrics.set_model(self.active.description)

    def places(self) -> Iterator[Place]:
        """Every model on the shelf, the active one first."""
        yield from (place for place in (self.active, self.previous, self.candidate) if place is not None)

    def find(self, version: str) -> Place | None:
        """The model on the shelf that has this version."""
        return next((place for place in self.places() if place.description.version == version), None)

    async def load(self, folder: Path) -> Place:
        """Load a package beside the active model.

        Raises:
            Problem: It must not be used.
        """
        async with self._changing:
            return await self._load(folder)

    async def activate(self, wanted: Place | Path) -> Place:
        """Let a model answer from now on.

        Args:
            wanted: A model on the shelf, or a package, which is loaded first.

        Raises:
            Problem: It must not be used.
        """
        async with self._changing:
            place = wanted if isinstance(wanted, Place) else await self._load(wanted)
            if place is not self.active:
                await self._activate(place)
            return self.active

    async def roll_back(self) -> Place:
        """Let the model before the active one answer again; the active one becomes the one before.

        Raises:
            Problem: There was none, or it cannot be loaded again.
        """
        async with self._changing:
            if self.previous is None:
                raise Problem(NO_PREVIOUS_MODEL, "No other model has answered since the service was started.")
            await self._activate(self.previous)
            return self.active

    async def try_out(self, wanted: Place | Path, requests: int) -> Shadow:
        """Let a model judge the next requests beside the active one, without answering them.

        Args:
            wanted: A model on the shelf, or a package, which is loaded first.
            requests: How many.

        Raises:
            Problem: It must not be used, or is the active one.
        """
        async with self._changing:
            place = wanted if isinstance(wanted, Place) else await self._load(wanted)
            if place is self.active:
                raise Problem(MODEL_REFUSED, f"{place.description.version} is the model that answers; try another.")
            self._stop_shadow()
            self.shadow = Shadow(await self._classifier_of(place), requests, self._limits)
            self._switch(self._classifier, self.shadow)
            return self.shadow

    async def check_golden(self) -> None:
        """Compute the active model's golden outputs again; what is wrong is kept in `fault`."""
        place, classifier = self.active, self._classifier
        fault = await asyncio.to_thread(_golden_fault, classifier, place.golden)
        if place is not self.active:
            return  # it answers no more
        if fault is not None and self.fault is None:
            log.error("golden outputs do not match: %s", fault)
        self.fault = fault
        self._metrics.set_golden(is_right=fault is None)

    async def _load(self, folder: Path) -> Place:
        self.loading = folder
        try:
            wanted = await asyncio.to_thread(read_description, folder)
            known = self._known(wanted)
            place = known or Place.of(await asyncio.to_thread(self._load_package, folder))
        except Exception as error:
            if not isinstance(error, PatrolError):
                log.exception("loading a model failed")
            reason = str(error) if isinstance(error, PatrolError) else f"loading failed: {error!r}"
            self.failed[folder] = reason
            raise Problem(MODEL_REFUSED, f"{reason} The model that answers is still {self._told()}.") from error
        finally:
            self.loading = None
        self.failed.pop(folder, None)
        if known is None:
            self._put_aside(place)
        return place

    def _known(self, wanted: ModelDescription) -> Place | None:
        """The model on the shelf with this very content.

        Raises:
            PackageError: One that has answered has the same version and other content.
        """
        for place in self.places():
            if place.description == wanted:
                return place
            same = (place.description.name, place.description.version) == (wanted.name, wanted.version)
            if same and place.activated_at is not None:
                raise PackageError(
                    f"version {wanted.version} of {wanted.name} has answered with other content, so that records could "
                    "not tell the two apart; give the package a version of its own."
                )
        return None

    def _put_aside(self, place: Place) -> None:
        """Keep a loaded model as the candidate, in place of any other."""
        self._stop_shadow()
        self.candidate = place

    async def _activate(self, place: Place) -> None:
        classifier = await self._classifier_of(place)
        self._stop_shadow()
        if self.candidate is place:
            self.candidate = None
        before = self.active if self._keep_previous else replace(self.active, classifier=None)
        self.active = replace(place, classifier=classifier, activated_at=_now())
        self.previous = before
        self._classifier = classifier
        self.fault = None
        self._switch(classifier, None)
        self._metrics.set_model(self.active.description)
        self._metrics.count_swap()
        await asyncio.to_thread(_give_back_memory, before.classifier)
        log.info("model activated", extra={"fields": {"version": self._told(), "before": before.description.version}})

    async def _classifier_of(self, place: Place) -> Classifier:
        if place.classifier is not None:
            return place.classifier
        try:
            return await asyncio.to_thread(self._load_package, place.folder)
        except PatrolError as error:
            raise Problem(MODEL_REFUSED, f"{error} The model that answers is still {self._told()}.") from error

    def _stop_shadow(self) -> None:
        if self.shadow is not None and self.shadow.is_running:
            self.shadow.stop()
            self._switch(self._classifier, None)

    def _told(self) -> str:
        return self.active.description.version

    def close(self) -> None:
        """End a comparison under way."""
        if self.shadow is not None:
            self.shadow.stop()


def _give_back_memory(resting: Classifier | None) -> None:
    """What a model that answers no more, and one that was dropped, leave allocated."""
    try:
        if resting is not None:
            resting.engine.rest()
        trim()
    except Exception:  # the switch has succeeded all the same
        log.exception("memory could not be given back")


def _golden_fault(classifier: Classifier, golden: Golden) -> str | None:
    try:
        check_golden(classifier.package, classifier.engine, golden=golden)
    except (PackageError, EngineError) as error:
        return str(error)
    except Exception as error:
        log.exception("the golden outputs could not be computed")
        return f"the golden outputs could not be computed: {error!r}"
    return None


def _now() -> datetime:
    return datetime.now(UTC)
