"""A first look refuses text, never a table, and sees which side of a page is up."""

from dataclasses import replace

import numpy as np
import pytest

from tablesim.digits.first_look import _Seen, first_look
from tablesim.digits.scale import READING_HEIGHT, survey
from tablesim.reader import load_network
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.practice import Block, set_text
from tablesim.synthesis.sheet import Sheet, Style

SIZE = 30
SCAN = Ageing(scale=0.7, grain=0.1)


@pytest.fixture(scope="module")
def reader():
    return load_network().digit_reader


def text_page(seed: int, rows: int = 0, turn: float = 0.0) -> np.ndarray:
    """A page of text, with a table of ``rows`` rows and two columns in its middle, turned by ``turn`` degrees."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(1300, 1700, rng)
    style = Style(FACES["fell-english"], SIZE * 1.3)
    set_text(sheet, Block(120, 120, 1180, 700, SIZE), rng)
    for row in range(rows):
        for column in range(2):
            at = (300 + 100 * column, 760 + 50 * row) if not turn else (300 + 50 * row, 900 + 100 * column)
            number = str(rng.integers(10, 100))
            if turn:
                sheet.write_turned(*at, number, style, turn)
            else:
                sheet.write(*at, number, style)
    set_text(sheet, Block(120, 1120, 1180, 1580, SIZE), rng)
    return age(sheet, SCAN, rng).grey


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_small_table_among_text_is_seen_from_every_side(reader, rotation):
    grey = np.ascontiguousarray(np.rot90(text_page(1, rows=6), rotation // 90))
    look = first_look(reader, survey(grey))
    assert not look.refusal
    assert look.transform.rotation == rotation


@pytest.mark.parametrize(("turn", "rotation"), [(90, 270), (-90, 90)])
def test_a_table_on_its_side_among_upright_text_is_seen(reader, turn, rotation):
    look = first_look(reader, survey(text_page(4, rows=10, turn=turn)))
    assert not look.refusal
    assert look.transform.rotation == rotation


@pytest.mark.parametrize("seed", [1, 4])
def test_text_is_refused_for_two_fifths_of_the_work_of_reading_it(reader, seed):
    pixels = []

    class Counted:
        def cells(self, ink):
            pixels.append(ink.shape[-1] * ink.shape[-2])
            return reader.network.cells(ink)

    grey = text_page(seed)
    marks = survey(grey)
    look = first_look(replace(reader, network=Counted()), marks)
    assert look.refusal
    assert sum(pixels) < 0.4 * grey.size * marks.scale(0) ** 2


@pytest.mark.parametrize("size", [24, 42, 66])
def test_the_scale_brings_the_digits_to_the_height_of_reading(reader, size):
    rng = np.random.default_rng(size)
    sheet = Sheet(1300, 1300, rng)
    style = Style(FACES["gfs-didot"], size)
    for y in np.arange(150, 1150, 1.6 * size):
        for x in np.arange(150, 1100, 3.5 * size):
            sheet.write(float(x), float(y), str(rng.integers(10, 1000)), style)
    scan = age(sheet, SCAN, rng)
    height = np.median([digit.box.height for number in scan.numbers for digit in number.digits])
    assert first_look(reader, survey(scan.grey)).transform.scale * height == pytest.approx(READING_HEIGHT, rel=0.1)


def seen(*middles: tuple[float, float]) -> _Seen:
    return _Seen(0, middles=[np.array(middles)], heights=[np.ones(len(middles))])


def test_digits_in_rows_stand_together_on_two_lines():
    assert seen((0, 0), (3, 0), (0, 1.5), (3, 1.5)).in_rows
    assert not seen((0, 0), (3, 0), (0, 1.5)).in_rows
    assert not seen((0, 0), (0.6, 0), (1.2, 0.1), (1.8, 0)).in_rows  # a year
    assert not seen((0, 0), (30, 0), (0, 30), (30, 30)).in_rows  # letters here and there
