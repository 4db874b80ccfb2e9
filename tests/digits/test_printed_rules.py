"""Pieces of upright rules are no digits; strokes, digits over a rule and headings are."""

import cv2
import numpy as np
import pytest

from tablesim.digits.peaks import DigitPeaks
from tablesim.digits.printed_rules import SURE, lying_rules, upright_rules, without_pieces_of_rules

UNIT = 20.0


def peaks(*boxes, confidence=0.6):
    n = len(boxes)
    zeros = np.zeros(n, dtype=np.int64)
    return DigitPeaks(
        zeros + 4, np.full(n, confidence), zeros, np.zeros(n), np.array(boxes, dtype=np.float64), np.zeros((n, 4))
    )


def paper():
    return np.zeros((300, 200), dtype=np.float32)


def kept(ink, box, **peak):
    return len(without_pieces_of_rules(peaks(box, **peak), ink, UNIT)) == 1


def test_a_piece_of_a_double_rule_is_no_digit_unless_it_is_sure():
    ink = paper()
    ink[:, 100:104] = ink[:, 108:111] = 1
    box = (97, 140, 113, 160)
    assert not kept(ink, box)
    assert kept(ink, box, confidence=SURE)


def test_a_ragged_rule_is_a_rule():
    ink = paper()
    ink[:, 100:106] = 1
    ink[::3, 99] = ink[1::3, 106] = 1
    assert not kept(ink, (96, 140, 110, 160))


@pytest.mark.parametrize("width", [2, 5])
def test_a_stroke_alone_and_a_figure_over_a_thin_rule_stay(width):
    ink = paper()
    ink[140:160, 100 : 100 + width] = 1
    assert kept(ink, (97, 139, 108, 161))
    figure = np.zeros((300, 200), dtype=np.uint8)
    cv2.putText(figure, "4", (95, 160), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1, 3)
    ink = figure.astype(np.float32)
    ink[:, 104:106] = 1
    assert kept(ink, (95, 138, 113, 161))


def test_the_long_stroke_of_a_heading_stays():
    ink = paper()
    ink[100:160, 100:108] = 1
    assert kept(ink, (95, 98, 113, 162))


def test_rules_are_told_from_strokes_by_their_length():
    dark = np.zeros((100, 100), dtype=np.uint8)
    dark[50, 10:70] = dark[20:50, 80] = 1
    assert lying_rules(dark, UNIT).sum() == 60
    assert upright_rules(dark, UNIT).sum() == 0
    assert upright_rules(dark, 10.0).sum() == 30


def test_no_digits_are_no_digits():
    assert len(without_pieces_of_rules(DigitPeaks.empty(), paper(), UNIT)) == 0
