import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.bigrams.embedding import exact_histogram
from tablesim.bigrams.occurrences import Occurrences
from tablesim.evidence.matches.glyphs import GlyphMatches
from tablesim.evidence.matches.shares import bigram_shares, n_for, shuffled
from tablesim.records.bins import BIN_NAMES
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

PLACE = Box(0, 0, 5, 8)


def side(*texts, confidence=1.0):
    return Occurrences.of(
        [
            Number(text, tuple(Digit(None if c == "?" else int(c), PLACE, confidence) for c in text), confidence)
            for text in texts
        ]
    )


def test_bigrams_bring_what_their_bins_bring():
    shares = bigram_shares(GlyphMatches(side("12", "12", "12", "12", "7", "345"), side("12", "7", "7", "7", "7", "9")))
    assert [(share.bigram, share.relevance) for share in shares] == [("7", 2.0), ("12", 2.0)]
    assert [share.share for share in shares] == [0.5, 0.5]
    assert (shares[1].count_a, shares[1].count_b) == (4, 1)
    assert set(shares[0].to_dict()) == {"bigram", "relevance", "share", "expected", "count_a", "count_b"}


def test_expected_is_what_figures_in_any_order_would_bring():
    """Twelve times 10 and as often 23: any of 16 pairs by chance."""
    page = side(*["10"] * 12, *["23"] * 12)
    found = {share.bigram: share for share in bigram_shares(GlyphMatches(page, page))}
    assert found["10"].share == pytest.approx(0.5)
    assert found["10"].expected == pytest.approx(1 / 16)
    assert shuffled(page)[BIN_NAMES.index("33")] == pytest.approx(24 / 16)


def test_pages_without_a_common_bigram_have_none():
    assert bigram_shares(GlyphMatches(side("12"), side("21"))) == []
    assert bigram_shares(GlyphMatches(side(), side("21"))) == []
    assert shuffled(side()).tolist() == [0] * 110


texts = st.lists(st.text("0123456789?", min_size=1, max_size=4), max_size=12)


@given(texts, texts, st.floats(0.1, 1))
def test_shares_sum_to_one_and_shuffling_keeps_the_sum(one, other, confidence):
    a, b = side(*one, confidence=confidence), side(*other)
    matches = GlyphMatches(a, b)
    shares = bigram_shares(matches)
    assert sum(share.relevance for share in shares) == pytest.approx(matches.total())
    assert [share.share for share in shares] == sorted((share.share for share in shares), reverse=True)
    if shares:
        assert sum(share.share for share in shares) == pytest.approx(1)
        assert n_for(shares, 1.0) == len(shares)
        assert 1 <= n_for(shares, 0.5) <= len(shares)
    if len(a):
        assert shuffled(a).sum() == pytest.approx(exact_histogram(a).sum())


def test_the_fewest_bigrams_for_half_of_the_score():
    shares = bigram_shares(GlyphMatches(side("1", "2", "2", "2", "2"), side("1", "2", "2", "2", "2")))
    assert [share.share for share in shares] == [0.8, 0.2]
    assert (n_for(shares, 0.5), n_for(shares, 0.8), n_for(shares, 0.81)) == (1, 1, 2)
    assert np.isfinite([share.expected for share in shares]).all()
