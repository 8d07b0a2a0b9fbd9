"""A real server, spoken to with raw sockets by clients that mean no good."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.inference.service.test_server import ready_after, serving

PATIENCE = 30  # seconds within which the server must have acted, on a machine with other work
CONNECTIONS = 12
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    limits = {
        "PATROL_HEADER_TIMEOUT": "1",
        "PATROL_BODY_TIMEOUT": "1.5",
        "PATROL_UPLOAD_TIMEOUT": "3",
        "PATROL_MAX_CONNECTIONS": str(CONNECTIONS),
        "PATROL_MAX_HEADER_BYTES": "8192",
    }
    with serving(tmp_path_factory.mktemp("server") / "log", **limits) as (server, http):
        ready_after(server, http)
        yield str(http.base_url.host), http.base_url.port or 80


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=PATIENCE) as client:
        yield client


def everything(client: socket.socket) -> bytes:
    """What the server says until it closes."""
    said = b""
    try:
        while chunk := client.recv(65_536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


def answered(client: socket.socket) -> None:
    """Ask whether the server lives, and read the whole answer."""
    client.sendall(GET)
    said = b""
    while not said.endswith(b'"live"}'):
        chunk = client.recv(65_536)
        assert chunk, said
        said += chunk


def problem(said: bytes) -> dict[str, Any]:
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"x-request-id" in head.lower()
    document: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {document['status']} ".encode())
    assert len(document["instance"]) == 32
    return document


def drip(client: socket.socket, data: bytes, every: float = 0.2) -> None:
    """Send a byte now and then until the server has had enough."""
    try:
        for byte in data:
            client.sendall(bytes((byte,)))
            time.sleep(every)
    except (BrokenPipeError, ConnectionResetError):
        pass


class TestSlowHeaders:
    def test_a_request_that_drips_in_is_ended(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            drip(client, GET[:-2] + b"X: " + b"a" * 20)
            document = problem(everything(client))
        assert document["type"].endswith("header-timeout")
        assert "after 1 seconds" in document["detail"]

    def test_a_connection_that_says_nothing_is_closed_without_a_word(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            assert everything(client) == b""

    def test_also_the_second_request_of_a_connection(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            answered(client)
            time.sleep(1.5)  # between requests a client may rest
            answered(client)
            client.sendall(GET[:30])
            assert problem(everything(client))["type"].endswith("header-timeout")

    def test_empty_lines_are_no_request(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            drip(client, b"\r\n" * 20)
            assert b"200" not in everything(client)


class TestSlowBodies:
    HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    def test_a_body_that_stalls(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            client.sendall(self.HEAD + b"Content-Length: 99\r\n\r\n{")
            document = problem(everything(client))
        assert document["type"].endswith("body-timeout")
        assert "Nothing arrived for 1.5 seconds" in document["detail"]

    def test_a_body_that_drips_is_not_prolonged_by_it(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            client.sendall(self.HEAD + b"Content-Length: 99\r\n\r\n{")
            drip(client, b" " * 40)
            document = problem(everything(client))
        assert "over 3 seconds" in document["detail"]

    def test_the_rest_of_a_refused_body_is_not_taken_for_ever(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            client.sendall(self.HEAD + b"Content-Length: 999999999\r\n\r\n")
            assert b" 413 " in client.recv(65_536)
            drip(client, b" " * 40)
            everything(client)  # ends, or the socket's time-out does


class TestTooMuch:
    def test_headers(self, address: tuple[str, int]) -> None:
        with connected(address) as client:
            client.sendall(GET[:-2] + b"X: " + b"a" * 100_000)
            assert problem(everything(client))["type"].endswith("headers-too-large")

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
            b"hello\r\n\r\n",
            b"GET /livez HTTP/1.1\r\n\r\n",  # no Host
            b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        ],
    )
    def test_what_is_no_http_is_told_so(self, address: tuple[str, int], data: bytes) -> None:
        with connected(address) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            said = everything(client)
        assert not said.startswith(b"HTTP/1.1 200")
        assert not said.startswith(b"HTTP/1.1 5")
        if said:
            assert problem(said)["status"] in (400, 403, 405, 408)

    def test_connections(self, address: tuple[str, int]) -> None:
        clients = [socket.create_connection(address, timeout=PATIENCE) for _ in range(CONNECTIONS + 3)]
        try:
            said = everything(clients[-1])
            assert problem(said)["type"].endswith("too-many-connections")
            assert b"Retry-After: 1" in said
        finally:
            for client in clients:
                client.close()
        for _ in range(100):
            with connected(address) as client:
                client.sendall(GET)
                if client.recv(65_536).startswith(b"HTTP/1.1 200"):
                    return
            time.sleep(0.1)
        pytest.fail("the service did not take connections again")
