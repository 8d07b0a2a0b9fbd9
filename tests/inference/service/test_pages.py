from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from inference.service.pages import FOLDER, PAGES, Site
from tests.inference.service.conftest import Client
from tests.inference.service.test_docs import Links

STATIC = FOLDER / "static"
MODULES = sorted(STATIC.glob("*.js"))
SHEETS = sorted(STATIC.glob("*.css"))
FILES = sorted(FOLDER.glob("*.html"))
ELSEWHERE = re.compile(r"""(?:(?:https?:)?//[\w-]+\.\w|@import)""")
W3 = "http://www.w3.org/2000/svg"


def plain(client: Client, path: str) -> str:
    response = client.get(path, headers={"accept-encoding": "identity"})
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("address", PAGES)
class TestPages:
    def test_everything_it_loads_is_there_and_may_be_kept_for_ever(self, client: Client, address: str) -> None:
        links = Links(plain(client, address)).found
        assert links
        for link in links:
            response = client.get(urljoin(address, link))
            assert response.status_code == 200
            assert "immutable" in response.headers["cache-control"]

    def test_it_is_asked_for_again_and_not_sent_again(self, client: Client, address: str) -> None:
        first = client.get(address)
        assert first.headers["cache-control"] == "no-cache"
        again = client.get(address, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_the_browser_is_told_to_run_and_load_nothing_else(self, client: Client, address: str) -> None:
        policy = client.get(address).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "http" not in policy

    def test_head(self, client: Client, address: str) -> None:
        response = client.start("HEAD", address).result(60)
        assert response.status_code == 200


class TestAssets:
    def test_compressed_where_the_browser_takes_it(self, client: Client) -> None:
        link = next(link for link in Links(plain(client, "/")).found if link.endswith("base.css"))
        packed = client.get(f"/{link}", headers={"accept-encoding": "gzip, br"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert packed.text == plain(client, f"/{link}") == (STATIC / "base.css").read_text("utf-8")

    @pytest.mark.parametrize("name", ["nothing.js", "%2e%2e/review.html", "vendor/"])
    def test_nothing_else(self, client: Client, name: str) -> None:
        assert client.get(f"/static/{Site.read().digest}/{name}").status_code == 404

    def test_an_address_of_another_release(self, client: Client) -> None:
        assert client.get("/static/0123456789abcdef/base.css").status_code == 404

    def test_another_content_is_another_address(self, tmp_path: Path) -> None:
        for name in PAGES.values():
            (tmp_path / name).write_text("{assets}", "utf-8")
        (tmp_path / "static").mkdir()
        sheet = tmp_path / "static" / "base.css"
        digests = []
        for content in ("a{}", "b{}", "a{}"):
            sheet.write_text(content, "utf-8")
            site = Site.read(tmp_path)
            digests.append(site.digest)
            assert gzip.decompress(site.pages["/"].gzipped).decode() == f"static/{site.digest}"
        assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize("path", [*MODULES, *SHEETS, *FILES], ids=lambda path: path.name)
def test_no_other_host_is_named(path: Path) -> None:
    assert not ELSEWHERE.search(path.read_text("utf-8").replace(W3, ""))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_written_into_a_page_that_its_policy_forbids(path: Path) -> None:
    page = path.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


PAIR = re.compile(r'^  "([^"]+)": \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\],$', re.MULTILINE)


def texts() -> dict[str, tuple[str, str]]:
    """The dictionary of the pages: (Chinese, English) by key."""
    source = (STATIC / "i18n.js").read_text("utf-8")
    found = {key: (chinese, english) for key, chinese, english in PAIR.findall(source)}
    assert len(found) == len(re.findall(r'^  "[^"]+": \[', source, re.MULTILINE))
    return found


def test_both_languages_say_everything_with_the_same_values() -> None:
    for key, (chinese, english) in texts().items():
        assert chinese, key
        assert english, key
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english)), key


def test_every_text_that_is_asked_for_is_there_and_every_one_there_is_asked_for() -> None:
    sources = "".join(path.read_text("utf-8") for path in MODULES if path.name != "i18n.js")
    keys = set(texts())
    assert set(re.findall(r'\bt\("([\w.]+)"', sources)) <= keys
    families = tuple(re.findall(r"`([a-zA-Z.]+\.)\$\{", sources))
    named = set(re.findall(r'"([a-zA-Z]+\.[\w.]+)"', sources))
    assert {key for key in keys if key not in named and not key.startswith(families)} == set()
