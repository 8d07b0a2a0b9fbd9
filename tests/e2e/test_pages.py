"""The officer's pages in a real browser, against a real service."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from datasets.store import LabelStore
from inference.photo import read_photo
from tests import photos
from tests.e2e.browser import PHONE, Visit, chromium, drag, variables, visit
from tests.inference.service.test_models import make_package
from tests.inference.service.test_server import ready_after, serving
from tests.shared import shared

ROOT = Path(__file__).resolve().parents[2]
NEXT = "9.0"  # version of a model that can be promoted
PATROL = (sys.executable, "-c", "from inference.cli import main; main()")
TRIED = 12  # photos that are asked for one with a suggestion
BAND = 114  # grey
SLOW = 0.7  # seconds that a slow answer takes longer; a shift within 0.5 of a click does not count
SHIFT = 0.01  # cumulative layout shift that nobody sees; 0.1 counts as good
Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps its records and photos."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[str]:
    make_package(folder / "models" / "next", NEXT)
    settings = variables(folder) | {"PATROL_MODELS_DIR": str(folder / "models")}
    with serving(folder / "log", **settings) as (server, http):
        ready_after(server, http)
        yield str(http.base_url).rstrip("/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def visiting(browser: Browser, service: str) -> Visiting:
    """Visits the service, with options of the browser's context."""
    return lambda **options: visit(browser, service, **options)


@pytest.fixture(scope="module")
def photo(service: str) -> Path:
    """A real photo on which the service suggests a category that it shows a box of."""
    source = shared("data", "gbs111-cn")
    names = json.loads((source / "splits.json").read_text("utf-8"))["val"]
    for name in names[:TRIED]:
        path: Path = source / "images" / name
        answer = httpx.post(
            f"{service}/v1/classify", files={"photos": path.read_bytes()}, timeout=60, trust_env=False
        ).json()
        boxed = {each["category"] for each in answer["photos"][0]["detections"]}
        if any(each["decision"] == "prefill" and each["category"] in boxed for each in answer["suggestions"]):
            return path
    pytest.skip("the shipped model pre-fills nothing on any of the photos tried")


