"""Numbers of a table that were not read are looked for where their row and their column cross."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tablesim.digits.detection import detect_page
from tablesim.digits.empty_places import digits_in_empty_places
from tablesim.digits.page import _arranged, numbers_of_page
from tablesim.digits.pieces_of_page import LEANS, PiecesOfPage, slant_of
from tablesim.reader import load_network
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style

ITALIC, UPRIGHT = "garamond-italic", "fell-english"
EMPTY, LETTERS = (4, 1), (7, 2)


@pytest.fixture(scope="module")
def reader():
    return load_network().digit_reader


@cache
def scan_in(face):
    """Ten rows of four numbers, all with a 1; one place is empty and one has letters."""
    sheet = Sheet(900, 900, np.random.default_rng(0))
    for row in range(10):
        for column in range(4):
            text = "" if (row, column) == EMPTY else "M" if (row, column) == LETTERS else f"{1 + column % 2}{row}1"
            sheet.write(100 + 180 * column, 100 + 75 * row, text, Style(FACES[face], 50))
    return age(sheet, Ageing(scale=0.6, grain=0.1), np.random.default_rng(1))


@cache
def detection_of(face):
    return detect_page(load_network().digit_reader, scan_in(face).grey)


def without_numbers(detection, page, texts):
    gone = [run for number, run in zip(page.numbers, page.runs, strict=True) if number.digits_text in texts]
    kept = np.setdiff1d(np.arange(len(detection.digits)), np.concatenate(gone))
    return replace(detection, digits=detection.digits.take(kept)), detection.digits.take(np.concatenate(gone))


def test_italics_lean_and_upright_figures_do_not():
    italic, upright = detection_of(ITALIC), detection_of(UPRIGHT)
    assert slant_of(italic.digits, italic.ink) < -LEANS and slant_of(upright.digits, upright.ink) == 0


def nearest(found, others):
    """For each digit found the nearest of others, and how far away that is in pixels."""
    apart = np.linalg.norm(found.middles[:, None] - others.middles, axis=2)
    return apart.argmin(axis=1), apart.min(axis=1)


def test_what_is_read_on_pieces_set_upright_stands_where_it_is_printed(reader):
    detection = detection_of(ITALIC)
    page = _arranged(reader, detection)
    around = page.boxes + np.array([-1.3, -0.6, 1.3, 0.6]) * page.unit
    pieces = PiecesOfPage.cut(detection.ink, around, slant_of(detection.digits, detection.ink))
    found, piece = pieces.digits(reader, 0.5)
    which, far = nearest(found, detection.digits)
    assert set(piece) == set(range(len(page.numbers)))
    assert far.max() < 0.2 * page.unit and (found.values == detection.digits.values[which]).mean() > 0.98


def test_numbers_that_were_missed_are_read_at_their_places_and_nothing_else(reader):
    detection = detection_of(ITALIC)
    fewer, gone = without_numbers(detection, _arranged(reader, detection), {"141", "251"})
    found = digits_in_empty_places(reader, _arranged(reader, fewer))
    which, far = nearest(found, gone)
    assert sorted(which) == list(range(12)) and far.max() < 5
    assert found.values.tolist() == gone.values[which].tolist()


@cache
def page_of_rings():
    """Upright single figures, many of them 0; where one was not read there are an m and a 4 as well."""
    sheet = Sheet(900, 1100, np.random.default_rng(0))
    for row in range(13):
        for column in range(4):
            text = "m" if (row, column) == (4, 0) else str((row * column + row) % 5 * (row % 2))
            sheet.write(120 + 180 * column, 100 + 75 * row, text, Style(FACES[UPRIGHT], 50))
    scan = age(sheet, Ageing(scale=0.6, grain=0.1), np.random.default_rng(1))
    return detect_page(load_network().digit_reader, scan.grey)


def test_rings_that_were_taken_for_letters_are_read_where_they_have_the_shape_of_the_zeros_of_their_page(reader):
    detection = page_of_rings()
    whole = _arranged(reader, detection)
    some = [k for k, number in enumerate(whole.numbers) if number.digits_text in "04"][3::7]
    digits = [whole.runs[k][0] for k in some]
    assert {int(detection.digits.values[digit]) for digit in digits} == {0, 4}
    gone = detection.digits.take(np.array([d for d in digits if detection.digits.values[d] == 0]))
    kept = np.setdiff1d(np.arange(len(detection.digits)), digits)
    found = digits_in_empty_places(reader, _arranged(reader, replace(detection, digits=detection.digits.take(kept))))
    which, far = nearest(found, gone)
    assert set(found.values.tolist()) == {0} and len(set(which)) == len(which) > 1 and far.max() < 4


def test_a_page_in_italics_is_read_whole(reader, monkeypatch):
    detection = detection_of(ITALIC)
    fewer, _ = without_numbers(detection, _arranged(reader, detection), {"141", "251"})
    monkeypatch.setattr("tablesim.digits.page.detect_page", lambda *_, **__: fewer)
    texts = [number.digits_text for number in numbers_of_page(reader, scan_in(ITALIC)).numbers]
    assert (texts.count("141"), texts.count("251")) == (2, 2)
