import json
import re

import pytest
from typer.testing import CliRunner

from corpus.fakes import FakeReader, write_corpus
from tablesim import Shelves
from tablesim.cli import app
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.search.number_search import STANDINGS
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.scans.metadata import PageMetadata
from tablesim.scans.sources import find_scans, name_pages


@pytest.fixture(scope="module")
def shelves(tmp_path_factory):
    """A run of all pages, and the same pages in two runs."""
    folder = tmp_path_factory.mktemp("shelves")
    write_corpus(folder / "scans", 5, 4, 2)
    scans = dict(sorted(name_pages(find_scans(folder / "scans")).items()))
    about = {page: PageMetadata(book=f"book {at % 3}") for at, page in enumerate(scans)}
    names = list(scans)
    runs = []
    for name, pages in (("whole", names), ("one", names[::2]), ("other", names[1::2])):
        corpus = Corpus.create(folder / name, {"network": "fake"})
        ingest(corpus, {page: scans[page] for page in pages}, {page: about[page] for page in pages})
        read_pages(corpus, FakeReader().make)
        runs.append(Corpus.open(folder / name))
    return runs


@pytest.mark.parametrize("across_books", [False, True])
def test_pages_of_two_runs_are_found_as_in_one_run_of_all(shelves, across_books):
    whole, *parts = shelves
    tables = [line["page"] for line in whole.pages if line["is_table"]]
    assert len(tables) == 20
    for page in tables:
        expected = whole.search(page, top=12, across_books=across_books)
        found = Shelves(parts).search(page, top=12, across_books=across_books)
        assert [each.hit.similarity for each in found] == pytest.approx([hit.similarity for hit in expected], abs=1e-9)
        assert {each.hit.page for each in found if each.hit.similarity > expected[-1].similarity + 1e-9} == {
            hit.page for hit in expected if hit.similarity > expected[-1].similarity + 1e-9
        }
        assert [each.hit.rank for each in found] == list(range(1, 13))
        assert all(each.hit.page in each.corpus for each in found)
        assert {each.corpus.folder.name for each in found} == {"one", "other"}


def test_numbers_in_two_runs_are_found_as_in_one_run_of_all(shelves):
    whole, *parts = shelves
    page = next(line["page"] for line in whole.pages if line["is_table"])
    query = " ".join(number.digits_text for number in whole.reading(page).numbers if number.row == 3)
    expected, found = whole.search_numbers(query, top=30), Shelves(parts).search_numbers(query, top=30)
    assert found.counts == expected.counts
    assert found.sentence == expected.sentence
    standings = [STANDINGS.index(each.hit.standing) for each in found.hits]
    assert standings == sorted(standings)
    holding = [
        {hit.page for hit in hits if hit.standing != "alike"} for hits in (expected.hits, [h.hit for h in found.hits])
    ]
    assert holding[0] == holding[1] and page in holding[1]


def test_a_page_is_of_one_run(shelves):
    _, *parts = shelves
    page = next(iter(parts[1]))
    assert Shelves(parts).holder(page) is parts[1]
    with pytest.raises(RunError, match=f"{page}: 2 runs have a page of this name"):
        Shelves(shelves).search(page)
    with pytest.raises(RunError, match="no page 'nix'"):
        Shelves(parts).search("nix")
    with pytest.raises(SettingsError, match=r"got .*one twice, expected different run folders"):
        Shelves([parts[0], parts[0]])
    with pytest.raises(SettingsError, match="got none"):
        Shelves.open([])


def test_the_command_names_the_run_of_each_hit(shelves):
    _, *parts = shelves
    folders = [str(corpus.folder) for corpus in parts]
    page = next(line["page"] for line in parts[0].pages if line["is_table"])
    answers = [CliRunner().invoke(app, ["search", *folders, *asked, "--json"]) for asked in ([page], ["--page", page])]
    hits, again = (json.loads(answer.stdout) for answer in answers)
    assert hits == again and len(hits) == 10
    assert {hit["run"] for hit in hits} == set(folders)
    shown = CliRunner().invoke(app, ["search", *folders, page]).stdout
    assert re.search(r"\brun\b", shown) and "other" in shown
    number = parts[1].reading(next(line["page"] for line in parts[1].pages if line["is_table"])).numbers[0].digits_text
    answer = CliRunner().invoke(app, ["search", *folders, "--numbers", number, "--json"])
    assert {hit["run"] for hit in json.loads(answer.stdout)} <= set(folders)
    refused = CliRunner().invoke(app, ["search", *folders, page, "--verify"])
    assert refused.exit_code == 2 and "--verify goes with one run" in refused.output
