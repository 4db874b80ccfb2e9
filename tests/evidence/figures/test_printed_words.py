"""Words beside figures: headings above their columns, words beside their rows, rules and specks nowhere."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.figures.page_grid import page_grid
from tablesim.evidence.figures.printed_words import HEADING, ROW, printed_words
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform

ROWS, TOP, STEP, HEIGHT = 8, 160, 36, 20
COLUMNS = (240, 330, 520)
"""Left edges of the columns; words stand on the left and between the second and the third."""


@pytest.fixture
def reading(tmp_path):
    """A page with two headings, words left of all rows, words before the third column in four rows, and rules."""
    image = Image.new("L", (700, 520), 235)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    numbers = []
    for row in range(ROWS):
        y = TOP + STEP * row
        draw.text((80, y - 4), "London", 20, font)
        if row % 2:
            draw.text((410, y - 4), "Mars", 20, font)
        for column, x in enumerate(COLUMNS):
            draw.text((x, y - 4), "42", 20, font)
            digits = tuple(Digit(d, Box(x + 13 * i, y, 13, HEIGHT), 1.0) for i, d in enumerate((4, 2)))
            numbers.append(Number("42", digits, 1.0, 0, row, column, 42))
    draw.text((230, TOP - 50), "Hor.", 20, font)
    draw.text((325, TOP - 50), "Min.", 20, font)
    draw.line((305, TOP - 60, 300, 480), 20, 3)
    draw.line((60, TOP - 15, 660, TOP - 15), 20, 3)
    draw.ellipse((600, 200, 604, 204), 20)
    path = tmp_path / "a.png"
    image.save(path)
    return Reading(str(path), "a", "0" * 64, Transform(700, 520), True, 0.9, tuple(numbers))


def test_headings_stand_above_their_columns_and_words_beside_their_rows(reading):
    words = printed_words(reading, page_grid(reading), Cutter())
    assert {(w.column, w.before) for w in words if w.kind == HEADING} == {(0, False), (1, False)}
    beside = {(w.row, w.column) for w in words if w.kind == ROW}
    assert beside == {(row, 0) for row in range(ROWS)} | {(row, 2) for row in range(1, ROWS, 2)}
    assert all(w.before for w in words if w.kind == ROW)


def test_a_rule_across_the_table_closes_its_heading(reading):
    image = Image.open(reading.scan)
    draw = ImageDraw.Draw(image)
    draw.text((80, TOP - 95), "A line of prose above the rule of the table", 20, ImageFont.load_default(24))
    open_heading = min(w.box.y for w in headings_of(reading, image))
    draw.line((60, TOP - 62, 640, TOP - 60), 20, 3)
    closed = min(w.box.y for w in headings_of(reading, image))
    assert open_heading < TOP - 80 < TOP - 66 < closed


def headings_of(reading, image):
    image.save(reading.scan)
    return [w for w in printed_words(reading, page_grid(reading), Cutter()) if w.kind == HEADING]


def test_a_picture_holds_the_ink_of_its_words(reading):
    page = 255 - np.asarray(Image.open(reading.scan)).astype(float)
    for w in printed_words(reading, page_grid(reading), Cutter()):
        assert w.picture.ndim == 3 and (w.picture < 120).any()
        box = w.box
        inked = page[int(box.y) : int(box.bottom) + 1, int(box.x) : int(box.right) + 1]
        assert (inked > 150).sum() > 20


def test_a_scan_that_is_gone_has_no_words_and_the_cutter_says_why(reading, tmp_path):
    (tmp_path / "a.png").unlink()
    cutter = Cutter()
    assert printed_words(reading, page_grid(reading), cutter) == ()
    assert reading.scan in cutter.problems


@pytest.mark.parametrize("dirt", [False, True])
def test_a_heading_above_two_columns_is_shown_whole_with_each(reading, dirt):
    """Under a rule that closes it, of several lines, with pieces of a broken rule below it and dirt beside it."""
    image = Image.open(reading.scan)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 700, TOP - 12), 235)
    font = ImageFont.load_default(24)
    for y in (TOP - 112, TOP - 80, TOP - 48):
        draw.text((236, y), "Sehnen" if dirt else "Sehnen im Kreis", 20, font)
    draw.line((60, TOP - 122, 660, TOP - 122), 20, 3)
    for x in (240, 300, 520):
        draw.line((x, TOP - 13, x + 32, TOP - 13), 20, 2)
    if dirt:
        draw.rectangle((338, TOP - 100, 372, TOP - 99), 20)
    found = {w.column: w for w in headings_of(reading, image)}
    assert {0, 1} <= set(found)
    first, second = found[0], found[1]
    assert np.array_equal(first.whole, second.whole)
    assert first.whole.shape[1] > first.picture.shape[1] and first.box.height > 80


def test_pieces_of_a_rule_are_no_heading(reading):
    image = Image.open(reading.scan)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 700, TOP - 12), 235)
    for x in (240, 300, 520):
        draw.line((x, TOP - 20, x + 32, TOP - 20), 20, 2)
    assert headings_of(reading, image) == []
