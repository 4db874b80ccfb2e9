"""Clusters that are alike are one kind."""

import numpy as np
import pytest

from corpus.clustering.test_pipeline import names
from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.kinds import ALIKE, kinds_of
from tablesim.corpus.clustering.pipeline import cluster_pages


def months(rng, kinds, per_kind, spread):
    """Histograms of pages that are alike within a kind, and far apart as tables."""
    every = []
    for _ in range(kinds):
        base = rng.dirichlet(np.full(110, 0.3))
        every += [rng.poisson(3000 * rng.dirichlet(base * spread + 1e-3)) for _ in range(per_kind)]
    return np.array(every, dtype=np.float64)


@pytest.mark.parametrize("seed", range(3))
def test_as_many_kinds_as_there_are(seed):
    h = months(np.random.default_rng(seed), kinds=4, per_kind=5, spread=600)
    clustering = cluster_pages(names(20), h, [True] * 20, 20)
    kinds = kinds_of(clustering, h)
    found = [kinds[page] for page in clustering.pages]
    assert len(set(found)) == 4
    assert all(len(set(found[5 * kind : 5 * kind + 5])) == 1 for kind in range(4))
    unit = unit_rows(np.sqrt(h))
    assert (unit @ unit.T)[0, 1:5].mean() >= ALIKE > (unit @ unit.T)[0, 5:].max()


def test_larger_kinds_come_first_and_pages_in_no_cluster_have_none():
    h = np.concatenate([months(np.random.default_rng(0), 1, 2, 600), months(np.random.default_rng(1), 1, 5, 600)])
    h = np.concatenate([h, np.zeros((1, 110))])
    clustering = cluster_pages(names(8), h, [True] * 8, 7)
    assert list(kinds_of(clustering, h).values()) == [2, 2, 1, 1, 1, 1, 1]
    nothing = cluster_pages(names(1), np.zeros((1, 110)), [True])
    assert kinds_of(nothing, np.zeros((1, 110))) == {}
