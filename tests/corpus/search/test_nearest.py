from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tablesim.bigrams.embedding import containment, unit_rows
from tablesim.corpus.search.containing import holding
from tablesim.corpus.search.hits import shared_bigrams, typed_histogram, typed_numbers
from tablesim.corpus.search.index import SearchIndex
from tablesim.corpus.search.nearest import RowGroups, background_counts, nearest, neighbours
from tablesim.errors import SettingsError


def counts(seed, *shape, most):
    """Counts of which a share, from none to all, are above zero: drawing each by hypothesis takes a second a page."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, most + 1, shape) * (rng.random(shape) < rng.choice([0, 0.1, 0.5, 1]))).astype(float)


seeds = st.integers(0, 2**32 - 1)
histograms = seeds.map(lambda seed: counts(seed, 110, most=30))
pages = seeds.map(lambda seed: counts(seed, 7, 110, most=2))


def index_of(h):
    h = np.asarray(h, np.float32)
    return SearchIndex(unit_rows(np.sqrt(h)).astype(np.float32), h, np.arange(len(h)), h.sum(axis=1, dtype=np.float64))


def sorted_slowly(h, query, asked, contained=False):
    """Rows, nearest first, by a sort in float64 of every row."""
    phi, unit = unit_rows(np.sqrt(np.float32(h))), unit_rows(np.sqrt(np.float32(query))[None])[0]
    cosines = [round(float(row @ unit), 9) for row in phi]
    covered = [round(containment(query, row), 9) if contained else 0.0 for row in h]
    order = sorted(range(len(h)), key=lambda at: (-covered[at], -cosines[at], at))
    return [at for at in order if cosines[at] > 0 and asked[at]]


@settings(deadline=None)
@given(pages, st.integers(1, 8), st.booleans(), seeds)
def test_the_nearest_rows_are_those_of_a_full_sort(h, k, contained, seed):
    asked = np.random.default_rng(seed).random(len(h)) < 0.8
    for query in h:
        found = nearest(index_of(h), query, k, asked, contained=contained)
        top = found.top(k)
        assert found.rows[top].tolist() == sorted_slowly(h, query, asked, contained)[:k]
        unit = unit_rows(np.sqrt(np.float32(query))[None])[0]
        np.testing.assert_allclose(found.cosines[top], unit_rows(np.sqrt(h[found.rows[top]])) @ unit, atol=1e-7)


@settings(deadline=None, max_examples=60)
@given(pages, st.integers(1, 3), st.sampled_from([0.3, 0.85]), st.sampled_from([1, 3, 65536]))
def test_pages_that_hold_another_are_those_of_a_full_sort_whatever_the_blocks(h, k, least, block):
    index, sums = index_of(h), h.sum(axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tablesim.corpus.search.containing._BLOCK", block)
        found = holding(index, range(len(h)), k, least, unequal=0.8)
    for entry, query in enumerate(h):
        unequal = (sums > 0) & ((sums < 0.8 * sums[entry]) | (sums[entry] < 0.8 * sums))
        best = sorted_slowly(h, query, unequal, contained=True)
        held = [at for at in best if round(containment(query, h[at]), 9) >= least]
        assert found[entry].tolist() == held[:k]


@settings(deadline=None, max_examples=30)
@given(pages, st.integers(1, 4), st.sampled_from([1, 3, 7]), st.sampled_from([2, 5, 7]))
def test_neighbours_of_all_are_those_of_each_whatever_the_blocks(h, k, block, tile):
    index = index_of(h)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tablesim.corpus.search.nearest._BLOCK", block)
        patch.setattr("tablesim.corpus.search.nearest._TILE", tile)
        near = list(neighbours(index, k))
    assert len(near) == len(h)
    for at, (rows, cosines) in enumerate(near):
        found = nearest(index, h[at], k, np.arange(len(h)) != at)
        assert rows.tolist() == found.rows[found.top(k)].tolist()
        assert cosines.tolist() == found.cosines[found.top(k)].tolist()


def test_what_float32_cannot_tell_apart_is_told_apart():
    rng = np.random.default_rng(5)
    base = rng.integers(1, 4000, 110).astype(np.float64)
    # Rows that differ from the query in the last digit of one count: their cosines agree to 8 decimals.
    h = np.tile(base, (200, 1))
    h[np.arange(200), rng.permutation(200) % 110] += rng.integers(1, 200, 200)
    found = nearest(index_of(h), base, 10)
    exact = sorted_slowly(h, base, np.ones(200, bool))
    assert found.rows[found.top(10)].tolist() == exact[:10]
    by_float32 = np.argsort(-(index_of(h).unit @ np.float32(unit_rows(np.sqrt(base)[None])[0])), kind="stable")
    assert by_float32[:10].tolist() != exact[:10], "the test asks for nothing that float32 does not know"


def test_equals_come_in_the_order_of_the_rows():
    found = nearest(index_of(np.tile(np.arange(1.0, 111.0), (5, 1))), np.arange(1.0, 111.0), 3)
    assert found.rows[found.top(3)].tolist() == [0, 1, 2]


@settings(deadline=None)
@example(counts(1305131, 7, 110, most=2), 3, 4, 224)
@given(pages, st.integers(1, 7), st.integers(0, 6), seeds)
def test_a_surprise_counts_the_pages_of_others_that_come_as_near(h, k, at, seed):
    group = np.random.default_rng(seed).integers(-1, 3, len(h)).astype(np.int32)
    found = nearest(index_of(h), h[at], k, np.arange(len(h)) != at)
    top = found.top(k)
    given_ = background_counts(found, top, RowGroups("book", group), int(group[at]))
    phi = unit_rows(np.sqrt(np.float32(h)))
    cosines = np.round(phi @ phi[at], 9)
    for place, surprise in zip(top, given_, strict=True):
        row = found.rows[place]
        others = [r for r in range(len(h)) if group[r] >= 0 and group[r] not in (group[row], group[at])]
        assert surprise.others == len(others)
        # Both sides are rounded to 9 decimals: half of the last tells equals from what is one step farther.
        assert surprise.as_near == sum(min(cosines[r], 1.0) > found.cosines[place] - 5e-10 for r in others)
        assert surprise.share == (surprise.as_near / len(others) if others else None)


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
    with pytest.raises(SettingsError, match=r"numbers: got 'xxiv', expected digits such as '0 24 / 0 48'"):
        typed_numbers("xxiv")
