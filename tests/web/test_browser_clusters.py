"""Questions by the keyboard alone, clusters made again and kept, history taken back, in a real browser."""

from __future__ import annotations

import pytest

from tablesim.corpus.store import Corpus
from tablesim.review.review import Review
from tests.web.test_browser import browser, name, said, tab

pytestmark = pytest.mark.browser

__all__ = ["browser"]


def test_questions_are_answered_by_the_keyboard_and_taken_back_in_the_history(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen("/queue.html")
        name(page, "Anna")
        page.wait_for_selector(".question img")
        asked = page.inner_text("#screen h2")
        page.keyboard.press("Tab")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("k")
        said(page, "same kind")
        page.wait_for_function("asked => document.querySelector('#screen h2')?.textContent !== asked", arg=asked)
        (line,) = Review(Corpus.open(folder)).log.standing()
        assert (line.decision, line.who) == ("kind", "Anna")
        assert line.page in asked and line.other in asked
        page.keyboard.press("Control+z")
        page.wait_for_function("asked => document.querySelector('#screen h2')?.textContent === asked", arg=asked)
        assert Review(Corpus.open(folder)).log.standing() == []
        page.keyboard.press("o")
        said(page, "another")
        log = screen("/history.html")
        log.wait_for_selector("tr[data-undo] .undo")
        assert log.locator("tbody tr").count() == 3
        log.locator("tr[data-undo] .undo").first.click()
        log.wait_for_function("() => document.querySelectorAll('tbody tr').length === 4")
        assert Review(Corpus.open(folder)).log.standing() == []


def test_a_cluster_is_named_and_joined_and_made_again(browser, workbench, folder):
    numbers = sorted(cluster.number for cluster in Corpus.open(folder).clusters.clusters)
    first, second = numbers[:2]
    with tab(browser, workbench) as screen:
        page = screen(f"/clusters/{first}.html")
        name(page, "Anna")
        page.wait_for_selector("#tools input[name=called]")
        page.fill("#tools input[name=called]", "Sines <of> 1543")
        page.click("#tools button:has-text('name')")
        page.wait_for_function("() => document.querySelector('h1').textContent.startsWith('Sines <of> 1543')")
        page.wait_for_selector("#tools input[name=other]")
        page.fill("#tools input[name=other]", str(second))
        page.click("#tools button:has-text('is one table with it')")
        page.wait_for_function("() => document.querySelector('.pen output').textContent !== ''")
        again = screen("/again.html")
        name(again, "Anna")
        again.fill(".tools input[name=clusters]", str(len(numbers)))
        again.click(".tools button:has-text('look')")
        again.wait_for_selector(".changes .joined", timeout=60_000)
        assert "Anna said on" in again.inner_text(".changes")
        assert len(Corpus.open(folder).clusters.clusters) == len(numbers), "not before it is kept"
        again.click(".tools button:has-text('keep it')")
        said(again, "kept")
        assert len(Corpus.open(folder).clusters.clusters) == len(numbers) - 1
        groups = screen("/groups.html")
        groups.wait_for_selector("td:has-text('Sines <of> 1543')")
