"""Fetches photos that a request gives by URL, from where the operator allows it and nowhere else.

Written on asyncio and h11, which the server is made of anyway: a client library would look up the name once more
after it was checked, follow redirects, and read proxies from the environment.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import h11

from inference.fetch_policy import FetchPolicy, IpAddress, Target, UrlError
from inference.service.failure import Failure
from inference.settings import ServiceSettings

log = logging.getLogger(__name__)

_BLOCK: Final = 64 * 1024
_OK: Final = 200
_AT_ONCE: Final = 8  # photos of all requests together
_MOST_HEADERS: Final = 32 * 1024


@dataclass(slots=True)
class Budget:
    """Bytes that the photos of one request may still have together.

    Attributes:
        left: How many.
    """

    left: int


class _FetchError(Exception):
    """Why a photo could not be fetched."""


class Fetcher:
    """Fetches photos.

    Args:
        policy: From where.
        timeout: Seconds for one photo, all in all.
        max_bytes: Of one photo.
        max_request_bytes: Of all photos of a request together.
        tls: How servers are verified; default: against the certificates that this machine trusts.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        timeout: float,
        max_bytes: int,
        max_request_bytes: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._max_request_bytes = max_request_bytes
        self._tls = tls or ssl.create_default_context()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    def of(cls, settings: ServiceSettings) -> Fetcher | None:
        """The fetcher of a service, or None if it fetches nothing."""
        if not settings.fetch_allow:
            return None
        policy = FetchPolicy.of(settings.fetch_allow)
        return cls(
            policy,
            timeout=settings.fetch_timeout,
            max_bytes=settings.max_photo_bytes,
            max_request_bytes=settings.max_body_bytes,
        )

    def budget(self, photos: int | None = None) -> Budget:
        """What the photos of one request may have together: as much as it could have sent itself.

        Args:
            photos: How many there are, if that is known.
        """
        most = self._max_request_bytes
        return Budget(most if photos is None else min(photos * self._max_bytes, most))

    async def fetch(self, url: str, budget: Budget) -> tuple[str, bytes | Failure]:
        """Fetch a photo.

        Args:
            url: Where it is.
            budget: What the request may still fetch; what is fetched is taken off.

        Returns:
            Its file name as the URL gives it, and its bytes or why there are none.
        """
        try:
            target = Target.read(url)
            self._policy.check_target(target)
        except UrlError as error:
            return "", Failure("url-not-allowed", f"the url {error}; send the photo itself as content")
        return target.filename, await self._outcome(target, budget)

    async def _outcome(self, target: Target, budget: Budget) -> bytes | Failure:
        try:
            async with asyncio.timeout(self._timeout), self._slots:
                return await self._fetched(target, budget)
        except UrlError as error:
            return Failure("url-not-allowed", f"the url {error}; send the photo itself as content")
        except _FetchError as error:
            detail = str(error)
        except TimeoutError:
            detail = f"took over {self._timeout:g} seconds"
        except ssl.SSLCertVerificationError as error:
            detail = f"has a certificate that is not trusted ({error.verify_message})"
        except (OSError, h11.RemoteProtocolError) as error:
            log.info("fetching failed", extra={"fields": {"host": target.authority, "error": repr(error)}})
            detail = "cannot be reached or gave a broken answer"
        return Failure("not-fetched", f"{target.authority} {detail}; try again, or send the photo itself as content")

    async def _fetched(self, target: Target, budget: Budget) -> bytes:
        addresses = await _resolved(target)
        for address in addresses:  # all of them: which one is tried must not matter
            self._policy.check_address(address)
        async with self._connected(target, addresses) as (reader, writer):
            return await self._answer(target, reader, writer, budget)

    @asynccontextmanager
    async def _connected(
        self, target: Target, addresses: Sequence[IpAddress]
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to one of the very addresses that were checked; the name only goes into the certificate."""
        reader, writer = await self._open(target, addresses)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()  # the rest of an answer that is not wanted is not waited for
            with suppress(OSError):
                await writer.wait_closed()

    async def _open(
        self, target: Target, addresses: Sequence[IpAddress]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = self._tls if target.scheme == "https" else None
        name = target.host if tls else None
        *others, last = addresses
        for address in others:
            with suppress(OSError):
                return await asyncio.open_connection(str(address), target.port, ssl=tls, server_hostname=name)
        return await asyncio.open_connection(str(last), target.port, ssl=tls, server_hostname=name)

    async def _answer(
        self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: Budget
    ) -> bytes:
        connection = h11.Connection(h11.CLIENT, _MOST_HEADERS)
        writer.write(connection.send(_request(target)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        content = bytearray()
        while not isinstance(event := await _next_event(connection, reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                self._check_head(event, budget)
            elif isinstance(event, h11.Data):
                self._check_size(len(content) + len(event.data), budget.left + len(content))
                budget.left -= len(event.data)
                content += event.data
        return bytes(content)

    def _check_head(self, response: h11.Response, budget: Budget) -> None:
        headers = dict(response.headers)
        status = response.status_code
        if 300 <= status < 400:  # noqa: PLR2004 - the redirects of RFC 9110
            raise _FetchError(f"answered {status}, a redirect, which is not followed")
        if status != _OK:
            raise _FetchError(f"answered {status}")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _FetchError("answered with a compressed body, which was not asked for")
        declared = headers.get(b"content-length", b"")
        if declared.isdigit():
            self._check_size(int(declared), budget.left)

    def _check_size(self, size: int, left: int) -> None:
        if size > self._max_bytes:
            raise _FetchError(f"sends more than the {self._max_bytes:,} bytes a photo may have")
        if size > left:
            raise _FetchError("sends more bytes than all photos of a request may have together")


async def _resolved(target: Target) -> Sequence[IpAddress]:
    """All addresses of a host, looked up once."""
    with suppress(ValueError):
        return [ip_address(target.host)]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _FetchError("has no address that can be looked up") from None
    return [ip_address(str(info[4][0])) for info in found]


def _request(target: Target) -> h11.Request:
    headers = [
        ("Host", target.authority),
        ("User-Agent", "street-patrol"),
        ("Accept", "image/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    return h11.Request(method="GET", target=target.path, headers=headers)


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_BLOCK))
    return event
