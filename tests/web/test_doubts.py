"""The grid asks for the numbers whose look helps most, none that was decided, each with its cut-out."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tablesim.corpus.store import Corpus
from tablesim.web.doubts import DoubtOrder, MachineDoubts

PAGE = "sines_1543"


def test_doubtful_numbers_come_in_falling_weight_until_they_are_decided(browser, post, folder):
    found = browser.get("/api/doubts", params={"limit": "120"}).json()
    weights = [number["weight"] for number in found["numbers"]]
    assert weights == sorted(weights, reverse=True)
    corpus = Corpus.open(folder)
    doubtful = {
        (page, number.text)
        for page in corpus
        if corpus.page(page)["status"] == "read"
        for number in corpus.reading(page).numbers
        if number.confidence < 0.5 or number.doubts
    }
    assert {(number["page"], number["text"]) for number in found["numbers"]} == doubtful
    for number in found["numbers"][:1]:
        box = {side: number[side] for side in ("x", "y", "width", "height")}
        body = {"page": number["page"], "sha256": number["sha256"], **box, "expected": number["text"]}
        assert post("/api/correct", **body, correct=number["text"], who="Anna").status_code == 200
    left = browser.get("/api/doubts", params={"limit": "120"}).json()["numbers"]
    assert len(left) == max(0, len(found["numbers"]) - 1), "what is right as it stands is decided too"


def test_a_number_of_many_witnesses_comes_before_an_equal_one_of_few(folder):
    corpus = Corpus.open(folder)
    doubts = MachineDoubts.of(corpus)
    order = DoubtOrder.of(corpus, doubts)
    for line in order.lines:
        group = corpus.groups.table_of(order.pages[doubts.scan[line]])
        others = 1 if group is None else max(1, len(group.pages) - 1)
        assert order.weight[line] == pytest.approx(doubts.wrong[line] * others)


def test_all_numbers_of_a_page_are_shown_the_least_sure_first(browser):
    found = browser.get("/api/doubts", params={"page": PAGE}).json()["numbers"]
    confidences = [number["confidence"] for number in found]
    assert confidences == sorted(confidences)
    shown = browser.get("/api/page", params={"id": PAGE}).json()["reading"]["numbers"]
    assert len(found) == len(shown)


def test_a_cut_out_holds_its_number_and_nothing_outside_the_scan_is_cut(browser):
    number = browser.get("/api/doubts", params={"page": PAGE}).json()["numbers"][0]
    where = {"page": PAGE, **{side: str(number[side]) for side in ("x", "y", "width", "height")}}
    picture = Image.open(io.BytesIO(browser.get("/cutout", params=where).content)).convert("L")
    assert min(picture.size) > 20
    assert picture.getextrema()[0] < 120, "there is ink in it"
    for change in ({"x": "1e9"}, {"page": "../x"}, {"width": "nan"}, {"height": "x"}, {"width": "-3"}):
        answer = browser.get("/cutout", params=where | change)
        assert answer.status_code in (400, 404), change
