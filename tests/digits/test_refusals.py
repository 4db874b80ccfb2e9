"""Pages that hold no figures are refused with the reason: blank, shown through, music, pictures, text."""

import numpy as np
import pytest

from tablesim.digits import refusals
from tablesim.digits.first_look import first_look
from tablesim.digits.scale import survey
from tablesim.reader import load_network
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.practice import Block, set_text
from tablesim.synthesis.sheet import Sheet, Style


@pytest.fixture(scope="module")
def reader():
    return load_network().digit_reader


def sheet() -> Sheet:
    return Sheet(1000, 1400, np.random.default_rng(3))


def with_table(page: Sheet, rows: int) -> Sheet:
    rng = np.random.default_rng(rows)
    for row in range(rows):
        for column in range(5):
            page.write(150 + 140 * column, 180 + 50 * row, str(rng.integers(10, 300)), Style(FACES["fell-english"], 42))
    return page


def scan(front: Sheet, show_through: float = 0.0, back: Sheet | None = None) -> np.ndarray:
    ageing = Ageing(scale=0.8, grain=0.1, show_through=show_through)
    return age(front, ageing, np.random.default_rng(1), back).grey


@pytest.mark.parametrize("strength", [0.2])
@pytest.mark.parametrize("rotation", [0, 90])
def test_the_back_that_shows_through_is_no_table(reader, strength, rotation):
    grey = np.rot90(scan(sheet(), strength, with_table(sheet(), 20)), rotation // 90)
    assert first_look(reader, survey(np.ascontiguousarray(grey))).refusal


def test_a_page_that_reads_better_mirrored_is_said_to_show_through(reader):
    mirrored = np.ascontiguousarray(scan(with_table(sheet(), 20))[:, ::-1])
    assert first_look(reader, survey(mirrored)).refusal == refusals.SHOW_THROUGH


def test_eight_rows_over_a_back_that_shows_through_are_seen(reader):
    look = first_look(reader, survey(scan(with_table(sheet(), 8), 0.2, with_table(sheet(), 20))))
    assert not look.refusal
    assert look.transform.rotation == 0


def test_a_blank_page_and_text_are_called_so():
    assert refusals.reason(survey(np.full((900, 600), 210, np.uint8))) == refusals.BLANK
    page = sheet()
    set_text(page, Block(120, 120, 880, 1280, 30), np.random.default_rng(4))
    assert refusals.reason(survey(scan(page))) == refusals.TEXT


def test_staves_are_music():
    page, rng = sheet(), np.random.default_rng(5)
    for top in range(150, 1250, 170):
        for line in range(5):
            page.rule(100, top + 16 * line, 900, top + 16 * line, 2)
        for x in range(140, 880, 45):
            page.write(x, top + int(rng.integers(0, 64)), "o", Style(FACES["fell-english"], 30))
    assert refusals.reason(survey(scan(page))) == refusals.MUSIC


def test_hatched_shapes_are_a_picture():
    page, rng = sheet(), np.random.default_rng(6)
    for _ in range(250):
        x, y = rng.uniform(150, 800), rng.uniform(200, 1200)
        page.line([(x, y), (x + rng.uniform(-150, 150), y + rng.uniform(-150, 150))], 2)
    assert refusals.reason(survey(scan(page))) == refusals.PICTURE
