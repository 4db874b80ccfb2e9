import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.bigrams import BIN_NAMES, Occurrences, embed, score
from tablesim.bigrams.embedding import exact_histogram
from tablesim.evidence.matches import glyphs as matches_module
from tablesim.evidence.matches.glyphs import GlyphMatches
from tests.bigrams.pages import number_of

figures = st.text(alphabet="01235?", min_size=1, max_size=4)
sure = st.floats(0.01, 1, allow_nan=False)


@st.composite
def pages(draw):
    texts = draw(st.lists(figures, max_size=15))
    numbers = [
        number_of(text, draw(st.lists(sure, min_size=len(text), max_size=len(text))), y=20 * i)
        for i, text in enumerate(texts)
    ]
    return Occurrences.of(numbers)


def slow_pairs(a, b):
    """Every pair of equal glyphs and R_m (b_g / h_m)(b'_g' / h'_m), in plain Python."""

    def glyphs(side):
        confidence = [digit.confidence for digit in side.digits]
        of_bin = {}
        for n, (first, second, m) in enumerate(zip(side.first, side.second, side.bin, strict=True)):
            value = confidence[first] if second < 0 else min(confidence[first], confidence[second])
            of_bin.setdefault(int(m), []).append((n, value))
        return of_bin

    pairs = []
    of_a, of_b = glyphs(a), glyphs(b)
    for m in of_a.keys() & of_b.keys():
        h, other = sum(v for _, v in of_a[m]), sum(v for _, v in of_b[m])
        pairs += [(i, j, (h * other) ** 0.5 * v / h * w / other) for i, v in of_a[m] for j, w in of_b[m]]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def the_score(a, b):
    return score(embed(exact_histogram(a)), embed(exact_histogram(b)))


@given(pages(), pages())
def test_matches_sum_to_the_score(a, b):
    assert GlyphMatches(a, b).total() == pytest.approx(the_score(a, b), abs=1e-9)


@given(pages(), pages(), st.integers(0, 40))
def test_top_list_is_exact(a, b, k):
    one, other, relevance = GlyphMatches(a, b).top_indices(k)
    slow = slow_pairs(a, b)[:k]
    np.testing.assert_allclose(relevance, [r for *_, r in slow], rtol=1e-12, atol=0)
    # Which of several equally strong pairs are listed may turn on the last bit: the pairs are checked by their value.
    value = {(i, j): r for i, j, r in slow_pairs(a, b)}
    np.testing.assert_allclose(relevance, [value[pair] for pair in zip(one.tolist(), other.tolist(), strict=True)])
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(slow)


@given(pages(), pages())
def test_changing_places_changes_places(a, b):
    forward, backward = GlyphMatches(a, b), GlyphMatches(b, a)
    assert forward.total() == pytest.approx(backward.total(), abs=1e-12)
    assert forward.n_pairs == backward.n_pairs
    np.testing.assert_allclose(forward.of_digits()[0], backward.of_digits()[1], atol=1e-12)


@given(pages(), pages())
def test_relevance_of_digits_sums_to_the_score_on_each_page(a, b):
    matches = GlyphMatches(a, b)
    for relevance in matches.of_digits():
        assert relevance.sum() == pytest.approx(the_score(a, b), abs=1e-9)
        assert (relevance >= 0).all()


@given(pages(), pages())
def test_blocks_of_one_row_give_the_same(a, b):
    whole = GlyphMatches(a, b).total()
    before = matches_module.CHUNK
    try:
        matches_module.CHUNK = 1
        assert GlyphMatches(a, b).total() == pytest.approx(whole, abs=1e-12)
    finally:
        matches_module.CHUNK = before


def test_by_hand():
    a = Occurrences.of([number_of("45", [0.9, 0.8]), number_of("45", [0.2, 1.0], y=30), number_of("7", y=60)])
    b = Occurrences.of([number_of("145", x=5), number_of("7", [0.25], y=60)])
    matches = GlyphMatches(a, b)
    assert matches.n_pairs == 3
    assert [BIN_NAMES[m] for m in matches.bins] == ["7", "45"]
    top = matches.top(2)
    # 45: h = 0.8 + 0.2, h' = 1, R = 1, shares 0.8 and 0.2. 7: R = sqrt(1 * 0.25) = 0.5.
    assert [(match.bigram, match.relevance) for match in top] == [("45", pytest.approx(0.8)), ("7", pytest.approx(0.5))]
    assert top[0].a.to_dict() == {"x": 0, "y": 0, "width": 20, "height": 16}
    assert top[0].b.to_dict() == {"x": 15, "y": 0, "width": 20, "height": 16}
    assert matches.total() == pytest.approx(1.5)
    assert matches.of_digits()[0] == pytest.approx([0.4, 0.4, 0.1, 0.1, 0.5])


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_disturbed_match_no_longer_sums_to_the_score(side):
    """The two code paths are apart: what is changed in one does not show in the other."""
    a, b = (Occurrences.of([number_of("4530"), number_of("45", y=40), number_of("7", y=80)]) for _ in range(2))
    expected = the_score(a, b)
    matches = GlyphMatches(a, b)
    assert matches.total() == pytest.approx(expected, abs=1e-9)
    getattr(matches, f"_share_{side}")[0] += 1e-4
    assert abs(matches.total() - expected) > 1e-5


def test_a_disturbed_histogram_no_longer_equals_the_matches(monkeypatch):
    a, b = (Occurrences.of([number_of("4530"), number_of("45", y=40)]) for _ in range(2))
    monkeypatch.setattr("tablesim.bigrams.network.PairMinimum.forward", lambda self, pairs: pairs.mean(dim=-1) * 0.999)
    assert abs(GlyphMatches(a, b).total() - the_score(a, b)) > 1e-4


def test_an_occurrence_in_the_wrong_bin_is_noticed():
    right = Occurrences.of([number_of("45"), number_of("46", y=40), number_of("46", y=80)])
    moved = dataclasses.replace(right, bin=np.where(np.arange(3) == 1, right.bin[0], right.bin))
    assert abs(GlyphMatches(right, moved).total() - the_score(right, right)) > 0.1


def test_pages_with_nothing_in_common():
    matches = GlyphMatches(Occurrences.of([number_of("45")]), Occurrences.of([number_of("54")]))
    assert (matches.total(), matches.n_pairs, matches.top(5)) == (0.0, 0, [])


def test_zero_confidence_brings_nothing():
    matches = GlyphMatches(Occurrences.of([number_of("45", [0.0, 1.0])]), Occurrences.of([number_of("45")]))
    assert (matches.total(), matches.n_pairs) == (0.0, 0)


def test_a_full_page_of_one_figure_stays_small():
    page = Occurrences.of([number_of("0" * 60, y=20 * i) for i in range(50)])
    matches = GlyphMatches(page, page)
    assert matches.n_pairs == (50 * 59) ** 2
    assert max(block.size for m in matches.bins for block in matches.of_bin(m)) <= matches_module.CHUNK
    assert matches.total() == pytest.approx(50 * 59, rel=1e-9)
    assert len(matches.top(1000)) == 1000


def test_negative_top_is_refused():
    page = Occurrences.of([number_of("45")])
    with pytest.raises(ValueError, match="got -1, expected 0 or more"):
        GlyphMatches(page, page).top(-1)
