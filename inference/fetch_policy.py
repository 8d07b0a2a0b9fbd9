"""Where photos may be fetched from: an allow-list of hosts, and of addresses that are not public."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address
_PORTS: Final = {"http": 80, "https": 443}
_MOST_PORT: Final = 65535
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_MOST_URL: Final = 2048
_NOT_IN_URLS: Final = re.compile(r"[^!-~]")


class UrlError(ValueError):
    """A URL that must not be fetched, and why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads.

    Attributes:
        scheme: http or https.
        host: A name in lower case, or an address.
        port: TCP port.
        path: Path and query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, url: str) -> Target:
        """The target of a URL.

        Raises:
            UrlError: It is no http or https URL, or holds a login.
        """
        if len(url) > _MOST_URL or _NOT_IN_URLS.search(url):
            raise UrlError(f"is not a URL of up to {_MOST_URL} printable ASCII characters; percent-encode others")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UrlError("is not a URL") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UrlError("is not an http or https URL with a host")
        if "@" in parts.netloc:
            raise UrlError("holds a user name or password, which are not sent from here")
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        return cls(parts.scheme, parts.hostname.rstrip("."), _PORTS[parts.scheme] if port is None else port, path)

    @property
    def is_default_port(self) -> bool:
        """Whether the port goes without saying."""
        return self.port == _PORTS[self.scheme]

    @property
    def authority(self) -> str:
        """Host and port as a Host header gives them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.is_default_port else f"{host}:{self.port}"

    @property
    def filename(self) -> str:
        """The last part of the path; never the query, which may hold a token."""
        return self.path.partition("?")[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of the allow-list.

    Attributes:
        host: A name, or *.domain for every name below the domain; empty for a network.
        network: Addresses that may be connected to although they are not public; None for a name.
        port: The only port, or None for 80 of http and 443 of https.
    """

    host: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    @classmethod
    def read(cls, text: str) -> Allowed:
        """The entry of a text: name, *.domain, address or network; all but a network may end in :port.

        Raises:
            ValueError: It is none of these.
        """
        network = _network(text)
        if network is not None:
            return cls("", network, None)
        host, _, port = text.lower().rpartition(":") if re.search(r":\d+$", text) else (text.lower(), "", "")
        if port and not 1 <= int(port) <= _MOST_PORT:
            raise ValueError(f"{text!r} has a port that is not from 1 to {_MOST_PORT}")
        network = _network(host.removeprefix("[").removesuffix("]"))
        if network is None and not _HOST.fullmatch(host):
            raise ValueError(f"{text!r} is neither a host name, nor *.domain, nor an address or network")
        return cls("" if network else host, network, int(port) if port else None)

    def names(self, target: Target) -> bool:
        """Whether the entry allows the host and port that a URL names."""
        is_port = target.is_default_port if self.port is None else target.port == self.port
        return is_port and self._names_host(target.host)

    def _names_host(self, host: str) -> bool:
        if self.network is not None:
            address = _address(host)
            return address is not None and self.holds(address)
        if self.host.startswith("*."):
            return host.endswith(self.host[1:])
        return host == self.host

    def holds(self, address: IpAddress) -> bool:
        """Whether the entry lists this address."""
        return self.network is not None and address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched.

    Attributes:
        entries: The allow-list.
    """

    entries: tuple[Allowed, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> FetchPolicy:
        """The policy of an allow-list.

        Raises:
            ValueError: An entry is wrong.
        """
        return cls(tuple(Allowed.read(text) for text in texts))

    def check_target(self, target: Target) -> None:
        """Refuse a host or port that is not listed.

        Raises:
            UrlError: It is not.
        """
        if not any(entry.names(target) for entry in self.entries):
            raise UrlError(f"leads to {target.authority}, which fetch_allow of the service does not list")

    def check_address(self, address: IpAddress) -> None:
        """Refuse to connect to an address that is neither public nor listed.

        Raises:
            UrlError: It is not.
        """
        if not _is_public(address) and not any(entry.holds(address) for entry in self.entries):
            raise UrlError("leads to an address that is not public, which fetch_allow of the service does not list")


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _address(host: str) -> IpAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_public(address: IpAddress) -> bool:
    """Whether an address is one of the internet; not so if it only stands for one that is not."""
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is not None:
            return _is_public(embedded)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
