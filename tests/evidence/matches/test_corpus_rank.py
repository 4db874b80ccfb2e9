import json

import numpy as np
import pyarrow as pa
import pytest
from corpus.fakes import FakeReader, reading_of, write_corpus, write_scan

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.comparison import compare
from tablesim.evidence.matches.corpus_rank import page_in, rank_in_corpus
from tablesim.scans.sources import find_scans, name_pages


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """4 tables in 3 editions and 2 pages without a table; edition 0 and 1 of table 0 are in one book."""
    folder = tmp_path_factory.mktemp("run")
    labels = write_corpus(folder / "scans")
    corpus = Corpus.create(folder / "run", {"network": "fake-1"})
    ingest(corpus, name_pages(find_scans(folder / "scans")))
    read_pages(corpus, FakeReader().make)
    books = ["atlas" if page in {"k0_e0", "k0_e1"} else page for page in corpus.page_table.column("page").to_pylist()]
    corpus.change_pages({"book": pa.array(books)})
    return corpus, labels


def cosines(corpus, page):
    """All table pages but for ``page`` by id, and their similarity to it: the plain way."""
    ids, h = corpus.histograms
    units = unit_rows(np.sqrt(h))
    found = {other: float(np.round(units[ids.index(page)] @ units[i], 9)) for i, other in enumerate(ids)}
    return {other: cosine for other, cosine in found.items() if other != page and corpus.page(other)["is_table"]}


@pytest.mark.parametrize(("a", "b"), [("k0_e0", "k0_e1"), ("k0_e0", "k2_e1"), ("k1_e2", "k3_e0")])
def test_ranks_and_others_are_those_of_the_plain_way(run, a, b):
    corpus, labels = run
    for known, group in ((None, {p["page"]: p["book"] for p in corpus.pages}), (labels, labels)):
        found = rank_in_corpus(corpus, a, b, known)
        for page, other, around in ((a, b, found.around_a), (b, a, found.around_b)):
            near = cosines(corpus, page)
            assert found.similarity == near[other]
            order = sorted(near, key=lambda name: (-near[name], name))
            assert (around.rank, around.of) == (order.index(other) + 1, len(near))
            others = [name for name in near if group[name] not in {group[a], group[b]}]
            assert around.surprise.by == ("book" if known is None else "label")
            assert around.surprise.others == len(others)
            assert around.surprise.as_near == sum(near[name] >= near[other] for name in others)
            best = min(others, key=lambda name: (-near[name], name))
            assert around.nearest_other == (best, near[best])


def test_a_pair_of_one_table_stands_out_and_another_does_not(run):
    corpus, labels = run
    same, other = rank_in_corpus(corpus, "k0_e0", "k0_e2", labels), rank_in_corpus(corpus, "k0_e0", "k2_e1", labels)
    assert same.around_a.surprise.as_near == 0
    assert same.around_a.rank <= 2
    assert same.around_a.nearest_other[1] < same.similarity
    assert other.around_a.rank > 2
    assert "k0_e2 is number" in same.words[0]
    assert "of 9 pages with another label, none come as near as" in same.words[0]


def test_of_equally_near_pages_the_first_id_is_first_and_all_count(tmp_path):
    rows = [["12", "34"], ["56", "78"], ["90", "1"]]
    for shade, page in enumerate(("a", "b", "c", "d")):
        write_scan(tmp_path / "scans" / f"{page}.png", rows, shade)
    corpus = Corpus.create(tmp_path / "run", {"network": "fake-1"})
    ingest(corpus, name_pages(find_scans(tmp_path / "scans")))
    read_pages(corpus, FakeReader().make)
    labels = {"a": "one", "b": "two", "c": "three", "d": "four"}
    assert [rank_in_corpus(corpus, "a", page).around_a.rank for page in "bcd"] == [1, 2, 3]
    found = rank_in_corpus(corpus, "b", "d", labels)
    assert (found.around_a.rank, found.around_b.rank) == (3, 2)
    assert found.around_a.surprise.to_dict() == {"by": "label", "as_near": 2, "others": 2, "share": 1}
    assert found.around_a.nearest_other == ("a", 1)


def test_without_books_or_labels_ranks_alone_are_known(run):
    corpus, _ = run
    found = rank_in_corpus(corpus, "k0_e0", "k0_e1", {})
    assert found.around_a.surprise is None
    assert found.around_a.nearest_other is None
    assert found.words[0].endswith("among the pages nearest to k0_e0")
    data = json.loads(json.dumps(found.to_dict()))
    assert data["around_a"] == {"rank": found.around_a.rank, "of": 11, "surprise": None, "nearest_other": None}


def test_a_page_without_a_table_is_set_among_those_with_one(run):
    corpus, _ = run
    found = rank_in_corpus(corpus, "k0_e0", "prose_1")
    assert found.around_a.of == 12
    assert found.around_a.rank == 12
    assert found.around_b.of == 12


def test_a_comparison_knows_its_standing(run):
    corpus, labels = run
    a, b = corpus.reading("k0_e0"), corpus.reading("k0_e1")
    comparison = compare(a, b)
    assert comparison.corpus_rank is None
    assert comparison.to_dict()["corpus_rank"] is None
    within = comparison.within(corpus, labels)
    assert within.to_dict()["corpus_rank"] == rank_in_corpus(corpus, "k0_e0", "k0_e1", labels).to_dict()
    assert within.similarity == comparison.similarity == pytest.approx(within.corpus_rank.similarity, abs=1e-6)


def test_a_page_is_found_by_its_bytes(run):
    corpus, _ = run
    moved = reading_of("elsewhere", [["1"]], sha256=corpus.page("k1_e0")["sha256"])
    assert page_in(corpus, moved) == "k1_e0"
    with pytest.raises(RunError, match="is no page of this run"):
        page_in(corpus, reading_of("k1_e0", [["1"]], scan="k1_e0.png", sha256="f" * 64))


def test_what_has_no_standing_is_named(run):
    corpus, _ = run
    with pytest.raises(RunError, match="was given twice"):
        rank_in_corpus(corpus, "k0_e0", "k0_e0")
    with pytest.raises(RunError, match="no page 'k9_e0' in this run"):
        rank_in_corpus(corpus, "k0_e0", "k9_e0")
    with pytest.raises(RunError, match="no digits were read on page prose_0"):
        rank_in_corpus(corpus, "k0_e0", "prose_0")
