"""Clusters merged, split, named and made again in the browser; the history; the screens that only the workbench has."""

from __future__ import annotations

import json
import re

import pytest

from tablesim.corpus.store import Corpus
from tablesim.review.review import Review
from tests.report.conftest import HOSTILE


def clusters(folder):
    return {cluster.number: set(cluster.pages) for cluster in Corpus.open(folder).clusters.clusters}


def test_a_merge_is_looked_at_then_kept_and_seen_everywhere(browser, post, folder):
    before = clusters(folder)
    first, second, *_ = sorted(before)
    said = post("/api/merge", clusters=[first, second], who="Anna", reason="one table")
    assert said.status_code == 200
    shown = post("/api/cluster", clusters=str(len(before))).json()
    (change,) = shown["changes"]
    assert (change["what"], change["before"]) == ("joined", [first, second])
    assert change["why"][0].endswith(": one table")
    assert clusters(folder) == before, "nothing is kept before it was looked at"
    assert post("/api/keep", version=shown["version"] - 1).status_code == 400
    kept = post("/api/keep", version=shown["version"])
    assert kept.json()["clusters"] == len(before) - 1
    assert clusters(folder)[change["after"][0]] == before[first] | before[second]
    assert post("/api/keep", version=shown["version"]).status_code == 400, "only once"
    frame = Corpus.open(folder).clusterings[shown["name"]].to_table().to_pylist()
    judged = [row for row in frame if row["verdict"]]
    assert {(row["verdict"], row["verdict_by"], row["verdict_reason"]) for row in judged} == {
        ("same table", "Anna", "one table")
    }
    assert {row["relation_by"] for row in judged} == {"person"}, "what people said stands apart from what was found"
    history = browser.get("/history.html").text
    assert "carry the same table: their groups are one" in history


def test_readers_who_differ_are_shown_and_the_newest_holds(browser, post):
    pair = {"page": "sines_1543", "other": "sines_1561"}
    address = f"/pairs/two.html?a={pair['page']}&b={pair['other']}"
    assert "What people said" not in browser.get(address).text
    post("/api/verdict", **pair, decision="accept", who="Anna", reason="every cell")
    once = browser.get(address).text
    assert "What people said of these two (1)" in once and "<details open>" not in once.partition('id="matches"')[0]
    assert "Readers differ" not in once
    post("/api/verdict", **pair, decision="reject", who="Bela")
    twice = browser.get(address).text.partition('id="matches"')[0]
    assert "Readers differ on these two: the newest verdict holds (2)" in twice
    assert twice.index("Bela") < twice.index("Anna")
    log = browser.get("/data/history-0.js").text
    assert log.count("a newer one holds; readers differ") == log.count("holds; readers differ") - 1 == 1
    post("/api/verdict", **pair, decision="unsure", who="Bela")
    assert "Readers differ" not in browser.get(address).text, "who is unsure contradicts nobody"


def test_what_changed_since_it_was_looked_at_is_not_kept(post, folder):
    number = min(clusters(folder))
    shown = post("/api/cluster").json()
    post("/api/name", cluster=number, name="Sines", who="Anna")
    answer = post("/api/keep", version=shown["version"])
    assert (answer.status_code, "look again" in answer.json()["error"]) == (400, True)


