"""Runs the service."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn

from inference.errors import ConfigError
from inference.key_file import KeyFile
from inference.service import logs
from inference.service.app import create_app
from inference.service.connection import ConnectionLimits, protocol
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
    if settings.needs_keys:
        _require_a_key(settings)
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
        http=protocol(_limits(settings)),
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        h11_max_incomplete_event_size=settings.max_header_bytes,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )


def _limits(settings: ServiceSettings) -> ConnectionLimits:
    return ConnectionLimits(
        connections=settings.max_connections,
        header_timeout=settings.header_timeout,
        idle_timeout=settings.body_timeout,
    )


def _require_a_key(settings: ServiceSettings) -> None:
    """Refuse to start without a key that works, which would be a service that answers nobody."""
    if any(record.state == "active" for record in KeyFile(settings.keys_file).records()):
        return
    why = "require_keys is true" if not settings.is_exposed else f"other machines can reach {settings.host}"
    remedy = f"Create one: patrol keys create NAME --file {settings.keys_file} (or listen on 127.0.0.1)."
    raise ConfigError(settings.keys_file, None, f"holds no API key that works, and {why}", remedy)


def _listen(settings: ServiceSettings) -> socket.socket:
    """The socket to serve on, bound before the model is loaded."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = Path(f"{settings.host}:{settings.port}")
        remedy = "Stop what listens there, or set another port (`port:` in service.yaml, or PATROL_PORT)."
        raise ConfigError(where, None, f"cannot be listened on ({error.strerror})", remedy) from error
    # Connections inherit it. asyncio sets it only where it made the socket itself, and without it the last part of an
    # answer waits for the client to acknowledge the first: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
