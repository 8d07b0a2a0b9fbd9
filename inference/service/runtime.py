"""What answers are made with, loaded once, in the background of a service that already answers probes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

from fastapi import Depends, Request

from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.errors import ConfigError, PatrolError
from inference.mappings import Scheme, load_schemes
from inference.service.admission import BodyBudget, PhotoQueue
from inference.service.metrics import Metrics
from inference.service.problems import NOT_READY, UNKNOWN_SCHEME, Problem
from inference.service.shadow import Shadow
from inference.service.shelf import Shelf, load_warm
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Catalogue, schemes and a verified model, as they are at one moment: a request keeps the one it began with.

    Attributes:
        settings: The service's settings.
        catalogue: The categories.
        schemes: Code schemes by name.
        classifier: The model.
        workers: Threads that decode and judge photos; `queue` runs photos in them.
        queue: The photos that wait for a thread.
        metrics: What the service counts about itself.
        shadow: Another model, to be compared with this one, if there is one.
    """

    settings: ServiceSettings
    catalogue: Catalogue
    schemes: Mapping[str, Scheme]
    classifier: Classifier
    workers: ThreadPoolExecutor
    queue: PhotoQueue
    metrics: Metrics
    shadow: Shadow | None = None

    @classmethod
    def load(cls, settings: ServiceSettings, metrics: Metrics | None = None) -> Self:
        """Read the operator's files, and load and check the model.

        Args:
            settings: The service's settings.
            metrics: Where to count; None: where nobody looks.

        Raises:
            PatrolError: Some file is wrong, or the model must not be used.
        """
        catalogue = load_catalogue(settings.categories)
        schemes = load_schemes(settings.mappings, catalogue)
        if settings.default_scheme not in schemes:
            problem = f"holds no {settings.default_scheme}.csv, which default_scheme asks for"
            raise ConfigError(settings.mappings, None, problem, f"The schemes there are: {', '.join(schemes)}.")
        classifier = Classifier.load(settings.model, catalogue, settings.provider, settings.engine_threads)
        workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="photo")
        counted = metrics or Metrics()
        queue = PhotoQueue(
            workers,
            workers=settings.workers,
            max_waiting=settings.queue_photos,
            deadline=settings.deadline,
            metrics=counted,
        )
        return cls(settings, catalogue, schemes, classifier, workers, queue, counted)

    def scheme(self, name: str | None) -> Scheme:
        """The scheme of this name, or the default one.

        Raises:
            Problem: There is none.
        """
        wanted = self.settings.default_scheme if name is None else name
        if wanted not in self.schemes:
            known = ", ".join(self.schemes)
            raise Problem(UNKNOWN_SCHEME, f"scheme is {wanted!r}; use one of {known}", known=list(self.schemes))
        return self.schemes[wanted]

    def close(self) -> None:
        """Finish the photos at work and end the threads."""
        self.workers.shutdown(cancel_futures=True)


class Startup:
    """Loads the runtime once the service has started to answer, and holds the one that answers now.

    Args:
        settings: The service's settings.

    Attributes:
        metrics: What the service counts about itself.
        bodies: Room for request bodies.
        error: Why loading failed, or None.
        on_failure: Called when it fails.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._runtime: Runtime | None = None
        self._shelf: Shelf | None = None
        self.metrics = Metrics()
        self.bodies = BodyBudget(settings.pending_bytes)
        self.metrics.watch_bodies(self.bodies)
        self.error: PatrolError | None = None
        self.on_failure: Callable[[], None] | None = None

    async def load(self) -> None:
        """Load; what goes wrong is kept in `error`."""
        try:
            runtime = await asyncio.to_thread(Runtime.load, self._settings, self.metrics)
            shelf = self._shelf_for(runtime)
        except PatrolError as error:
            self.fail(error)
        except Exception as error:
            log.exception("loading failed")
            self.fail(PatrolError(f"loading failed: {error!r}"))
        else:
            self._runtime, self._shelf = runtime, shelf
            log.info("ready", extra={"fields": _facts(runtime)})

    def _shelf_for(self, runtime: Runtime) -> Shelf:
        def load(folder: Path) -> Classifier:
            return load_warm(folder, runtime.catalogue, self._settings.provider, self._settings.engine_threads)

        return Shelf(
            runtime.classifier,
            load,
            self._switch,
            keep_previous=self._settings.keep_previous,
            limits=self._settings.photo_limits,
            metrics=self.metrics,
        )

    def _switch(self, classifier: Classifier, shadow: Shadow | None) -> None:
        """Let requests that come from now on be answered so; those at work keep the runtime they began with."""
        self._runtime = replace(self.require(), classifier=classifier, shadow=shadow)

    def fail(self, error: PatrolError) -> None:
        """Note why the service cannot answer, and say so to whoever waits for it."""
        log.error("not ready: %s", error)
        self.error = error
        if self.on_failure is not None:
            self.on_failure()

    async def watch_golden(self) -> None:
        """Compute the golden outputs again and again, as often as the settings say."""
        seconds = self._settings.golden_check_seconds
        while seconds is not None:
            await asyncio.sleep(seconds)
            if self._shelf is not None:
                await self._shelf.check_golden()

    @property
    def shelf(self) -> Shelf:
        """The models.

        Raises:
            Problem: There are none yet, or never will be.
        """
        if self._shelf is not None:
            return self._shelf
        raise self._not_ready()

    def require(self) -> Runtime:
        """What answers now.

        Raises:
            Problem: It is not there yet, or never will be.
        """
        if self.error is None and self._runtime is not None:
            return self._runtime
        raise self._not_ready()

    def _not_ready(self) -> Problem:
        if self.error is not None:
            return Problem(NOT_READY, f"The service could not start: {self.error}")
        return Problem(NOT_READY, "The model is being loaded; try again in a second.", headers={"Retry-After": "1"})

    def close(self) -> None:
        """End the runtime, if there is one."""
        if self._shelf is not None:
            self._shelf.close()
        if self._runtime is not None:
            self._runtime.close()


def _facts(runtime: Runtime) -> dict[str, object]:
    classifier = runtime.classifier
    description, engine = classifier.package.description, classifier.engine
    return {
        "model": description.name,
        "version": description.version,
        "provider": engine.provider,
        "threads": engine.threads,
        "concurrency": runtime.settings.workers,
    }


# These are async because FastAPI runs others in threads, and two hops cost a request more than all the rest of it.
async def _runtime(request: Request) -> Runtime:
    startup: Startup = request.app.state.startup
    return startup.require()


async def _shelf(request: Request) -> Shelf:
    startup: Startup = request.app.state.startup
    return startup.shelf


Ready = Annotated[Runtime, Depends(_runtime)]
Models = Annotated[Shelf, Depends(_shelf)]
