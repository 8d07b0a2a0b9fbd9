"""What answers are made with, loaded once, in the background of a service that already answers probes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Request

from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.errors import ConfigError, PatrolError
from inference.mappings import Scheme, load_schemes
from inference.service.problems import NOT_READY, UNKNOWN_SCHEME, Problem
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Catalogue, schemes and a verified model.

    Attributes:
        settings: The service's settings.
        catalogue: The categories.
        schemes: Code schemes by name.
        classifier: The model.
        workers: Threads that decode and judge photos.
    """

    settings: ServiceSettings
    catalogue: Catalogue
    schemes: Mapping[str, Scheme]
    classifier: Classifier
    workers: ThreadPoolExecutor

    @classmethod
    def load(cls, settings: ServiceSettings) -> Self:
        """Read the operator's files, and load and check the model.

        Raises:
            PatrolError: Some file is wrong, or the model must not be used.
        """
        catalogue = load_catalogue(settings.categories)
        schemes = load_schemes(settings.mappings, catalogue)
        if settings.default_scheme not in schemes:
            problem = f"holds no {settings.default_scheme}.csv, which default_scheme asks for"
            raise ConfigError(settings.mappings, None, problem, f"The schemes there are: {', '.join(schemes)}.")
        classifier = Classifier.load(settings.model, catalogue, settings.provider, settings.threads)
        workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="photo")
        return cls(settings, catalogue, schemes, classifier, workers)

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
    """Loads the runtime once the service has started to answer.

    Args:
        settings: The service's settings.

    Attributes:
        error: Why loading failed, or None.
        on_failure: Called when it fails.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._runtime: Runtime | None = None
        self.error: PatrolError | None = None
        self.on_failure: Callable[[], None] | None = None

    async def load(self) -> None:
        """Load; what goes wrong is kept in `error`."""
        try:
            self._runtime = await asyncio.to_thread(Runtime.load, self._settings)
        except PatrolError as error:
            self.fail(error)
        except Exception as error:
            log.exception("loading failed")
            self.fail(PatrolError(f"loading failed: {error!r}"))
        else:
            log.info("ready", extra={"fields": _facts(self._runtime)})

    def fail(self, error: PatrolError) -> None:
        """Note why the service cannot answer, and say so to whoever waits for it."""
        log.error("not ready: %s", error)
        self.error = error
        if self.on_failure is not None:
            self.on_failure()

    def require(self) -> Runtime:
        """The runtime.

        Raises:
            Problem: It is not there yet, or never will be.
        """
        if self.error is not None:
            raise Problem(NOT_READY, f"The service could not start: {self.error}")
        if self._runtime is not None:
            return self._runtime
        raise Problem(NOT_READY, "The model is being loaded; try again in a second.", headers={"Retry-After": "1"})

    def close(self) -> None:
        """End the runtime, if there is one."""
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
    }


def _runtime(request: Request) -> Runtime:
    startup: Startup = request.app.state.startup
    return startup.require()


Ready = Annotated[Runtime, Depends(_runtime)]
