"""The workbench in a real browser: correct a number, undo, decide about two pages, two tabs, the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tablesim.corpus.store import Corpus
from tablesim.review.review import Review
from tests.browsers import HERE, PATIENCE, launched
from tests.report.conftest import HOSTILE

pytestmark = pytest.mark.browser

PAGE = "sines_1543"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser that reaches this machine and nothing else."""
    with launched(HERE) as launched_browser:
        yield launched_browser


@contextmanager
def tab(browser: Any, address: str) -> Iterator[Callable[[str], Any]]:
    """Opens screens in tabs of one browser that was given the address; in the end nothing was complained of."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    base = address.split("/?token=")[0]
    context.new_page().goto(address)

    def screen(path: str) -> Any:
        page = context.new_page()
        page.on(
            "console",
            # A scan that is gone has no small picture; the browser says so, the page shows none.
            lambda message: (
                complaints.append(message.text)
                if message.type in ("error", "warning") and "/thumb?" not in message.location.get("url", "")
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(base + path)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert page.inner_text(".pen output") == ""
        return page

    yield screen
    context.close()
    assert complaints == []


def name(page: Any, who: str) -> None:
    page.fill(".pen input[name=who]", who)
    page.dispatch_event(".pen input[name=who]", "change")


def said(page: Any, words: str) -> None:
    page.wait_for_function("words => document.querySelector('.pen output').textContent.includes(words)", arg=words)


def test_numbers_are_corrected_one_after_the_other_and_undone(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen(f"/pages/{PAGE}.html")
        name(page, "Anna")
        before = [page.inner_text(f"#t1r{row}c2") for row in (2, 3)]
        page.click("#t1r2c2")
        page.keyboard.press("Enter")
        page.keyboard.type("11")
        page.keyboard.press("Enter")
        said(page, "→ 11")
        assert page.inner_text("#t1r2c2") == "11"
        page.click("#t1r3c2")
        page.keyboard.type("22")
        page.keyboard.press("Enter")
        said(page, "→ 22")
        stored = {one.read: one.correct for one in Corpus.open(folder).corrections_of(PAGE)}
        assert stored == {before[0]: "11", before[1]: "22"}
        page.keyboard.press("Control+z")
        said(page, f"22 → {before[1]}")
        page.keyboard.press("Control+y")
        said(page, f"{before[1]} → 22")
        page.reload()
        assert page.inner_text("#t1r3c2") == "22"
        assert "corrected by people" in page.inner_text(".lede")
    assert len(Corpus.open(folder).corrections.all) == 4


def test_without_a_name_nothing_opens_and_escape_leaves_a_number_as_it_was(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen(f"/pages/{PAGE}.html")
        page.click("#t1r2c2")
        page.keyboard.press("Enter")
        said(page, "name")
        name(page, "Anna")
        page.click("#t1r2c2")
        before = page.inner_text("#t1r2c2")
        page.keyboard.press("Enter")
        page.keyboard.type("<b>1")
        page.keyboard.press("Escape")
        assert page.inner_text("#t1r2c2") == before
    assert not Corpus.open(folder).corrections.all


def test_another_tab_sees_a_correction_within_a_moment(browser, workbench):
    with tab(browser, workbench) as screen:
        first, second = screen(f"/pages/{PAGE}.html"), screen(f"/pages/{PAGE}.html")
        first.bring_to_front()
        name(first, "Anna")
        first.click("#t1r2c2")
        first.keyboard.press("Enter")
        first.keyboard.type("11")
        first.keyboard.press("Enter")
        second.wait_for_function("() => document.querySelector('#t1r2c2').textContent === '11'")


def test_a_question_is_decided_by_one_key_and_the_next_is_shown(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen("/")
        name(page, "Anna")
        page.click(".pen button")
        page.wait_for_url("**/pairs/two.html?**")
        page.wait_for_selector(".pen[data-ready]", state="attached")
        first = page.url
        page.fill(".pen input[name=reason]", "looked at both")
        page.click("h1")
        page.keyboard.press("k")
        page.wait_for_function("first => location.href !== first", arg=first)
    (verdict,) = Review(Corpus.open(folder)).log.all()
    assert (verdict.decision, verdict.who, verdict.reason) == ("kind", "Anna", "looked at both")


def test_a_page_is_said_to_be_no_table(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen("/pages/alone.html")
        name(page, "Anna")
        page.get_by_role("button", name="is no table").click()
        page.get_by_role("button", name="is a table").wait_for()
    assert not Corpus.open(folder).reading("alone").is_table


def test_many_windows_are_answered(browser, workbench):
    """More than the connections that a browser makes to one server."""
    with tab(browser, workbench) as screen:
        for _ in range(8):
            assert screen("/groups.html").inner_text("h1")


def test_hostile_metadata_is_text_and_runs_nothing(browser, workbench):
    with tab(browser, workbench) as screen:
        for path in ("/", "/pages.html", "/groups.html", "/overview.html"):
            assert screen(path).locator("i, script b").count() == 0, path
        assert HOSTILE in screen("/pages.html").inner_text("main")
