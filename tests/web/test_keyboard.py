"""A whole story by the keyboard alone, to its end; where the focus is can be seen at every step."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tablesim.corpus.store import Corpus
from tablesim.review.review import Review
from tests.web.test_browser import browser, said, tab

__all__ = ["browser"]

pytestmark = pytest.mark.browser

CELL = "t1r5c3"
"""What is other in the declinations of 1604 for sure (`tests.report.conftest.SURE`)."""

FOCUS = """wanted => {
  const part = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(part);
  const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  const seen = outlined || part === document.body || part.closest("svg");
  return [seen ? "" : part.outerHTML.slice(0, 90), part.matches(wanted), part.textContent.trim()];
}"""
"""What has the focus: the element where nothing shows that, whether it is the one that is wanted, and its words."""


class Keys:
    """Hands that have a keyboard and nothing else."""

    def __init__(self, page):
        self.page = page
        self.unseen = []

    def to(self, selector, most=150):
        """Tab until what has the focus is one of ``selector``; then what it is."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            unseen, found, words = self.page.evaluate(FOCUS, selector)
            self.unseen += [unseen] if unseen else []
            if found:
                return words
        raise AssertionError(f"{self.page.url}: {most} times Tab, and never {selector}")

    def follow(self, selector, address):
        self.to(selector)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(address)
        self.page.wait_for_selector(".pen[data-ready]", state="attached")

    def type(self, text):
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")


def test_find_compare_collate_correct_decide_undo_cluster_export_reload(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen("/pages.html")
        hands = Keys(page)
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "skip", "the first stop leads past the rest"
        # Find: a row of the declinations, then a page that has it.
        hands.to("input[name=numbers]")
        row = [number.text for number in Corpus.open(folder).reading("declination_1543").numbers if number.row == 2]
        hands.type(" ".join(row[:4]))
        page.wait_for_selector(".found a")
        hands.follow(".found a[href*='declination_1604']", "**/pages/**")
        # Compare, collate, and from a cell that differs to its page.
        hands.follow("#near a[href*='two.html'][href*='declination_1543']", "**/pairs/two.html**")
        hands.follow("a[href*='collation.html']", "**/collation.html**")
        hands.follow(f"a[href^='go?'][href*='declination_1604'][href*='{CELL}']", f"**/pages/**#{CELL}")
        assert "declination_1604" in unquote(page.url)
        # Correct: the name is asked for once.
        hands.to("td[id]")
        assert page.evaluate("() => document.activeElement.id") == CELL, "one comes to the number that is meant"
        page.keyboard.press("Enter")
        hands.type("Anna")
        page.wait_for_selector(f"#{CELL} .entry")
        right = next(n for n in Corpus.open(folder).reading("declination_1543").numbers if (n.row, n.column) == (4, 2))
        page.keyboard.press("Control+a")
        hands.type(right.text)
        said(page, f"57 → {right.text}")
        # Decide, take it back, decide otherwise.
        hands.follow(".screens a[href$='queue.html']", "**/queue.html**")
        page.wait_for_selector(".question img")
        page.keyboard.press("s")
        said(page, "same table")
        page.keyboard.press("Control+z")
        said(page, "taken back")
        page.keyboard.press("o")
        said(page, "another")
        hands.follow(".screens a[href$='history.html']", "**/history.html")
        n_lines = page.locator("tbody tr").count()
        hands.to("tr[data-undo] .undo")
        page.keyboard.press("Enter")
        page.wait_for_function("n => document.querySelectorAll('tbody tr').length === n + 1", arg=n_lines)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        # Cluster again: look, then keep.
        hands.follow(".screens a[href$='again.html']", "**/again.html")
        hands.to("input[name=clusters]")
        page.keyboard.press("Control+a")
        page.keyboard.type("4")
        hands.to("button")
        page.keyboard.press("Enter")
        page.wait_for_selector(".two-panes", timeout=60_000)
        assert hands.to("button:not([disabled])") == "keep it"
        page.keyboard.press("Enter")
        said(page, "kept")
        # Take it away, and look again.
        hands.follow(".screens a[href$='pages.html']", "**/pages.html")
        with page.expect_download() as taken:
            hands.to("[data-download]")
            page.keyboard.press("Enter")
        assert "declination_1604" in Path(taken.value.path()).read_text("utf-8-sig")
        page.reload()
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert not hands.unseen, hands.unseen
    corpus = Corpus.open(folder)
    assert [(one.read, one.correct, one.who) for one in corpus.corrections.all] == [("57", right.text, "Anna")]
    assert len(corpus.clusters.clusters) == 4
    assert Review(corpus).log.standing() == [], "every verdict was taken back"


def test_the_keys_of_a_screen_are_listed_and_what_is_typed_is_not_taken_for_one(browser, workbench):
    with tab(browser, workbench) as screen:
        page = screen("/pages/sines_1543.html")
        page.keyboard.press("?")
        page.wait_for_selector("dialog.keys[open]")
        told = page.inner_text("dialog.keys")
        assert "draw a number that is missing" in told and "Ctrl+Z" in told
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog.keys:not([open])", state="attached")
        page.locator(".pen input[name=who]").focus()
        page.keyboard.type("?")
        assert page.input_value(".pen input[name=who]") == "?" and not page.locator("dialog.keys[open]").count()
        assert "unsure" in screen("/queue.html").locator("dialog.keys").text_content()
