"""A real browser on a real service, for the tests and benchmarks of the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

CHROMIUM = shutil.which("chromium")
WAIT = 30_000
"""Milliseconds that a busy machine may take for anything."""
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's chromium; skips the calling test where there is none."""
    if CHROMIUM is None:
        pytest.skip("needs chromium, which this machine does not have")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page in a browser that has nothing stored, and all that happens on it.

    Attributes:
        page: The page.
        url: Of the service.
        asked: Addresses of all requests.
        errors: What the console complained about.
    """

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        """Go to a page of the service and wait until it is drawn."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector("main")
        return self.page

    def put_in(self, *files: Path) -> dict[str, Any]:
        """Choose photos, and wait for the boxes; gives the service's answer."""
        with self.page.expect_response("**/v1/classify") as answered:
            self.page.set_input_files("input.files", [str(file) for file in files])
        self.page.wait_for_selector(".confirm")
        response: Response = answered.value
        answer: dict[str, Any] = response.json()
        return answer

    def elsewhere(self) -> list[str]:
        """Requests that went to another host."""
        local = (self.url, "blob:", "data:")
        return [address for address in self.asked if not address.startswith(local)]


@contextmanager
def visit(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A visit to a service; afterwards nothing may have gone elsewhere, and no script may have failed."""
    given = {"viewport": WIDE, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", **options}
    context = browser.new_context(**given)
    context.set_default_timeout(WAIT)
    opened = Visit(context.new_page(), url)
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on("console", lambda said: opened.errors.append(said.text) if "Content Security" in said.text else None)
    try:
        yield opened
        assert opened.elsewhere() == []
        assert opened.errors == []
    finally:
        context.close()


def variables(folder: Path) -> dict[str, str]:
    """What starts a service that keeps its records in a folder, whatever the machine has set."""
    return {name: "" for name in os.environ if name.startswith("PATROL_")} | {
        "PATROL_FEEDBACK_DATABASE": f"sqlite:///{folder / 'feedback.sqlite'}",
        "PATROL_KEEP_PHOTOS": str(folder / "kept"),
    }


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Move the pressed mouse over the picture, from one place to another, in shares of its sides."""
    frame = page.locator(".picture").bounding_box()
    if frame is None:
        raise AssertionError("there is no picture")
    places = [(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=3)
    page.mouse.up()
