import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.pages import print_page, sines, two_editions
from tablesim.bigrams.embedding import embed, exact_histogram, similarity
from tablesim.evidence.comparison import compare
from tablesim.evidence.figures.faithfulness_figure import draw_faithfulness
from tablesim.evidence.matches.faithfulness import Faithfulness, falling, glyph_faithfulness
from tablesim.evidence.matches.glyphs import GlyphMatches

from .test_shares import side, texts


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    return two_editions(tmp_path_factory.mktemp("pages"))


def histograms(matches):
    return [exact_histogram(page) for page in (matches.a, matches.b)]


def test_the_most_relevant_fall_faster_than_random_ones(editions, tmp_path):
    other = print_page(tmp_path, "sines", sines(60_000), seed=4)
    for a, b in (editions, (editions[0], other), (editions[0], editions[0])):
        found = compare(a, b).faithfulness
        assert found.gap > 0.1
        assert (found.top[1:-1] < found.random[1:-1]).all()
        assert (found.random_low <= found.random + 1e-12).all()
        assert (found.random <= found.random_high + 1e-12).all()


def test_the_curves_start_at_the_similarity_and_end_at_nothing(editions):
    comparison = compare(*editions)
    found = comparison.faithfulness
    assert (found.share[0], found.share[-1]) == (0, 1)
    for curve in (found.top, found.random):
        assert curve[0] == pytest.approx(comparison.similarity)
        assert curve[-1] == 0
    assert (np.diff(found.top) < 1e-12).all()


def test_each_step_is_the_similarity_of_what_is_left():
    """Against glyphs taken away one by one, both pages in turn."""
    matches = GlyphMatches(side("12", "12", "3", "45", "9"), side("12", "3", "3", "45", "45", "7"))
    h = histograms(matches)
    curves = []
    for at, page in enumerate((matches.a, matches.b)):
        able = np.flatnonzero(h[1 - at][page.bin] > 0)
        assert len(able) == (4, 5)[at]  # 9 and 7 have no match
        order = falling(page, able, h[at], h[1 - at])
        assert sorted(order) == able.tolist()
        curve = []
        for share in np.linspace(0, 1, 6):
            left = h[at].copy()
            for glyph in order[: round(share * len(order))]:
                left[page.bin[glyph]] -= page.values[glyph]
            curve.append(similarity(embed(left), embed(h[1 - at])))
        curves.append(curve)
    found = glyph_faithfulness(matches, steps=5)
    np.testing.assert_allclose(found.top, np.mean(curves, axis=0), atol=1e-12)
    assert found.things == 9


def test_the_next_is_always_the_most_relevant_of_what_is_left():
    matches = GlyphMatches(side("1", "1", "1", "1", "2", "3", "3"), side("1", "2", "2", "2", "2", "3"))
    h = histograms(matches)
    order = falling(matches.a, np.arange(7), h[0], h[1])
    left = h[0].copy()
    for step, glyph in enumerate(order):
        brings = {int(m): float(np.sqrt(h[1][m] / left[m])) for m in np.unique(matches.a.bin[order[step:]])}
        assert brings[int(matches.a.bin[glyph])] == pytest.approx(max(brings.values()))
        left[matches.a.bin[glyph]] -= 1
    assert int(matches.a.bin[order[0]]) == 2


def test_against_whole_bigrams_little_is_left_of_equal_pages_and_much_of_others(editions, tmp_path):
    other = print_page(tmp_path, "sines", sines(60_000), seed=4)
    gaps = [
        glyph_faithfulness(compare(editions[0], page).glyph_matches, by_bigram=True).gap
        for page in (editions[0], editions[1], other)
    ]
    assert abs(gaps[0]) < 0.02
    assert abs(gaps[1]) < 0.03
    assert gaps[2] > 0.1


def test_pages_without_a_match_have_no_curve():
    assert glyph_faithfulness(GlyphMatches(side("12"), side("21"))) is None
    assert glyph_faithfulness(GlyphMatches(side(), side())) is None


@given(texts, texts, st.floats(0.1, 1))
def test_any_two_pages_have_curves_within_bounds(one, other, confidence):
    matches = GlyphMatches(side(*one, confidence=confidence), side(*other))
    found = glyph_faithfulness(matches, steps=7, orders=3)
    if not matches.bins:
        assert found is None
        return
    for curve in (found.top, found.random, found.random_low, found.random_high):
        assert curve.shape == (8,)
        assert ((curve >= 0) & (curve <= 1 + 1e-9)).all()
    assert len(json.loads(json.dumps(found.to_dict()))["top"]) == 8


def curves(top, random):
    share = np.linspace(0, 1, len(top))
    top, random = np.array(top, dtype=float), np.array(random, dtype=float)
    return Faithfulness(share, top, random, random, random, 4, 100, "digits")


def test_the_gap_is_the_area_between_the_curves():
    assert curves([0.8, 0.0, 0.0], [0.8, 0.8, 0.0]).gap == pytest.approx(0.5)
    assert curves([1, 0.5, 0], [1, 0.5, 0]).gap == 0
    assert curves([1, 1, 0], [1, 0.5, 0]).gap < 0
    assert curves([1, 0, 0], [1, 1, 0]).at(0.25) == (0.5, 1.0)


def test_words_say_what_a_tenth_does_and_where_it_is_little():
    many = curves(np.linspace(1, 0, 11), [1] * 10 + [0])
    assert "without the 10 % most relevant digits the similarity falls from 1.000 to 0.900" in many.words
    assert "without random ones to 1.000" in many.words
    assert "says little" not in many.words
    few = Faithfulness(many.share, many.top, many.random, many.random, many.random, 4, 6, "digits")
    assert "with 6 digits this says little" in few.words


def test_the_curves_are_drawn(editions, tmp_path):
    comparison = compare(*editions)
    path = draw_faithfulness(comparison, tmp_path / "curve.png")
    assert path.stat().st_size > 5000
    empty = compare(editions[0], replace(editions[1], numbers=()))
    with pytest.raises(ValueError, match="have no match; there is no curve"):
        draw_faithfulness(empty, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
