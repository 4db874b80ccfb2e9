"""What the workbench says with a number is recomputed: the pages that it serves, and what its own screens are told."""

from __future__ import annotations

import re
import shutil
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from starlette.testclient import TestClient

from sentences import in_commands  # noqa: F401  # registers its sentences
from sentences.exports import export_faults
from sentences.facts import RunFacts
from sentences.report import report_faults
from sentences.saying import Masks, Where, faults
from sentences.test_every_sentence import first
from tablesim.corpus.store import Corpus
from tablesim.web.access import Access
from tablesim.web.app import make_app
from tablesim.web.live import LiveRun
from tablesim.workflow.witnesses import collate_from_run

PORT = 8737
FOUR = ("chords_1515", "chords_1549", "chords_1585", "chords_1604")


@pytest.fixture(scope="module")
def run(three, tmp_path_factory) -> RunFacts:
    """A copy: opening a run may finish what is stale in it."""
    folder = tmp_path_factory.mktemp("served") / "editions"
    return RunFacts(Corpus.open(shutil.copytree(three["editions"].corpus.folder, folder)))


@pytest.fixture(scope="module")
def browser(run) -> TestClient:
    app = make_app(
        LiveRun(run.corpus.folder), Access.of(["127.0.0.1"], PORT, "token"), run.corpus.folder.parent / "aside"
    )
    made = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
    made.cookies.set(f"tablesim-{PORT}", "token")
    return made


