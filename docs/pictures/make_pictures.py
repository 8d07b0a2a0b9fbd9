"""Makes the pictures of docs/officer-page.md: `python docs/pictures/make_pictures.py [PHOTOS]`.

A service with an empty database of its own is asked about photos, and somebody's confirmations are played, so that
queue and dashboard have something to show; days and latencies are then spread over a month. The photo that is seen is
the sample that the package ultralytics installs. PHOTOS is a folder of street photos that only the numbers of the
dashboard come from and that no picture shows; without it there are fewer numbers.
"""

from __future__ import annotations

import random
import sys
import tempfile
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from inference.feedback.tables import Entry, Record
from tests.e2e.browser import PHONE, WIDE, chromium, drag, variables, visit
from tests.inference.service.test_server import ready_after, serving

HERE = Path(__file__).resolve().parent
QUALITY = 78
DAYS = 30
MOST = 90  # photos asked about
WAITING = 5  # cases that are left in the queue
RIGHT = 0.93  # of what is pre-filled, confirmed by the player
ADDED = "street_vendor"
MISSED = 0.06  # of cases, to which the player adds it


def sample() -> Path:
    """The photo that is seen."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise SystemExit("needs the package ultralytics, for its sample photo")
    return Path(spec.origin).parent / "assets" / "bus.jpg"


def play(http: httpx.Client, folder: Path | None) -> None:
    """Ask about photos and answer like an officer who is not always of the model's opinion."""
    chance = random.Random(7)  # noqa: S311 - a player, no secret
    paths = sorted(folder.glob("*.jpg"))[:MOST] if folder else [sample()] * 12
    for number, path in enumerate(paths):
        fields = {"external_id": f"CASE-2026-{1200 + number:06d}", "grid_id": f"110105-03-{number % 7 + 11:03d}"}
        files = {"photos": (f"IMG_{4200 + number}.jpg", path.read_bytes())}
        answer = http.post("/v1/classify", files=files, data=fields).raise_for_status().json()
        if number >= len(paths) - WAITING:
            continue
        limits = {"prefill": RIGHT, "suggest": RIGHT / 2}
        right = [s["category"] for s in answer["suggestions"] if chance.random() < limits[s["decision"]]]
        added = [ADDED] if chance.random() < MISSED else []
        http.post(
            "/v1/feedback", json={"request_id": answer["request_id"], "categories": right + added}
        ).raise_for_status()


def spread(database: str) -> None:
    """Put the cases on the days of a month, the waiting ones on the last."""
    engine = create_engine(database)
    with Session(engine) as session:
        records = session.scalars(select(Record).order_by(Record.id)).all()
        for number, record in enumerate(records):
            back = timedelta(days=DAYS * (1 - (number + 1) / len(records)) ** 1.3, minutes=number % 50)
            record.received_at -= back
            record.day = record.received_at.date().isoformat()
            for entry in session.scalars(select(Entry).where(Entry.record_id == record.id)):
                entry.received_at = record.received_at
        session.commit()
    engine.dispose()


def save(page: Page, name: str, *, full: bool = False) -> None:
    """Keep a picture of the page."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    raw = HERE / f"{name}.png"
    page.screenshot(path=raw, full_page=full)
    with Image.open(raw) as picture:
        picture.convert("RGB").save(HERE / f"{name}.jpg", quality=QUALITY, optimize=True, progressive=True)
    raw.unlink()


def review(page: Page, *, is_phone: bool) -> None:
    """Judge the sample photo: confirm, add a category, draw its box."""
    page.set_input_files("input.files", str(sample()))
    page.wait_for_selector(".confirm")
    page.keyboard.press("y")
    page.keyboard.press("a")
    page.get_by_role("combobox", name="名称").fill("盲道")
    if is_phone:
        save(page, "picker-phone")
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    if not is_phone:
        page.keyboard.press("b")
        drag(page, (0.3, 0.66), (0.92, 0.93))


def main() -> None:
    """Make them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as name:
        own = Path(name)
        settings: dict[str, str] = variables(own) | {"PATROL_KEEP_PHOTOS": ""}
        with serving(own / "log", **settings) as (server, http), chromium() as browser:
            ready_after(server, http)
            play(http, folder)
            http.get("/v1/records", params={"limit": 1}).raise_for_status()  # everything is written by then
            spread(settings["PATROL_FEEDBACK_DATABASE"])
            url = str(http.base_url).rstrip("/")
            wide: dict[str, Any] = {"viewport": WIDE}
            phone: dict[str, Any] = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
            with visit(browser, url, **wide) as opened:
                save(opened.open(), "start")
                review(opened.page, is_phone=False)
                save(opened.page, "review")
                opened.open("/queue").wait_for_selector(".record")
                save(opened.page, "queue")
                opened.open("/dashboard").wait_for_selector("table")
                save(opened.page, "dashboard", full=True)
            with visit(browser, url, **wide, color_scheme="dark") as opened:
                opened.open()
                review(opened.page, is_phone=False)
                save(opened.page, "review-dark")
            with visit(browser, url, **phone) as opened:
                opened.open()
                review(opened.page, is_phone=True)
                opened.page.wait_for_timeout(300)
                opened.page.evaluate("() => scrollTo(0, 150)")
                save(opened.page, "review-phone")
                opened.open("/queue").wait_for_selector(".record")
                save(opened.page, "queue-phone")


if __name__ == "__main__":
    main()