def test_a_cluster_is_named_and_split_and_all_is_taken_back(browser, post, folder):
    number, pages = next((n, pages) for n, pages in clusters(folder).items() if len(pages) > 2)
    assert post("/api/name", cluster=number, name="</script><b>Sines", who="Anna").status_code == 200
    page = browser.get(f"/clusters/{number}.html").text
    assert "&lt;/script&gt;&lt;b&gt;Sines" in page and "<b>Sines" not in page
    assert "<b>Sines" not in browser.get("/groups.html").text
    out = sorted(pages)[0]
    lines = post("/api/split", cluster=number, pages=[out], who="Bela", reason="other radius").json()["lines"]
    shown = post("/api/cluster", clusters=str(len(clusters(folder)))).json()
    assert any("other radius" in why for change in shown["changes"] for why in change["why"])
    assert post("/api/undo", lines=[line["id"] for line in lines], who="Bela").status_code == 200
    assert post("/api/cluster").json()["changes"] == post("/api/cluster").json()["changes"]
    standing = Review(Corpus.open(folder)).log.standing()
    assert [line.decision for line in standing] == ["name"]
    rows = re.search(r"\[\n(.*)\n\]", browser.get("/data/history-0.js").text, re.S)[1].splitlines()
    kinds = [json.loads(row.rstrip(","))[2] for row in rows]
    assert kinds == ["undo", "verdict", "name"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/merge", {"clusters": [1]}),
        ("/api/merge", {"clusters": [1, 99]}),
        ("/api/merge", {"clusters": ["x", 2]}),
        ("/api/split", {"cluster": 1, "pages": []}),
        ("/api/split", {"cluster": 1, "pages": ["alone"]}),
        ("/api/name", {"cluster": 1, "name": "x" * 121}),
        ("/api/name", {"cluster": 1, "name": "x", "reason": "y" * 2001}),
        ("/api/undo", {"lines": [7]}),
        ("/api/undo", {"lines": list(range(1, 100))}),
        ("/api/cluster", {"clusters": "none"}),
        ("/api/verdict", {"page": "alone", "other": "words", "decision": "withdraw"}),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(post, folder, path, body):
    answer = post(path, **{"who": "Anna"} | body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not (folder / "verdicts.sqlite").exists()


def test_a_second_reader_is_asked_what_the_first_judged_and_not_told(browser, post):
    first = browser.get("/api/questions").json()["questions"][0]
    post("/api/verdict", page=first["page"], other=first["other"], decision="kind", who="Anna", reason="a secret")
    blind = browser.get("/api/questions", params={"who": "Bela", "blind": "yes"})
    assert (blind.json()["questions"][0]["page"], "a secret" in blind.text) == (first["page"], False)
    post("/api/verdict", page=first["page"], other=first["other"], decision="reject", who="Bela")
    (agreed,) = browser.get("/api/questions").json()["agreement"]
    assert (agreed["readers"], agreed["pairs"], agreed["observed"]) == (["Anna", "Bela"], 1, 0.0)


def test_any_number_of_witnesses_is_collated_with_a_cell_that_is_asked_for(browser):
    asked = [("w", page) for page in ("sines_1543", "sines_1561", HOSTILE)]
    asked.append(("wait", "yes"))
    page = browser.get("/collation.html", params=asked)
    assert page.status_code == 200
    assert "<style" not in page.text and " style=" not in page.text and '<i>"' not in page.text
    cell = re.search(r"&amp;cell=(t\d+r\d+c\d+)#asked", page.text)[1]
    one = browser.get("/collation.html", params=[*asked, ("cell", cell)]).text
    assert "The cell that was asked for" in one
    sheet = re.search(r'href="(collation.css[^"]*)"', page.text)[1].replace("&amp;", "&")
    assert browser.get(f"/{sheet}").headers["content-type"].startswith("text/css")
    assert browser.get("/collation.csv", params=asked).text.count("\n") > 10
    assert browser.get("/collation.json", params=asked).json()["cells"]
    for bad in ([("w", "alone")], [("w", "alone"), ("w", "../x")], [*asked, ("cell", "<b>")]):
        assert browser.get("/collation.html", params=bad).status_code in (400, 404)
    assert browser.get("/collation.exe", params=asked).status_code == 404


def test_books_stand_against_each_other_and_numbers_are_found(browser):
    books = [one["book"] for one in browser.get("/api/books").json()["books"]]
    assert {"book0", "book1", "book2"} <= set(books)
    pair = browser.get("/api/book-pair", params={"a": "book0", "b": "book1"}).json()
    cells = {(pair["pages_a"][i], pair["pages_b"][j]): relation for i, j, _, relation in pair["cells"]}
    assert cells["sines_1543", "sines_1561"] == "same table"
    assert browser.get("/api/book-pair", params={"a": "book0", "b": "none"}).status_code == 400
    typed = browser.get("/api/page", params={"id": "sines_1543"}).json()["reading"]["numbers"]
    row = " ".join(one["text"] for one in typed[:2])
    found = browser.get("/api/search", params={"numbers": row}).json()
    assert "sines_1543" in [hit["page"] for hit in found["hits"]]
    assert browser.get("/api/search", params={"numbers": "no figure"}).status_code == 400
    shown = browser.get("/go", params={"page": "sines_1543"}, follow_redirects=False)
    assert shown.headers["location"] == "/pages/sines_1543.html"
    assert browser.get("/go", params={"page": "//evil.example"}, follow_redirects=False).status_code == 404


def test_small_pictures_come_when_they_are_asked_for(browser):
    assert browser.get("/thumb", params={"page": "sines_1543"}).content[8:12] == b"WEBP"
    for page in ("broken", "../../etc/passwd", ""):
        assert browser.get("/thumb", params={"page": page}).status_code == 404


def test_a_shared_run_takes_no_decision(printed, tmp_path):
    from starlette.testclient import TestClient

    from tablesim.web.access import Access
    from tablesim.web.app import make_app
    from tablesim.web.live import LiveRun

    access = Access.of(["127.0.0.1"], 1, "t", may_write=False)
    shared = TestClient(make_app(LiveRun(printed), access, tmp_path), base_url="http://127.0.0.1:1")
    shared.headers |= {"origin": "http://127.0.0.1:1", "authorization": "Bearer t"}
    for path in ("merge", "split", "name", "undo", "cluster", "keep", "verdict"):
        assert shared.post(f"/api/{path}", json={}).status_code == 403
    for path in ("queue", "again", "books", "genealogy", "history"):
        assert shared.get(f"/{path}.html").status_code == 200
