"""Every function that writes into a run takes its lock inside, before it writes."""

import numpy as np
import pytest

from corpus.clustering.test_pipeline import corpus_of
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.history.series import write_history
from tablesim.corpus.map import make_map
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.workflow.clustering import cluster


@pytest.mark.parametrize("write", [make_map, write_history, cluster, Corpus.cluster, Corpus.build_neighbours])
def test_a_run_that_is_in_use_is_not_written(tmp_path, monkeypatch, write):
    h, _ = corpus_of((3, 2))
    pages = {f"p{row}": counts for row, counts in enumerate(h)}
    corpus = corpus_of_histograms(tmp_path / "run", {**pages, "prose": np.zeros(110)}, {"p0": {"year": 1550}})
    before = {path: path.read_bytes() for path in corpus.folder.rglob("*.*") if path.is_file()}

    def in_use(self):
        raise RunError("another process is writing this run")

    monkeypatch.setattr(Corpus, "lock", in_use)
    with pytest.raises(RunError, match="another process is writing"):
        write(corpus)
    assert {path: path.read_bytes() for path in corpus.folder.rglob("*.*") if path.is_file()} == before
