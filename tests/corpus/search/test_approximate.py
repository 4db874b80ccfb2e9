import numpy as np
import pytest

from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.search import approximate
from tablesim.errors import MissingExtraError

pytest.importorskip("faiss")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """300 tables in four editions each, those of one table in as many books."""
    rng = np.random.default_rng(2)
    kinds = rng.multinomial(400, rng.dirichlet(np.full(110, 0.3), 300))
    h = np.repeat(kinds, 4, axis=0) + rng.poisson(0.05, (1200, 110))
    pages = {f"t{row // 4:03d}_{row % 4}": h[row] for row in range(len(h))}
    books = {page: {"book": page[-1]} for page in pages}
    return corpus_of_histograms(tmp_path_factory.mktemp("many") / "run", pages, books)


def test_candidates_find_what_an_exact_search_finds(many, monkeypatch):
    monkeypatch.setattr("tablesim.corpus.search.engine.ABOVE", 1000)
    for page in ("t000_0", "t123_2", "t299_3"):
        exact = many.search(page, top=3)
        assert {hit.page[:4] for hit in exact} == {page[:4]}
        found = many.search(page, top=3, approximate=True)
        assert [(hit.page, hit.similarity) for hit in found] == [(hit.page, hit.similarity) for hit in exact]
        assert found[0].surprise is None
    across = many.search("t123_2", top=3, across_books=True, approximate=True)
    assert {hit.page for hit in across} == {"t123_0", "t123_1", "t123_3"}
    index = many.searching.index
    assert (index.folder / approximate._FILE).is_file()


def test_up_to_the_measured_size_search_stays_exact(many, monkeypatch):
    def never(*_):
        raise AssertionError("candidates were looked for")

    monkeypatch.setattr("tablesim.corpus.search.engine.candidates", never)
    assert many.search("t000_0", top=3, approximate=True) == many.search("t000_0", top=3)


def test_without_faiss_the_extra_is_named(many, monkeypatch):
    monkeypatch.setattr("tablesim.corpus.search.approximate.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tablesim\[faiss\]'"):
        approximate.candidates(many.searching.index, np.ones(110), 5)