@pytest.fixture(scope="module")
def told(browser):
    """What the workbench tells its own screens."""

    def told(what, **asked):
        answer = browser.get(f"/api/{what}?{urlencode(asked, doseq=True)}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return told


def said(run, lines, kind, **more):
    at, masks = Where(run, kind, more=more), Masks(run)
    return chain.from_iterable(faults(line, at, masks) for line in lines)


def test_the_pages_that_are_served_say_nothing_that_is_not_so(run, browser, tmp_path):
    """All that the report on disk has but its pairs, of which each is served at an address of its own."""
    report = run.corpus.folder / "report"
    names = [path.relative_to(report) for path in report.rglob("*.html") if path.parent.name != "pairs"]
    assert len(names) > len(run.rows)
    pairs = {Path("pairs") / f"{a}-{b}.html": f"pairs/two.html?a={a}&b={b}" for a, b in (FOUR[:2], FOUR[1:3])}
    for name, address in ({name: str(name) for name in names} | pairs).items():
        answer = browser.get(f"/{address}")
        assert answer.status_code == 200, f"{address}: {answer.text}"
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(answer.text, encoding="utf-8")
    assert not first(report_faults(run, tmp_path))


def test_counts_of_the_run_and_its_list_are_so(run, told):
    about, listed = told("run"), told("pages", top=100)
    assert (about["pages"], about["problems"]) == (len(run.rows), len(run.corpus.problems))
    assert listed["total"] == len(run.rows) == len(listed["pages"])
    for row in listed["pages"]:
        known = run.rows[row["page"]]
        assert row["n_numbers"] == known["n_numbers"] and row["table"] == run.table_of(row["page"])
    counts = about["counts"]
    assert counts["pages"] == len(run.scans) and counts["copies"] == len(run.copies)
    assert counts["tables"] == len(run.table_numbers)
    assert counts["verified"] == sum(len(run.on_table(number)) for number in run.table_numbers)
    assert (counts["kinds"], counts["alike"]) == (len(run.kinds), len(run.alike))
    assert counts["alone"] == len(run.alone)


def test_doubtful_numbers_are_counted(run, told):
    doubts = told("doubts")
    pages = [number["page"] for number in doubts["numbers"]]
    assert doubts["total"] == sum(map(run.doubtful, run.tables)) == len(pages) > 0
    for number in doubts["numbers"]:
        assert number["text"] in chain.from_iterable(run.printed_at(number["page"]).values())
        assert number["text"] in run.printed_at(number["page"])[number["address"]["anchor"]]
        assert number["confidence"] < 0.5 or number["doubts"]


def test_questions_say_how_alike_their_pages_are_and_what_hangs_on_them(run, told):
    asked = told("questions", top=50)
    assert asked["open"] == len(asked["questions"]) > 0
    for question in asked["questions"]:
        a, b = question["page"], question["other"]
        if question["similarity"] is not None:
            assert question["similarity"] == pytest.approx(run.similarity(a, b), abs=1e-5)
            assert question["score"] == pytest.approx(run.score(a, b), rel=1e-5)
        shown = re.search(r"similarity ([01]\.\d{3}) with a page of cluster (\d+)", question["why"])
        if shown:
            other = max(run.similarity(a, page) for page in run.clusters[int(shown[2])])
            assert float(shown[1]) == pytest.approx(other, abs=6e-4)


def test_the_sum_of_a_comparison_is_its_score(run, told):
    found = told("compare", a=FOUR[0], b=FOUR[1])
    assert found["score"] == pytest.approx(run.score(*FOUR[:2]), rel=1e-5) == pytest.approx(found["relevance_total"])
    assert found["similarity"] == pytest.approx(run.similarity(*FOUR[:2]), abs=1e-5)
    assert found["containment"] == pytest.approx(run.containment(*FOUR[:2]), abs=1e-5)
    for line in found["bigrams"]:
        assert line["share"] == pytest.approx(line["relevance"] / found["score"], rel=1e-4)


def test_books_against_books_are_so_alike(run, told):
    books = told("books")["books"]
    assert sum(book["pages"] for book in books) == len(run.tables)
    both = told("book-pair", a="sun_1543", b="sun_1561")
    for i, j, similarity, relation in both["cells"]:
        a, b = both["pages_a"][i], both["pages_b"][j]
        assert similarity == pytest.approx(run.similarity(a, b), abs=6e-5)
        assert (relation == "same table") == (a.partition("_p")[2] == b.partition("_p")[2])
    shown = {(i, j) for i, j, *_ in both["cells"]}
    alike = np.array([[run.similarity(a, b) for b in both["pages_b"]] for a in both["pages_a"]]) >= 0.5
    assert shown == set(map(tuple, np.argwhere(alike).tolist()))


def test_a_search_a_collation_and_a_genealogy_say_nothing_that_is_not_so(run, told):
    found = told("search", numbers="0 30")
    assert not first(said(run, [found["sentence"]], "numbers", numbers=["0", "30"]))
    for hit in found["hits"]:
        at = re.findall(r"(\d+) at row (\d+)(?: \([^)]*\))?, column (\d+)", ", ".join(hit["places"]))
        assert bool(at) == (hit["standing"] == "holds them")
        assert all(text in run.printed_at(hit["page"])[f"t1r{row}c{column}"] for text, row, column in at)
    collation = collate_from_run(run.corpus, list(FOUR), print)
    tree = told("genealogy", w=FOUR)
    lines = [line for line in tree["words"] if isinstance(line, str)]
    assert any(" was set from " in line for line in lines)
    assert not first(said(run, lines, "collate", collation=collation))


def test_a_collation_that_is_served_says_nothing_that_is_not_so(run, browser, tmp_path):
    collation = collate_from_run(run.corpus, list(FOUR), print)
    answer = browser.get(f"/collation.html?{urlencode([('w', page) for page in FOUR])}")
    (tmp_path / "collation.html").write_text(answer.text, encoding="utf-8")
    assert answer.status_code == 200
    assert not first(export_faults(run, tmp_path / "collation.html", "collate", FOUR, collation=collation))


def test_what_clustering_again_would_change_is_counted(run, browser):
    def sent(what, **body):
        answer = browser.post(f"/api/{what}", json=body, headers={"origin": f"http://127.0.0.1:{PORT}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    again = sent("cluster")
    assert (again["changes"], again["n_moves"], again["before"]) == ([], 0, again["after"])
    assert again["after"]["clusters"] == len(run.clusters)
    assert not first(said(run, [again["after"]["groups"]], "cluster"))
    sent("verdict", page="chords_1604", other="chords_1585", decision="reject", who="Cleo", reason="for a trial")
    again = sent("cluster")
    assert again["before"]["clusters"] == len(run.clusters) < again["after"]["clusters"]
    assert again["n_moves"] == len(again["moves"]) == len({move["page"] for move in again["moves"]}) > 0
