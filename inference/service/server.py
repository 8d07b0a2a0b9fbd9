"""Runs the service."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn

from inference.errors import ConfigError
from inference.service import logs
from inference.service.app import create_app
from inference.service.runtime import Startup
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_KEEP_ALIVE: Final = 75  # seconds; longer than a reverse proxy's usual 60, so that the proxy closes first


def run(settings: ServiceSettings) -> None:
    """Serve until a signal asks to stop; requests in progress are finished.

    Raises:
        PatrolError: The address is taken, a file is wrong, or the model must not be used.
    """
    logs.configure(settings.log_level)
    app = create_app(settings)
    server = uvicorn.Server(_config(app, settings))
    startup: Startup = app.state.startup

    def stop() -> None:
        server.should_exit = True

    startup.on_failure = stop
    with _listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        log.info("listening", extra={"fields": {"url": f"http://{f'[{host}]' if ':' in host else host}:{port}"}})
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has shut down
            server.run(sockets=[listener])
    if startup.error is not None:
        raise startup.error


def _config(app: object, settings: ServiceSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )


def _listen(settings: ServiceSettings) -> socket.socket:
    """The socket to serve on, bound before the model is loaded."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = Path(f"{settings.host}:{settings.port}")
        remedy = "Stop what listens there, or set another port (`port:` in service.yaml, or PATROL_PORT)."
        raise ConfigError(where, None, f"cannot be listened on ({error.strerror})", remedy) from error
