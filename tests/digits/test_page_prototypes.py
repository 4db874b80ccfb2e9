"""Figures that the type of their own page shows to be others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.digits.page_prototypes import CHANGED, ENOUGH, LEANING, correct_by_page_prototypes, glyph_features
from tablesim.digits.peaks import DigitPeaks
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

SIZE = 34


def page(texts, face="fell-english", seed=0):
    """A page with one digit or letter in each place of a grid: its ink, and the boxes of the places."""
    wide = 20
    sheet = Sheet(40 * wide + 40, 60 * (-(-len(texts) // wide)) + 60, np.random.default_rng(seed))
    style = Style(FACES[face], SIZE)
    places = [(40.0 * (at % wide) + 20, 60.0 * (at // wide) + 50) for at in range(len(texts))]
    for text, (x, y) in zip(texts, places, strict=True):
        sheet.write(x, y, text, style)
    ink = np.asarray(sheet.ink, np.float32) / 255
    noise = np.random.default_rng(seed).normal(0, 0.04, ink.shape)
    boxes = np.array([[x, y - 24, x + 17, y] for x, y in places])
    return np.clip(ink + noise, 0, 1), boxes


def found(values, boxes):
    n = len(values)
    return DigitPeaks(np.array(values), np.full(n, 0.99), np.full(n, 0), np.full(n, 0.001), boxes, np.zeros((n, 3)))


def printed(n=200, seed=3):
    return np.random.default_rng(seed).integers(0, 10, n).tolist()


def reread_all(values, ink, boxes):
    digits = found(values, boxes)
    return correct_by_page_prototypes(digits, np.arange(len(values)), ink)


@pytest.mark.parametrize("face", ["fell-english", "garamond-italic"])
def test_threes_that_were_taken_for_eights_are_read_again(face):
    true = printed()
    ink, boxes = page([str(value) for value in true], face)
    threes = [at for at, value in enumerate(true) if value == 3]
    read = list(true)
    for at in threes[:5]:
        read[at] = 8
    again = reread_all(read, ink, boxes)
    assert again.values.tolist() == true
    assert (again.confidence[threes[:5]] == CHANGED).all()
    assert (again.runner_up[threes[:5]] == 8).all()
    rest = np.setdiff1d(np.arange(len(true)), threes[:5])
    assert (again.confidence[rest] == 0.99).all()


def test_what_looks_like_no_digit_takes_no_other_value_and_is_doubted():
    true = printed()
    texts = [str(value) for value in true]
    for at in (10, 50, 90):
        texts[at] = "m"
    ink, boxes = page(texts)
    again = reread_all(true, ink, boxes)
    assert again.values.tolist() == true
    changed = again.confidence != 0.99
    assert set(np.flatnonzero(changed)) == {10, 50, 90}
    assert (again.confidence[changed] <= LEANING).all()


def test_a_value_that_is_seldom_is_left_alone():
    true = [value for value in printed(260) if value != 7] + [7] * (ENOUGH - 1)
    ink, boxes = page([str(value) for value in true])
    assert reread_all(true, ink, boxes).values.tolist() == true


@pytest.mark.parametrize("n", [0, 1, 20])
def test_few_digits_make_no_type(n):
    true = [8] * n
    ink, boxes = page(["3"] * max(n, 1))
    assert reread_all(true, ink, boxes[:n]).values.tolist() == true


def test_only_what_is_accepted_is_read_again():
    true = printed()
    ink, boxes = page([str(value) for value in true])
    read = list(true)
    wrong = true.index(3)
    read[wrong] = 8
    accepted = np.array([at for at in range(len(true)) if at != wrong])
    again = correct_by_page_prototypes(found(read, boxes), accepted, ink)
    assert again.values[wrong] == 8


def test_digits_at_the_edge_of_the_page_are_looked_at():
    ink = np.zeros((60, 60), np.float32)
    boxes = np.array([[-9.0, -9, 5, 12], [50, 45, 66, 70]])
    assert np.isfinite(glyph_features(ink, boxes)).all()


TRUE = printed(120)
INK, BOXES = page([str(value) for value in TRUE])


@settings(max_examples=15)
@given(st.permutations(range(120)), st.floats(0.3, 1.0))
def test_neither_the_order_nor_the_blackness_counts(order, black):
    read = np.array(TRUE)
    read[TRUE.index(3)] = 8
    straight = reread_all(read.tolist(), INK, BOXES).values
    mixed = reread_all(read[order].tolist(), (INK * black).astype(np.float32), BOXES[list(order)]).values
    assert (mixed == straight[list(order)]).all()
