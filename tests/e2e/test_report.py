"""The report in a real browser: it asks for nothing, complains about nothing, and works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference.cli import app
from tests.inference.scan.report.test_report import records
from tests.inference.scan.test_cases import make_scan

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on this machine")
def test_the_page_opens_without_requests_or_complaints(tmp_path: Path) -> None:
    folder = make_scan(tmp_path / "scan", records(tmp_path / "照片"))
    done = CliRunner().invoke(app, ["report", str(folder), "--faces", "shown"])
    assert done.exit_code == 0, done.output
    page_url = (folder / "exports" / "report.html").as_uri()
    complaints: list[str] = []
    asked: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900}).new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(page_url)
            assert page.locator("h1").inner_text() == "巡查照片扫描报告"
            page.locator("#district").select_option(label="和平")
            assert page.locator("#months tbody tr").first.locator("td").first.inner_text() == "2"
            page.locator("#district").select_option(label="全部片区")
            assert page.locator("#months tbody tr").first.locator("td").first.inner_text() == "3"
            image = page.locator("figure img").first
            image.scroll_into_view_if_needed()
            image.evaluate("image => image.decode()")
            assert image.evaluate("image => image.naturalWidth") == 320
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert background == {"light": "rgb(244, 246, 249)", "dark": "rgb(18, 22, 29)"}[scheme]
        browser.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith("data:")} == {page_url}
