from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.corpus.search import containment, shared_bigrams, top_rows, typed_histogram, typed_numbers, unit_rows
from tablesim.errors import SettingsError


def counts(seed, *shape, most):
    """Counts of which a share, from none to all, are above zero: drawing each by hypothesis takes a second a page."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, most + 1, shape) * (rng.random(shape) < rng.choice([0, 0.1, 0.5, 1]))).astype(float)


seeds = st.integers(0, 2**32 - 1)
histograms = seeds.map(lambda seed: counts(seed, 110, most=30))
pages = seeds.map(lambda seed: counts(seed, 7, 110, most=2))


@settings(deadline=None)
@given(pages, st.integers(1, 8))
def test_the_nearest_rows_are_those_of_a_full_sort(h, k):
    unit = unit_rows(np.sqrt(h))
    for query, (order, cosines) in zip(unit, top_rows(unit, unit, k), strict=True):
        slow = sorted(((-round(float(query @ row), 9), at) for at, row in enumerate(unit)))
        expected = [(at, -cosine) for cosine, at in slow if cosine < 0][:k]
        assert list(order) == [at for at, _ in expected]
        np.testing.assert_allclose(cosines, [min(cosine, 1.0) for _, cosine in expected], atol=2e-9)


def test_equals_come_in_the_order_of_the_rows():
    unit = unit_rows(np.tile(np.arange(1.0, 111.0), (5, 1)))
    order, _ = next(top_rows(unit[:1], unit, 3))
    assert list(order) == [0, 1, 2]


def test_blocks_make_no_difference(monkeypatch):
    rng = np.random.default_rng(3)
    unit = unit_rows(rng.random((9, 110)))
    whole = [order.tolist() for order, _ in top_rows(unit, unit, 4)]
    monkeypatch.setattr("tablesim.corpus.search._BLOCK", 2)
    assert [order.tolist() for order, _ in top_rows(unit, unit, 4)] == whole


@given(histograms, histograms)
def test_shared_bigrams_add_up_to_the_score(a, b):
    shared = shared_bigrams(a, b, 110)
    assert sum(bigram.relevance for bigram in shared) == pytest.approx(float(np.sqrt(a) @ np.sqrt(b)))
    assert all(first.relevance >= second.relevance for first, second in pairwise(shared))


@given(histograms, histograms)
def test_containment_is_symmetric_and_a_share(a, b):
    assert 0 <= containment(a, b) <= 1
    assert containment(a, b) == containment(b, a)
    assert containment(a, a + b) == (1.0 if a.any() and a.sum() <= (a + b).sum() else 0.0)


@given(st.lists(st.from_regex(r"[0-9]{1,5}", fullmatch=True), min_size=1), st.sampled_from([" ", " / ", ";", "° "]))
def test_typed_numbers_are_the_runs_of_figures(numbers, between):
    assert typed_numbers(between.join(numbers)) == numbers
    assert typed_histogram(between.join(numbers)).sum() == sum(max(1, len(number) - 1) for number in numbers)


def test_a_typed_query_without_figures_is_refused():
    with pytest.raises(SettingsError, match=r"numbers: got 'xxiv', expected figures such as '0 24 / 0 48'"):
        typed_numbers("xxiv")
