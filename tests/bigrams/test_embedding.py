import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tablesim.bigrams import bin_of, embed, histogram, score, similarity
from tests.bigrams.pages import number_of, reading_of, slow_histogram

# Counts are sums of confidences: none, or something far above the smallest float, where halving still halves.
histograms = npst.arrays(np.float64, 110, elements=st.just(0.0) | st.floats(1e-6, 500))


def test_histogram_of_a_reading_is_float32():
    reading = reading_of([number_of("45", [0.9, 0.7]), number_of("30"), number_of("6")])
    h = histogram(reading)
    assert h.dtype == np.float32
    assert h.shape == (110,)
    np.testing.assert_allclose(h, slow_histogram(reading.numbers), atol=1e-7)  # float32 keeps seven digits


def test_embedding_is_the_root_in_the_same_dtype():
    assert embed(np.full(110, 4, dtype=np.float32)).dtype == np.float32
    assert embed(np.full((2, 110), 9)).tolist() == [[3.0] * 110] * 2


@pytest.mark.parametrize(
    ("h", "message"),
    [
        (np.zeros(109), r"shape \(109,\), expected \(..., 110\)"),
        (np.full(110, -1.0), "negative or undefined count"),
        (np.full(110, np.nan), "negative or undefined count"),
    ],
    ids=["length", "negative", "nan"],
)
def test_embed_refuses_what_is_no_histogram(h, message):
    with pytest.raises(ValueError, match=message):
        embed(h)


@given(histograms, histograms)
def test_similarity_is_symmetric_and_between_0_and_1(h, other):
    a, b = embed(h), embed(other)
    assert similarity(a, b) == pytest.approx(similarity(b, a), abs=1e-12)
    assert 0 <= similarity(a, b) <= 1


@given(histograms, st.floats(0.01, 100))
def test_a_page_twice_as_long_is_the_same_table(h, factor):
    assert similarity(embed(h), embed(factor * h)) == pytest.approx(1.0 if h.any() else 0.0, abs=1e-9)


def test_empty_page_is_like_nothing():
    empty, full = np.zeros(110), embed(np.ones(110))
    assert similarity(empty, full) == similarity(full, empty) == similarity(empty, empty) == 0.0
    assert score(empty, full) == 0.0


def test_score_by_hand():
    h, other = np.zeros(110), np.zeros(110)
    h[bin_of("45")], other[bin_of("45")] = 4, 9
    h[bin_of("3")] = 5
    assert score(embed(h), embed(other)) == 6.0
    assert similarity(embed(h), embed(other)) == pytest.approx(6 / (3 * 3))
