import numpy as np
import pytest
from corpus.fakes import table

from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.records.bins import count_bigrams

TABLES = [count_bigrams(text for row in table(kind) for text in row).astype(int) for kind in range(5)]


def histograms(sizes=(5, 4, 3, 2), mixed=True):
    """Editions of each table; ``mixed`` adds a page that is half of table 0 and half of table 1."""
    rng = np.random.default_rng(4)
    pages = {
        f"t{kind}_{copy}": rng.binomial(TABLES[kind], 0.97) for kind, size in enumerate(sizes) for copy in range(size)
    }
    return pages | ({"mixed": (TABLES[0] + TABLES[1]) // 2} if mixed else {})


@pytest.fixture
def run(tmp_path):
    """A clustered run with a page that could go either way, forced into four clusters."""
    corpus = corpus_of_histograms(tmp_path / "run", histograms())
    corpus.cluster(4)
    return corpus
