"""Opens the report from disk in a headless browser without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


def _missing(what: str) -> None:
    """Skip where a developer lacks the browser; fail where the checks are meant to be complete."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: the report was not opened in a browser")
    pytest.skip(f"{what}: the report is not opened in a browser here")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        _missing("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, report: Path) -> Iterator:
    """The report in a tab; at the end it has asked for nothing but files and complained of nothing."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_pictures_have_their_natural_size(page):
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    sizes = page.evaluate("[...document.images].map((image) => [image.naturalWidth, image.naturalHeight])")
    assert len(sizes) >= 12
    assert all(width > 100 and height > 100 for width, height in sizes)


def test_lines_and_figures_are_there(page):
    for pair in page.locator(".pair").all():
        lines = pair.locator(".link:not(.loose) path:not(.catch)")
        assert lines.count() > 50
        assert lines.first.evaluate("(line) => line.getTotalLength()") > 50
        box = lines.first.bounding_box()
        assert box is not None
        assert box["width"] > 50
        score, total = (pair.locator(name).inner_text() for name in (".score", ".sum"))
        assert float(score) == float(total) > 10


def test_boxes_lie_on_their_pictures(page):
    stage = page.locator(".stage").first
    left, right = (image.bounding_box() for image in stage.locator("img").all())
    for group in stage.locator(".link").all()[:20]:
        for rect, picture in zip(group.locator("rect").all(), (left, right), strict=True):
            box = rect.bounding_box()
            assert picture["x"] <= box["x"] <= box["x"] + box["width"] <= picture["x"] + picture["width"]
            assert picture["y"] <= box["y"] <= box["y"] + box["height"] <= picture["y"] + picture["height"]


def test_the_slider_hides_thin_lines_and_says_how_many_are_left(page):
    pair = page.locator(".pair").first
    slider, said = pair.locator("input[type=range]"), pair.locator("output")
    visible = (
        "(pair) => [...pair.querySelectorAll('.link')].filter((line) => line.getBoundingClientRect().width).length"
    )
    every = pair.evaluate(visible)
    assert f"{every} lines" in said.inner_text()
    slider.focus()
    page.keyboard.press("End")
    few = pair.evaluate(visible)
    assert 0 <= few < every
    assert f"{few} lines" in said.inner_text()
    page.keyboard.press("Home")
    assert pair.evaluate(visible) == every


def test_pointing_at_a_line_and_stepping_with_arrows_name_the_figures(page):
    pair = page.locator(".pair").first
    reads = pair.locator(".reads")
    pair.locator(".link").first.locator(".catch").dispatch_event("pointerenter")
    pair.locator(".link").last.dispatch_event("pointerenter")
    assert "of the score" in reads.inner_text()
    pair.locator(".stage").focus()
    page.keyboard.press("Escape")
    assert reads.inner_text() == ""
    page.keyboard.press("ArrowRight")
    first = reads.inner_text()
    page.keyboard.press("ArrowRight")
    second = reads.inner_text()
    assert "brings" in first
    assert "brings" in second
    assert pair.locator(".link.hot").count() == 1
    page.keyboard.press("ArrowLeft")
    assert reads.inner_text() == first


def test_enlarging_widens_the_stage(page):
    pair = page.locator(".pair").first
    stage = pair.locator(".stage")
    before = stage.bounding_box()
    pair.get_by_role("button", name="2×").click()
    after = stage.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(2 * before["width"], rel=0.01)
    assert after["height"] == pytest.approx(2 * before["height"], rel=0.01)


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_sticks_out_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_script_the_lines_are_there_all_the_same(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".link path:not(.catch)").first.bounding_box()["width"] > 50
    assert not page.locator(".controls").first.is_visible()
    context.close()
