"""A box that is drawn finds its cell, an empty cell its box; the number goes where it is put, and nowhere else."""

from __future__ import annotations

import pytest

from tablesim.corpus.store import Corpus

PAGE = "sines_1543"


@pytest.fixture
def number(browser):
    """A number in the middle of the table, as the page shows it."""
    shown = browser.get("/api/page", params={"id": PAGE}).json()
    return shown["sha256"], next(n for n in shown["reading"]["numbers"] if n["address"]["anchor"] == "t1r3c2")


def sides(shown):
    return {side: shown[side] for side in ("x", "y", "width", "height")}


def said(number, **values):
    sha256, shown = number
    return {"page": PAGE, "sha256": sha256, **sides(shown), "expected": shown["text"], "who": "Anna"} | values


def test_a_number_that_was_struck_out_is_found_again_by_its_cell_and_by_a_box(browser, post, number):
    post("/api/correct", **said(number, correct=""))
    found = browser.get("/api/place", params={"page": PAGE, "cell": "t1r3c2"}).json()
    assert found["stands"] == ""
    shown = number[1]
    assert abs(found["x"] + found["width"] / 2 - shown["x"] - shown["width"] / 2) < shown["width"] / 2
    assert abs(found["y"] + found["height"] / 2 - shown["y"] - shown["height"] / 2) < shown["height"] / 2
    drawn = browser.get("/api/place", params={"page": PAGE, **sides(shown)}).json()
    assert (drawn["cell"], drawn["stands"]) == ("t1r3c2", "")
    answer = post("/api/correct", **said(number, correct="77", expected="", cell=drawn["cell"]))
    assert answer.json()["cell"] == "t1r3c2"
    assert answer.json()["new"][0].get("place_x") is None, "it stands there by itself"


def test_a_cell_that_is_taken_is_refused(browser, post, number, folder):
    answer = post("/api/correct", **said(number, correct="77", cell="t1r4c2"))
    assert answer.status_code == 400
    assert "already" in answer.json()["error"]
    assert browser.get("/api/place", params={"page": PAGE, "cell": "t9r1c1"}).status_code == 400
    assert not Corpus.open(folder).corrections.all


def test_print_and_emendation_are_kept_apart_and_undone(browser, post, number, folder):
    post("/api/correct", **said(number, correct="71", emendation="11"))
    post("/api/correct", **said(number, correct="72", expected="71"))
    now = next(n for n in Corpus.open(folder).reading(PAGE).numbers if n.text == "72")
    assert now.emendation == "11", "nothing was said of it"
    html = browser.get(f"/pages/{PAGE}.html").text
    assert 'data-emendation="11"' in html
    assert "corrected by Anna on" in html
    post("/api/correct", **said(number, correct="as read", expected="72"))
    assert Corpus.open(folder).reading(PAGE).numbers == Corpus.open(folder).machine_reading(PAGE).numbers
    assert len(Corpus.open(folder).corrections.all) == 3


@pytest.mark.parametrize(
    "query", [{"cell": "x"}, {"x": "1"}, {"x": "a", "y": "1", "width": "1", "height": "1"}, {"page": "no"}]
)
def test_what_cannot_be_meant_is_one_clear_error(browser, query):
    answer = browser.get("/api/place", params={"page": PAGE} | query)
    assert answer.status_code == 400
    assert answer.json()["error"]
