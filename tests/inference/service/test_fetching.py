from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inference.fetch_policy import FetchPolicy, Target, UrlError
from inference.service.failure import Failure
from inference.service.fetching import Budget, Fetcher
from tests.inference.service.conftest import Client, Open, assert_problem

INSIDE = """
127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 239.1.1.1
255.255.255.255 240.0.0.1 198.18.0.1 192.0.2.1 :: ::1 fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::7f00:1 2002:7f00:1:: 2002:a00:1::1 64:ff9b::a00:1 2001:db8::1
"""
NO_URLS = (
    "",
    "a.jpg",
    "file:///etc/passwd",
    "ftp://photos.example/a",
    "gopher://photos.example/",
    "//photos.example/a",
    "http://",
    "http:///a",
    "http://photos.example:x/",
    "http://photos.example:99999/",
    "http://[::1/",
    "http://user:secret@photos.example/",
    "http://@photos.example/",
    "http://photos.example/\r\nX: 1",
    "http://photos.example/照片.jpg",
    "http://photos.example/ a",
    "http://photos.example/" + "a" * 2048,
)

Handle = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def photo_server(handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    """A server on 127.0.0.1; gives its port and the requests it gets."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']} {self.path}")
            with suppress(BrokenPipeError, ConnectionResetError):
                handle(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(body: bytes, status: int = 200, **headers: str) -> Handle:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return handle


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 65_536)


def silent(request: BaseHTTPRequestHandler) -> None:
    request.rfile.read(1)  # until the client has had enough


def fetched(url: str, *allow: str, timeout: float = 20, left: int = 10_000, **options: Any) -> bytes | Failure:
    policy = FetchPolicy.of(allow)

    async def fetch() -> bytes | Failure:
        fetcher = Fetcher(policy, timeout=timeout, max_bytes=1000, max_request_bytes=left, **options)
        return (await fetcher.fetch(url, fetcher.budget()))[1]

    return asyncio.run(fetch())


def refused(url: str, *allow: str, code: str = "url-not-allowed", **options: Any) -> str:
    outcome = fetched(url, *allow, **options)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code == code
    assert outcome.told()["type"] == f"urn:street-patrol:problem:{code}"
    return outcome.detail


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that resolve to what a test says, a list of answers in turn."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host in names:
            answers = names[host]
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


class TestPolicy:
    @pytest.mark.parametrize(
        ("entry", "url", "is_allowed"),
        [
            ("photos.example", "https://photos.example/a.jpg", True),
            ("photos.example", "http://PHOTOS.example./a.jpg", True),
            ("photos.example", "https://photos.example:8443/a.jpg", False),
            ("photos.example:8443", "https://photos.example:8443/a.jpg", True),
            ("photos.example:8443", "https://photos.example/a.jpg", False),
            ("photos.example", "https://a.photos.example/", False),
            ("photos.example", "https://photos.example.evil.example/", False),
            ("photos.example", "https://xphotos.example/", False),
            ("*.example", "https://a.b.example/", True),
            ("*.example", "https://example/", False),
            ("*.example", "https://evilexample/", False),
            ("10.20.0.0/16", "http://10.20.3.4/", True),
            ("10.20.0.0/16", "http://10.21.3.4/", False),
            ("10.20.0.0/16", "http://files.intranet/", False),
            ("10.20.3.4:8080", "http://10.20.3.4:8080/", True),
            ("fd00::/8", "http://[fd00::1]/", True),
            ("[fd00::1]:8080", "http://[fd00::1]:8080/", True),
        ],
    )
    def test_hosts(self, entry: str, url: str, is_allowed: bool) -> None:
        policy, target = FetchPolicy.of([entry]), Target.read(url)
        if is_allowed:
            policy.check_target(target)
        else:
            with pytest.raises(UrlError, match="does not list"):
                policy.check_target(target)

    @pytest.mark.parametrize("address", INSIDE.split())
    def test_addresses_that_are_not_public(self, address: str) -> None:
        with pytest.raises(UrlError, match="not public"):
            FetchPolicy.of(["*.example", "203.0.113.0/24"]).check_address(ipaddress.ip_address(address))

    @pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "10.20.1.1"])
    def test_public_and_listed_ones(self, address: str) -> None:
        FetchPolicy.of(["10.20.0.0/16"]).check_address(ipaddress.ip_address(address))

    @pytest.mark.parametrize("url", NO_URLS)
    def test_what_is_no_url_for_photos(self, url: str) -> None:
        assert "secret" not in refused(url, "photos.example")

    @pytest.mark.parametrize(
        "url", ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/"]
    )
    def test_other_spellings_of_an_address_are_not_on_the_list(self, url: str) -> None:
        refused(url, "photos.example", "127.0.0.1")


class TestConnections:
    def test_a_name_that_leads_inside_is_not_connected_to(self, resolver: dict[str, list[str]]) -> None:
        resolver["photos.example"] = ["127.0.0.1"]
        with photo_server(answering(b"secret")) as (port, asked):
            detail = refused(f"http://photos.example:{port}/", f"photos.example:{port}")
            assert "not public" in detail
            assert "127.0.0.1" not in detail
        assert asked == []

    def test_unless_the_address_is_listed_too(self, resolver: dict[str, list[str]]) -> None:
        resolver["photos.example"] = ["127.0.0.1"]
        with photo_server(answering(b"photo")) as (port, asked):
            assert fetched(f"http://photos.example:{port}/a?b=c", f"photos.example:{port}", "127.0.0.1") == b"photo"
            assert asked == [f"photos.example:{port} /a?b=c"]

    def test_a_name_is_looked_up_once(self, resolver: dict[str, list[str]]) -> None:
        """With a second look-up, a name could be public when it is checked and private when it is connected to."""
        resolver["photos.example"] = ["127.0.0.1", "127.0.0.2"]
        with photo_server(answering(b"photo")) as (port, _):
            url = f"http://photos.example:{port}/"
            assert fetched(url, f"photos.example:{port}", "127.0.0.1/32") == b"photo"
            assert resolver["photos.example"] == ["127.0.0.2"]

    def test_proxies_of_the_environment_are_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with photo_server(answering(b"proxied")) as (proxy, asked), photo_server(answering(b"photo")) as (port, _):
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
            assert fetched(f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}") == b"photo"
            assert asked == []

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirects_are_not_followed(self, status: int) -> None:
        with photo_server(answering(b"inside")) as (inside, asked):
            location = f"http://127.0.0.1:{inside}/"
            with photo_server(answering(b"", status, Location=location)) as (port, _):
                allow = (f"127.0.0.1:{port}", f"127.0.0.1:{inside}")
                assert "a redirect" in refused(f"http://127.0.0.1:{port}/", *allow, code="not-fetched")
        assert asked == []

    @pytest.mark.parametrize(
        ("handle", "said"),
        [
            (answering(b"gone", 404), "answered 404"),
            (answering(b"x" * 1001), "more than the 1,000 bytes"),
            (endless, "more than the 1,000 bytes"),
            (answering(b"x", Content_Encoding="gzip"), "compressed"),
            (answering(b"x", Content_Length="7"), "broken answer"),
            (answering(b"x", X="a" * 100_000), "broken answer"),
            (lambda _: None, "broken answer"),
        ],
    )
    def test_what_is_no_photo(self, handle: Handle, said: str) -> None:
        with photo_server(handle) as (port, _):
            assert said in refused(f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}", code="not-fetched")

    def test_a_server_that_says_nothing(self) -> None:
        with photo_server(silent) as (port, _):
            url, allow = f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}"
            assert "took over 0.5 seconds" in refused(url, allow, code="not-fetched", timeout=0.5)

    def test_a_server_that_is_not_there(self, resolver: dict[str, list[str]]) -> None:
        resolver["photos.example"] = ["no-such-host.invalid"]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        assert "cannot be reached" in refused(f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}", code="not-fetched")
        assert "looked up" in refused("http://photos.example/", "photos.example", code="not-fetched")

    def test_the_photos_of_a_request_have_bytes_together(self) -> None:
        with photo_server(answering(b"x" * 600)) as (port, _):
            url, allow = f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}"
            assert "together" in refused(url, allow, code="not-fetched", left=500)

            async def both() -> tuple[object, int]:
                fetcher = Fetcher(FetchPolicy.of([allow]), timeout=20, max_bytes=1000, max_request_bytes=1000)
                budget = Budget(1000)
                first = (await fetcher.fetch(url, budget))[1]
                second = (await fetcher.fetch(url, budget))[1]
                assert isinstance(second, Failure)
                return first, budget.left

            assert asyncio.run(both()) == (b"x" * 600, 400)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


class TestHttps:
    def test_the_certificate_must_be_of_the_name_although_the_address_is_connected_to(
        self, tmp_path: Path, resolver: dict[str, list[str]]
    ) -> None:
        pem = certificate(tmp_path, "photos.example")
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(pem)
        trusting = ssl.create_default_context(cafile=str(pem))
        resolver["photos.example"] = resolver["other.example"] = ["127.0.0.1"]
        with photo_server(answering(b"photo"), serving) as (port, _):
            allow = (f"*.example:{port}", f"photos.example:{port}", f"other.example:{port}", "127.0.0.1")
            url = f"https://photos.example:{port}/"
            assert fetched(url, *allow, tls=trusting) == b"photo"
            for asked, tls in ((url, None), (f"https://other.example:{port}/", trusting)):
                assert "certificate that is not trusted" in refused(asked, *allow, code="not-fetched", tls=tls)


class TestRequests:
    def test_nothing_is_fetched_unless_the_operator_says_from_where(self, client: Client, jpeg: bytes) -> None:
        photos = [base64.b64encode(jpeg).decode(), {"url": "https://photos.example/a.jpg"}]
        document = assert_problem(client.classify_json({"photos": photos}), 422, "invalid-field")
        assert document["errors"][0]["field"] == "photos.1"
        assert "fetch_allow" in document["detail"]

    def test_photos_by_url_and_others_side_by_side(self, open_client: Open, jpeg: bytes) -> None:
        content = base64.b64encode(jpeg).decode()
        with photo_server(answering(jpeg)) as (port, _), open_client(fetch_allow=(f"127.0.0.1:{port}",)) as client:
            own = f"http://127.0.0.1:{port}/day/a.jpg?token=t"
            photos = [{"url": own}, {"url": own, "filename": "b.jpg"}, {"url": "http://127.0.0.1:1/c.jpg"}, content]
            answer = client.classify_json({"photos": photos})
            assert answer.status_code == 200
            first, second, third, fourth = answer.json()["photos"]
            assert [first["filename"], second["filename"]] == ["a.jpg", "b.jpg"]
            assert first["sha256"] == second["sha256"] == fourth["sha256"]
            assert first["detections"] == fourth["detections"]
            assert third["error"]["type"].endswith("url-not-allowed")

    @pytest.mark.parametrize("photo", [{"url": 7}, {"url": "http://a", "content": ""}, {"uri": "http://a"}])
    def test_other_shapes_are_named(self, client: Client, photo: object) -> None:
        document = assert_problem(client.classify_json({"photos": [photo]}), 422, "invalid-field")
        assert document["errors"][0]["field"] == "photos.0"

    def test_many_at_once(self, open_client: Open, jpeg: bytes) -> None:
        with photo_server(answering(jpeg)) as (port, asked), open_client(fetch_allow=(f"127.0.0.1:{port}",)) as client:
            body = {"photos": [{"url": f"http://127.0.0.1:{port}/{index}.jpg"} for index in range(6)]}
            with ThreadPoolExecutor(3) as pool:
                answers = list(pool.map(lambda _: client.classify_json(body), range(3)))
            for answer in answers:
                assert [photo["filename"] for photo in answer.json()["photos"]] == [f"{n}.jpg" for n in range(6)]
                assert not [photo for photo in answer.json()["photos"] if photo["error"]]
            assert len(asked) == 18

    def test_what_is_fetched_counts_with_the_bodies_in_memory(self, open_client: Open, jpeg: bytes) -> None:
        go = threading.Event()

        def waiting(request: BaseHTTPRequestHandler) -> None:
            go.wait(60)
            answering(jpeg)(request)

        limits = {"max_photo_bytes": 1_000_000, "max_body_bytes": 1_000_000, "max_pending_bytes": 1_500_000}
        with photo_server(waiting) as (port, asked):
            options = {"fetch_allow": (f"127.0.0.1:{port}",), "fetch_timeout": 60, **limits}
            with open_client(**options) as client:
                body = {"photos": [{"url": f"http://127.0.0.1:{port}/a.jpg"}]}
                first = client.start("POST", "/v1/classify", json=body)
                for _ in range(600):
                    if asked:
                        break
                    time.sleep(0.05)
                assert_problem(client.classify_json(body), 429, "overloaded")
                go.set()
                assert first.result(60).status_code == 200
                assert client.startup.bodies.held == 0