@pytest.fixture(scope="module")
def turned(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photo as a phone held upright stores it: lying, and turned by EXIF; with a band that makes it longer."""
    rgb = read_photo(photo.read_bytes(), target_side=10_000).rgb
    longer = np.pad(rgb, ((0, rgb.shape[0] // 5), (0, 0), (0, 0)), constant_values=BAND)
    path = tmp_path_factory.mktemp("turned") / "turned.jpg"
    path.write_bytes(photos.encode(longer, "jpeg", orientation=6))
    return path


def scene(folder: Path, kind: str = "jpeg") -> Path:
    """A generated picture, for what needs no suggestion."""
    path = folder / f"scene.{kind}"
    path.write_bytes(photos.encode(photos.scene(), kind))
    return path


def boxes_on(page: Page) -> list[tuple[float, float, float, float]]:
    """What is drawn, as (x1, y1, x2, y2) in shares of the picture that it is drawn over."""
    return [
        tuple(box)
        for box in page.evaluate(
            """() => {
                const frame = document.querySelector(".picture").getBoundingClientRect();
                return [...document.querySelectorAll(".box")].map((box) => {
                    const { left, top, right, bottom } = box.getBoundingClientRect();
                    return [(left - frame.left) / frame.width, (top - frame.top) / frame.height,
                            (right - frame.left) / frame.width, (bottom - frame.top) / frame.height];
                });
            }"""
        )
    ]


def off_by(page: Page, answer: dict[str, Any]) -> float:
    """Screen pixels between the boxes that are drawn and those of the answer's first photo, at worst."""
    frame = page.locator(".picture").bounding_box()
    assert frame is not None
    first = answer["photos"][0]
    sides = (first["width"], first["height"]) * 2
    wanted = sorted(
        tuple(value / side for value, side in zip(each["box"], sides, strict=True)) for each in first["detections"]
    )
    drawn = sorted(boxes_on(page))
    assert len(drawn) == len(wanted) > 0
    screen = (frame["width"], frame["height"]) * 2
    pairs = itertools.chain.from_iterable(zip(a, b, screen, strict=True) for a, b in zip(drawn, wanted, strict=True))
    return max(float(abs(a - b) * side) for a, b, side in pairs)


class TestBoxes:
    @pytest.mark.parametrize("which", ["photo", "turned"])
    def test_are_where_the_service_says(self, visiting: Visiting, which: str, request: pytest.FixtureRequest) -> None:
        with visiting() as opened:
            page = opened.open()
            answer = opened.put_in(request.getfixturevalue(which))
            page.get_by_label("其他框").check()
            assert off_by(page, answer) <= 1
            natural = page.evaluate(
                "() => { const p = document.querySelector('img.picture'); return [p.naturalWidth, p.naturalHeight]; }"
            )
            assert natural == [answer["photos"][0]["width"], answer["photos"][0]["height"]]
            page.keyboard.press("+")
            page.keyboard.press("+")
            assert off_by(page, answer) <= 1

    def test_are_shown_without_the_picture_where_the_browser_cannot_read_it(
        self, visiting: Visiting, photo: Path, tmp_path: Path
    ) -> None:
        heic = tmp_path / "photo.heic"
        heic.write_bytes(photos.encode(read_photo(photo.read_bytes(), target_side=10_000).rgb, "heif"))
        with visiting() as opened:
            page = opened.open()
            answer = opened.put_in(heic)
            expect(page.locator(".placeholder")).to_contain_text("HEIC")
            page.get_by_label("其他框").check()
            assert off_by(page, answer) <= 1

    def test_and_suggestions_show_each_other(self, visiting: Visiting, photo: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            opened.put_in(photo)
            row = page.locator(".row", has=page.locator(".is-prefill")).first
            row.hover()
            assert page.locator(".box.is-hovered").count() > 0
            page.locator(".top").hover()
            page.locator(".box-face").first.focus()
            assert page.locator(".row.is-hovered").count() == 1


class TestReview:
    def test_a_correction_reaches_the_export_and_the_export_the_labels(
        self, visiting: Visiting, photo: Path, folder: Path, tmp_path: Path
    ) -> None:
        with visiting() as opened:
            page = opened.open()
            answer = opened.put_in(photo)
            wrong = answer["suggestions"][0]["category"]
            row = page.locator(f'[data-category="{wrong}"]')
            row.get_by_role("button", name="改类别").click()
            page.get_by_role("combobox", name="名称").fill("跨门经营")
            page.keyboard.press("Enter")
            right = page.locator('[data-category="out_of_store_operation"]')
            right.get_by_role("button", name="画框").click()
            drawn = draw(page, answer)
            with page.expect_response("**/v1/feedback") as sent:
                page.get_by_role("button", name=re.compile("^确认")).click()
            assert sent.value.ok, sent.value.text()
            expect(page.locator(".done")).to_contain_text("已确认")
        line = exported(variables(folder)["PATROL_FEEDBACK_DATABASE"], answer["request_id"], tmp_path)
        assert "out_of_store_operation" in line["confirmed"]
        assert wrong in line["rejected"]
        assert line["photo"]["sha256"] == answer["photos"][0]["sha256"]
        assert [pytest.approx(drawn, abs=2)] == [
            each["box"] for each in line["boxes"] if each["box"][0] == pytest.approx(drawn[0], abs=2)
        ]
        patrol(
            "data",
            "import",
            str(tmp_path),
            "--data",
            str(tmp_path / "data"),
            "--name",
            "officers",
            "--photos",
            str(photo.parent),
        )
        (labelled,) = [
            each
            for each in LabelStore(tmp_path / "data").photos("officers")
            if "out_of_store_operation" in {box.category for box in each.boxes}
        ]
        assert labelled.path.name == photo.name
        assert wrong in labelled.exhaustive_for

    def test_without_a_mouse(self, visiting: Visiting, photo: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            page.keyboard.press("?")
            expect(page.get_by_role("dialog")).to_contain_text("Ctrl+Enter")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
            with page.expect_file_chooser() as chosen, page.expect_response("**/v1/classify"):
                page.keyboard.press("o")
                chosen.value.set_files(str(photo))
            page.wait_for_selector(".confirm")
            page.keyboard.press("a")
            page.get_by_role("combobox", name="名称").press_sequentially("dwjy")
            page.keyboard.press("Enter")
            while "is-active" not in (
                page.locator('[data-category="out_of_store_operation"]').get_attribute("class") or ""
            ):
                page.keyboard.press("j")
            page.keyboard.press("b")
            page.keyboard.press("Enter")
            before = boxes_on(page)
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Shift+ArrowDown")
            assert boxes_on(page) != before
            with page.expect_response("**/v1/feedback") as sent:
                page.keyboard.press("Control+Enter")
            said = json.loads(sent.value.request.post_data or "")
            assert "out_of_store_operation" in said["categories"]
            assert [box["category"] for box in said["photos"][0]["boxes"]] == ["out_of_store_operation"]
            expect(page.get_by_role("button", name="下一件")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", name="拖入、粘贴或选择巡查照片")).to_be_visible()

    def test_the_model_s_own_boxes_are_not_sent_as_labels(self, visiting: Visiting, photo: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            answer = opened.put_in(photo)
            with page.expect_response("**/v1/feedback") as sent:
                page.keyboard.press("Control+Enter")
            said = json.loads(sent.value.request.post_data or "")
            assert said["photos"] == []
            prefilled = [each["category"] for each in answer["suggestions"] if each["decision"] == "prefill"]
            assert said["categories"] == prefilled
            assert said["rejected"] == []

    def test_a_photo_that_is_added_leaves_what_was_done_before(
        self, visiting: Visiting, photo: Path, tmp_path: Path
    ) -> None:
        with visiting() as opened:
            page = opened.open()
            first = opened.put_in(photo)
            row = page.locator(".row").first
            category = row.get_attribute("data-category")
            row.get_by_role("button", name="画框").click()
            draw(page, first)
            count = page.locator(".box").count()
            both = opened.put_in(scene(tmp_path))
            expect(page.get_by_role("button", name=re.compile("第 2 张，共 2 张"))).to_have_attribute(
                "aria-current", "true"
            )
            row.get_by_role("button", name="画框").click()
            drawn = draw(page, {"photos": both["photos"][1:]})
            page.keyboard.press("[")
            expect(page.locator(".box")).to_have_count(count)
            with page.expect_response("**/v1/feedback") as sent:
                page.keyboard.press("Control+Enter")
            said = json.loads(sent.value.request.post_data or "")
            assert said["request_id"] == both["request_id"] != first["request_id"]
            assert [each["index"] for each in said["photos"]] == [0, 1]
            assert [[box["category"] for box in each["boxes"]] for each in said["photos"]] == [[category], [category]]
            assert said["photos"][1]["boxes"][0]["box"] == pytest.approx(drawn, abs=2)
            assert sent.value.ok, sent.value.text()

    def test_no_issue(self, visiting: Visiting, tmp_path: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            opened.put_in(scene(tmp_path))
            page.get_by_role("button", name="非街景").click()
            with page.expect_response("**/v1/feedback") as sent:
                page.get_by_role("button", name="确认：非街景").click()
            assert sent.value.json()["verdict"] == "unrelated"

    def test_the_codes_are_those_of_the_chosen_scheme(self, visiting: Visiting, photo: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            opened.put_in(photo)
            before = page.locator(".row .codes").first.inner_text()
            page.get_by_label("编码方案").select_option("legacy-a")
            expect(page.locator(".row .codes").first).not_to_have_text(before)

    def test_in_english(self, visiting: Visiting, photo: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            page.get_by_role("button", name="English").click()
            opened.put_in(photo)
            expect(page.get_by_role("button", name="Confirm")).to_be_enabled()
            assert page.locator("html").get_attribute("lang") == "en"
            assert not re.search(r"[\u4e00-\u9fff]", page.locator(".confirm").inner_text())


def exported(database: str, request_id: str, folder: Path) -> dict[str, Any]:
    """The line of a request in the export that a data person makes, written to a folder."""
    path = folder / "feedback.jsonl"
    patrol("feedback", "export", "--database", database, "--out", str(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    (line,) = [line for line in lines if line["request_id"] == request_id]
    found: dict[str, Any] = line
    return found


def patrol(*arguments: str) -> str:
    """What the command prints; it must succeed."""
    done = subprocess.run([*PATROL, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def draw(page: Page, answer: dict[str, Any]) -> list[float]:
    """Draw a box over the middle of the picture; gives it in pixels of the photo."""
    start, end = (0.3, 0.35), (0.7, 0.8)
    drag(page, start, end)
    sides = (answer["photos"][0]["width"], answer["photos"][0]["height"]) * 2
    return [share * side for share, side in zip((*start, *end), sides, strict=True)]


class TestStates:
    def test_busy_counts_down_and_tries_again(self, visiting: Visiting, tmp_path: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            page.route("**/v1/classify", lambda route: refuse(route, 429, "too-busy", retry_after=1), times=1)
            page.set_input_files("input.files", str(scene(tmp_path)))
            expect(page.get_by_role("alert")).to_contain_text("服务繁忙")
            expect(page.get_by_role("alert")).to_contain_text("秒后自动重试")
            page.wait_for_selector(".confirm")
            expect(page.get_by_role("alert")).to_have_count(0)

    def test_offline_keeps_the_photos_and_tries_again(self, visiting: Visiting, tmp_path: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            page.route("**/v1/classify", lambda route: route.abort("internetdisconnected"), times=1)
            page.set_input_files("input.files", str(scene(tmp_path)))
            expect(page.get_by_role("alert")).to_contain_text("连接不上服务")
            assert page.locator("img.picture").count() == 1
            page.get_by_role("button", name="重试").click()
            page.wait_for_selector(".confirm")

    def test_a_refused_photo_costs_the_others_nothing(self, visiting: Visiting, tmp_path: Path) -> None:
        (tmp_path / "paper.jpg").write_bytes(b"%PDF-1.7 not a photo")
        with visiting() as opened:
            page = opened.open()
            opened.put_in(scene(tmp_path), tmp_path / "paper.jpg")
            page.get_by_role("button", name=re.compile("第 2 张")).click()
            expect(page.get_by_role("alert")).to_contain_text("不是图片")
            expect(page.locator(".placeholder")).to_contain_text("未能识别")
            expect(page.get_by_role("alert")).to_contain_text("a PDF document")

    def test_no_readable_photo_says_why(self, visiting: Visiting, tmp_path: Path) -> None:
        (tmp_path / "paper.jpg").write_bytes(b"%PDF-1.7 not a photo")
        with visiting() as opened:
            page = opened.open()
            page.set_input_files("input.files", str(tmp_path / "paper.jpg"))
            expect(page.get_by_role("alert")).to_contain_text("都读不出")
            expect(page.get_by_role("alert")).to_contain_text("a PDF document")

    def test_a_key_is_asked_for_and_sent(self, visiting: Visiting, tmp_path: Path) -> None:
        with visiting() as opened:
            page = opened.open()
            page.route("**/v1/classify", lambda route: refuse(route, 401, "key-required"), times=1)
            page.set_input_files("input.files", str(scene(tmp_path)))
            page.get_by_label("API 密钥").fill("patrol-secret")
            with page.expect_request("**/v1/classify") as again:
                page.get_by_role("button", name="使用").click()
            assert again.value.headers["authorization"] == "Bearer patrol-secret"
            assert "patrol-secret" not in page.url
            assert page.evaluate("() => JSON.stringify(localStorage)").find("patrol-secret") == -1

    def test_nothing_moves_while_a_slow_photo_is_judged(self, visiting: Visiting, photo: Path) -> None:
        watch = """new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) globalThis.shift = (globalThis.shift ?? 0) + entry.value;
        }).observe({ type: "layout-shift", buffered: true })"""
        with visiting() as opened:
            opened.page.add_init_script(watch)
            page = opened.open()
            page.route("**/v1/classify", slowly)
            opened.put_in(photo)
            page.wait_for_timeout(300)
            assert page.evaluate("() => globalThis.shift ?? 0") <= SHIFT


def refuse(route: Route, status: int, slug: str, retry_after: int | None = None) -> None:
    problem = {"type": f"urn:street-patrol:problem:{slug}", "title": slug, "status": status, "detail": "no"}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    route.fulfill(status=status, json=problem, headers=headers)


def slowly(route: Route) -> None:
    time.sleep(SLOW)
    route.continue_()


class TestQueue:
    def test_a_case_is_found_confirmed_and_gone(self, visiting: Visiting, photo: Path, service: str) -> None:
        posted = post(service, photo, external_id="E2E-1", grid_id="grid-e2e")
        with visiting() as opened:
            page = opened.open("/queue?grid_id=grid-e2e")
            row = page.locator(f'[data-request="{posted["request_id"]}"]')
            expect(row).to_contain_text("E2E-1")
            row.get_by_role("checkbox").check()
            with page.expect_response("**/v1/feedback") as sent:
                page.get_by_role("button", name="确认所选 1 件").click()
            said = json.loads(sent.value.request.post_data or "")
            assert sent.value.ok
            assert all(
                each["decision"] == "prefill"
                for each in posted["suggestions"]
                if each["category"] in said["categories"]
            )
            expect(page.get_by_text("没有符合条件的案件")).to_be_visible()

    def test_a_case_opens_in_review_with_its_photo_and_boxes(
        self, visiting: Visiting, photo: Path, service: str
    ) -> None:
        posted = post(service, photo, grid_id="grid-open")
        with visiting() as opened:
            page = opened.open("/queue?grid_id=grid-open")
            row = page.locator(f'[data-request="{posted["request_id"]}"]')
            row.get_by_role("link", name="复核", exact=True).click()
            page.wait_for_selector("img.picture")
            page.wait_for_selector(".box")
            page.get_by_label("其他框").check()
            assert off_by(page, posted) <= 1
            with page.expect_response("**/v1/feedback") as sent:
                page.keyboard.press("Control+Enter")
            assert sent.value.json()["request_id"] == posted["request_id"]

    def test_filters_by_day_and_decision_are_asked_of_the_service(self, visiting: Visiting) -> None:
        with visiting() as opened:
            page = opened.open("/queue")
            with page.expect_request(lambda request: "decision=prefill" in request.url):
                page.get_by_label("级别").select_option("prefill")
            with page.expect_response(lambda response: "since=" in response.url) as answered:
                page.get_by_label("从", exact=True).fill("2026-01-01")
            assert answered.value.ok, answered.value.text()
            assert "since=2025-12-31T16%3A00%3A00.000Z" in answered.value.url


class TestDashboard:
    def test_shows_what_happened(self, visiting: Visiting, photo: Path, service: str) -> None:
        posted = post(service, photo)
        said = {"request_id": posted["request_id"], "categories": []}
        httpx.post(f"{service}/v1/feedback", json=said, timeout=60, trust_env=False).raise_for_status()
        with visiting() as opened:
            page = opened.open("/dashboard")
            expect(page.locator(".tile").first.locator("strong")).not_to_have_text("—")
            assert int(page.locator(".tile").first.locator("strong").inner_text().replace(",", "")) > 0
            expect(page.locator(".chart .bar").first).to_be_attached()
            expect(page.locator("table .intervals").first).to_be_visible()
            link = page.locator(f'.disagreements a[href*="{posted["request_id"]}"]').first
            expect(link).to_be_visible()
            with page.expect_request(lambda request: "/v1/feedback/stats" in request.url):
                page.get_by_role("button", name="近 7 天").click()

    def test_a_model_is_promoted_and_rolled_back(self, visiting: Visiting) -> None:
        with visiting() as opened:
            page = opened.open("/dashboard")
            models = page.locator(".model")
            new, old = models.filter(has_text=NEXT), models.filter(has_not_text=NEXT)
            for model, act in ((new, "启用"), (old, "退回此版本")):
                model.get_by_role("button", name=act).click()
                page.get_by_role("dialog").get_by_role("button", name=act).click()
                expect(model.get_by_text("在用")).to_be_visible()


class TestKeys:
    """A service that asks for keys: the page asks for one in turn, and shows what the key may do."""

    @pytest.fixture
    def officer(self, tmp_path: Path) -> str:
        keys = str(tmp_path / "keys.json")
        scopes = ("--scope", "classify", "--scope", "feedback")
        key: str = json.loads(patrol("keys", "create", "officer", *scopes, "--file", keys, "--json"))["key"]
        return key

    def test_an_officer_s_key_is_enough_to_confirm_and_not_to_change_models(
        self, browser: Browser, officer: str, tmp_path: Path
    ) -> None:
        settings = variables(tmp_path) | {
            "PATROL_REQUIRE_KEYS": "true",
            "PATROL_KEYS_FILE": str(tmp_path / "keys.json"),
        }
        with serving(tmp_path / "log", **settings) as (server, http):
            ready_after(server, http)
            with visit(browser, str(http.base_url).rstrip("/")) as opened:
                page = opened.open()
                page.get_by_label("API 密钥").fill("patrol_wrong")
                page.get_by_role("button", name="使用").click()
                expect(page.get_by_role("alert")).to_contain_text("不被接受")
                page.get_by_label("API 密钥").fill(officer)
                page.get_by_role("button", name="使用").click()
                expect(page.get_by_role("alert")).to_have_count(0)
                opened.put_in(scene(tmp_path))
                page.get_by_role("button", name="无问题").click()
                page.keyboard.press("Control+Enter")
                expect(page.locator(".done")).to_contain_text("已确认")
                opened.open("/dashboard")
                expect(page.get_by_text("admin 权限的密钥")).to_be_visible()
                assert officer not in page.content()


PAGES = ["/", "/queue", "/dashboard"]


class TestAccess:
    @pytest.mark.parametrize(("scheme", "paths"), [("light", ["/", "/queue"]), ("dark", ["/dashboard"])])
    def test_no_serious_violation(self, visiting: Visiting, photo: Path, scheme: str, paths: list[str]) -> None:
        with visiting(color_scheme=scheme, reduced_motion="reduce") as opened:
            for path in paths:
                page = opened.open(path)
                page.wait_for_load_state("networkidle")
                assert violations(page) == []
            page = opened.open()
            opened.put_in(photo)
            assert violations(page) == []
            page.keyboard.press("a")
            page.wait_for_selector("[role=option]")
            assert violations(page) == []

    def test_a_narrow_phone_scrolls_one_way_only(self, visiting: Visiting, photo: Path) -> None:
        with visiting(viewport=PHONE, is_mobile=True, has_touch=True) as opened:
            for path in PAGES:
                page = opened.open(path)
                page.wait_for_load_state("networkidle")
                assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"], path
            page = opened.open()
            expect(page.get_by_role("button", name="拍照")).to_be_visible()
            opened.put_in(photo)
            assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]

    def test_the_theme_is_kept(self, visiting: Visiting) -> None:
        with visiting(color_scheme="light") as opened:
            page = opened.open()
            background = "() => getComputedStyle(document.body).backgroundColor"
            light = page.evaluate(background)
            page.get_by_role("button", name="外观：跟随系统").click()
            dark = page.evaluate(background)
            assert dark != light
            opened.open("/queue")
            assert page.evaluate(background) == dark


def violations(page: Page) -> list[str]:
    """What axe holds to be serious or worse."""
    found = Axe().run(page)["violations"]
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def post(service: str, photo: Path, **fields: str) -> dict[str, Any]:
    files = {"photos": (photo.name, photo.read_bytes())}
    answer = httpx.post(f"{service}/v1/classify", files=files, data=fields, timeout=60, trust_env=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
