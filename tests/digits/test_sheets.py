"""Pieces laid on one sheet are read as they are alone."""

import numpy as np
import pytest

from tablesim.digits.sheets import GAP, PieceSheet
from tablesim.reader import load_network
from tablesim.scans.cleaning import clean
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pieces_stand_apart_and_whole(seed):
    rng = np.random.default_rng(seed)
    pieces = [np.full(rng.integers(5, 90, 2), k + 1, np.float32) for k in range(30)]
    sheet = PieceSheet.of(pieces)
    assert sheet.ink.shape[0] % 8 == sheet.ink.shape[1] % 8 == 0
    for k, (piece, (x, y), (wide, high)) in enumerate(zip(pieces, sheet.corners, sheet.sizes, strict=True)):
        np.testing.assert_array_equal(sheet.ink[y : y + high, x : x + wide], piece)
        around = sheet.ink[max(0, y - GAP) : y + high + GAP, max(0, x - GAP) : x + wide + GAP]
        assert np.isin(around, [0, k + 1]).all()
    assert sheet.ink.size < 2 * sum((piece.shape[0] + GAP) * (piece.shape[1] + GAP) for piece in pieces)


def test_digits_are_given_in_the_pixels_of_their_piece():
    reader = load_network().digit_reader
    texts = ["23", "4", "576", "89", "10"]
    pieces = []
    for seed, text in enumerate(texts):
        paper = Sheet(260 + 40 * seed, 200, np.random.default_rng(seed))
        paper.write(60 + 10 * seed, 100, text, Style(FACES["fell-english"], 50))
        scan = age(paper, Ageing(scale=0.6, grain=0.1), np.random.default_rng(seed))
        pieces.append(clean(scan.grey))
    digits, piece = PieceSheet.of(pieces).digits(reader, 0.3)
    for k, text in enumerate(texts):
        here = digits.take(piece == k)
        order = np.argsort(here.middles[:, 0])
        assert "".join(map(str, here.values[order])) == text
        assert np.all(here.boxes > 0) and np.all(here.boxes[:, 2:] < pieces[k].shape[::-1])
