"""A whole story in a real browser: find, correct, undo, compare, take away; by keys; when the server is killed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tablesim.corpus.store import Corpus
from tests.report.conftest import HOSTILE
from tests.web.test_browser import PAGE, browser, name, said, tab
from tests.web.test_server import served

__all__ = ["browser"]

pytestmark = pytest.mark.browser


def anchors(page):
    return page.evaluate("() => [...document.querySelectorAll('td[id]')].map(cell => cell.id)")


def test_a_story_from_the_list_to_the_table_taken_away(browser, workbench, folder):
    """By keys alone but for nothing: every step is one that a hand at the keyboard makes."""
    with tab(browser, workbench) as screen:
        page = screen("/pages.html")
        page.locator(".search input").focus()
        page.keyboard.type(PAGE)
        link = page.locator(".rows a", has_text=PAGE).first
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".desk")
        page.wait_for_selector(".pen[data-ready]", state="attached")
        page.locator("td[id]").first.focus()
        for _ in range(2):
            page.keyboard.press("ArrowDown")
        anchor = page.evaluate("() => document.activeElement.id")
        before = page.inner_text(f"#{anchor}")
        # The name is asked for where it is needed; Enter leads back to the number.
        page.keyboard.press("Enter")
        page.keyboard.type("Anna")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#{anchor} .entry")
        page.keyboard.press("Control+a")
        page.keyboard.type("77")
        page.keyboard.press("Enter")
        said(page, "→ 77")
        page.wait_for_selector(f"#{anchor}.c")
        # What it should be is kept beside what is printed.
        page.locator(f"#{anchor}").focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("e")
        page.keyboard.type("78")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#{anchor}[data-emendation='78']")
        assert "corrected by Anna" in page.inner_text(".card .about")
        with page.expect_download() as taken:
            page.get_by_role("button", name="Download the table as CSV").focus()
            page.keyboard.press("Enter")
        assert "77" in Path(taken.value.path()).read_text("utf-8-sig")
        for _ in range(2):
            page.locator(f"#{anchor}").focus()
            page.keyboard.press("Control+z")
            page.wait_for_timeout(50)
        said(page, f"77 → {before}")
        page.reload()
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert page.inner_text(f"#{anchor}") == before
    corpus = Corpus.open(folder)
    assert corpus.reading(PAGE).numbers == corpus.machine_reading(PAGE).numbers, "the machine's doubt is back"
    assert [one.correct for one in corpus.corrections.all] == ["77", "77", "77", "as read"]


def test_a_number_is_struck_out_and_drawn_again(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen(f"/pages/{PAGE}.html")
        name(page, "Anna")
        before = anchors(page)
        page.emulate_media(reduced_motion="reduce")
        page.reload()
        page.wait_for_selector(".pen[data-ready]", state="attached")
        page.click("#t1r3c2")
        where = None
        while where != (where := page.locator(".over rect.hot").bounding_box()):
            page.wait_for_timeout(300)
        frame = page.locator(".osd").bounding_box()
        page.keyboard.press("Delete")
        page.wait_for_function("n => document.querySelectorAll('td[id]').length === n", arg=len(before) - 1)
        page.get_by_role("button", name="draw a number").click()
        # The window may have been scrolled to the button; on the scan nothing moved.
        page.evaluate("() => document.querySelector('.osd').scrollIntoView({ block: 'center', behavior: 'instant' })")
        now = page.locator(".osd").bounding_box()
        x, y = (where[side] - frame[side] + now[side] - 1 for side in ("x", "y"))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + where["width"] + 2, y + where["height"] + 2, steps=3)
        page.mouse.up()
        page.wait_for_selector(".card.new")
        assert [page.input_value(f".card input[name={side}]") for side in ("row", "column")] == ["3", "2"]
        page.keyboard.type("55")
        page.keyboard.press("Enter")
        page.wait_for_function("n => document.querySelectorAll('td[id]').length === n", arg=len(before))
        assert page.inner_text("#t1r3c2") == "55"
    assert [one.correct for one in Corpus.open(folder).corrections.all] == ["", "55"]


def test_cut_outs_are_gone_through_with_one_hand(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen(f"/doubts.html?page={PAGE}")
        name(page, "Anna")
        texts = [page.locator(".cutouts input").nth(at).input_value() for at in range(4)]
        page.locator(".cutouts input").first.focus()
        page.keyboard.press("Enter")
        page.keyboard.type("91")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelectorAll('.cutouts .done').length === 3")
        page.keyboard.press("Control+z")
        page.wait_for_function("() => document.querySelectorAll('.cutouts .done').length === 2")
    stored = [(one.read, one.correct) for one in Corpus.open(folder).corrections.all]
    assert sorted(stored[:3]) == sorted([(texts[0], texts[0]), (texts[1], "91"), (texts[3], texts[3])])
    assert stored[3][1] == "as read"


def test_a_number_is_corrected_where_two_pages_are_compared(browser, workbench):
    with tab(browser, workbench) as screen:
        page = screen(f"/pairs/two.html?a=declination_1543&b={quote('declination_1604')}")
        name(page, "Anna")
        page.wait_for_selector("#closely .deep-lines path", state="attached")
        assert "of the score" in page.inner_text("#closely output")
        page.click("input[name=deep-mode][value=swipe]")
        page.wait_for_selector(".deep-desk[data-mode=swipe]")
        cell = page.locator("td.differs, td.doubtful").first
        anchor = cell.get_attribute("data-cell")
        right = cell.locator("span").nth(1).inner_text().split()[-1]
        cell.click()
        page.keyboard.press("a")
        page.keyboard.type(right)
        page.keyboard.press("Enter")
        page.wait_for_selector(f"td.agrees[data-cell='{anchor}']")


def test_what_is_looked_at_stands_in_the_address(browser, workbench):
    with tab(browser, workbench) as screen:
        page = screen("/pairs/two.html?a=declination_1543&b=declination_1604")
        page.wait_for_selector("#closely .deep-lines path", state="attached")
        page.locator("#closely input[aria-label='lines that bring at least']").fill("0.6")
        page.locator("#closely input[type=checkbox]").nth(1).check()
        page.evaluate(
            "() => document.querySelector('.deep-desk').scrollIntoView({ block: 'start', behavior: 'instant' })"
        )
        frame = page.locator(".deep-pane").first.bounding_box()
        page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 40)
        page.mouse.wheel(0, -400)
        page.wait_for_url("**view=**")
        said_before = page.inner_text("#closely output")
        view = page.url.split("view=")[1]
        page.reload()
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert page.inner_text("#closely output") == said_before
        assert page.locator("#closely input[type=checkbox]").nth(1).is_checked() and page.url.split("view=")[1] == view


def test_what_was_not_written_is_said_when_the_server_is_gone(browser, folder, tmp_path):
    with served(folder, tmp_path) as (server, address):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.goto(address.split("/?token=")[0] + f"/pages/{PAGE}.html")
        page.wait_for_selector(".pen[data-ready]", state="attached")
        name(page, "Anna")
        page.click("#t1r2c2")
        page.keyboard.type("12")
        server.kill()
        server.wait()
        page.keyboard.press("Enter")
        page.wait_for_selector(".pen output.bad")
        assert "nothing was written" in page.inner_text(".pen output")
        context.close()
    assert not Corpus.open(folder).corrections.all


def test_the_language_of_the_browser_is_spoken_and_can_be_changed(browser, workbench):
    context = browser.new_context(locale="it-IT")
    page = context.new_page()
    page.goto(workbench)
    page.wait_for_selector(".pen[data-ready]", state="attached")
    assert "prossima domanda" in page.inner_text(".pen")
    page.select_option(".pen select", "de")
    page.wait_for_function("() => document.querySelector('.pen')?.innerText.includes('nächste Frage')")
    page.goto(workbench.split("/?token=")[0] + "/doubts.html")
    page.wait_for_function("() => document.querySelector('h1').textContent === 'Zweifelhafte Zahlen'")
    context.close()


def test_hostile_names_are_text_in_the_grid_and_beside_scans(browser, workbench):
    with tab(browser, workbench) as screen:
        for path in (f"/doubts.html?page={quote(HOSTILE)}", f"/pairs/two.html?a={PAGE}&b={quote(HOSTILE)}"):
            page = screen(path)
            assert page.locator("main i, main script:not([type='application/json'])").count() == 0, path
            assert HOSTILE in page.content().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), path
